// The ladder of PDHG, and what verify, check and the tests know of it.
#include <limits>

#include "autograd/differentiable_op.h"
#include "solvers/difference/difference.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/error.h"

namespace primal {

namespace {

constexpr ImplementationInfo kFused = {
    .name = "fused",
    .idea = "one sweep per iteration over rows in cache, vectorised, several iterations per visit"};
constexpr ImplementationInfo kPlain = {.name = kReference, .idea = "each update line a pass over memory"};

bool supports_all(const PdhgGeometry&) { return true; }

template <class T>
constexpr Implementation<PdhgGeometry, PdhgKernels<T>> kReferenceEntry = {
    kPlain, supports_all, {cpu::pdhg_forward_reference<T>, cpu::pdhg_adjoint_reference<T>}};

}  // namespace

template <>
std::span<const Implementation<PdhgGeometry, PdhgKernels<float>>> pdhg_ladder<float>() {
  static constexpr Implementation<PdhgGeometry, PdhgKernels<float>> ladder[] = {
      {kFused, cpu::pdhg_fused_supports, {cpu::pdhg_forward_fused, cpu::pdhg_adjoint_fused}},
      kReferenceEntry<float>};
  return ladder;
}

template <>
std::span<const Implementation<PdhgGeometry, PdhgKernels<double>>> pdhg_ladder<double>() {
  static constexpr Implementation<PdhgGeometry, PdhgKernels<double>> ladder[] = {kReferenceEntry<double>};
  return ladder;
}

namespace {

PdhgParams params_of(const Attributes& attrs) {
  PdhgParams params;
  params.n_iter = attrs.value("T", int64_t{256});
  params.axes = axes_attribute(attrs);
  const std::string start = attrs.value("p0", "zero");
  if (start != "zero" && start != "noisy")
    throw DataError("[pdhg] p0 must be 'zero' or 'noisy', found '{}'", start);
  params.p_start = start == "noisy" ? PdhgStart::noisy : PdhgStart::zero;
  params.sigma = attrs.value("sigma", 1.0 / pdhg_norm(params.axes));
  params.tau = attrs.value("tau", 1.0 / pdhg_norm(params.axes));
  params.theta = attrs.value("theta", 1.0);
  return params;
}

// lambda and each step come as an input or, where there is none, as an attribute.
VariableMap run_pdhg(const VariableMap& inputs, const Attributes& attrs) {
  const PdhgParams params = params_of(attrs);
  const Variable& z = required(inputs, "z");
  const auto input_or = [&](const char* name, double value) {
    const Variable given = optional(inputs, name);
    return given.defined() ? given : Variable(Tensor::scalar(value, DType::f64));
  };
  const Variable lambda = attrs.contains("scalar_lambda")
                              ? Variable(Tensor::scalar(attrs.at("scalar_lambda").get<double>(), z.dtype()))
                              : required(inputs, "lambda");
  return {{"y", pdhg(z, lambda, input_or("sigma", params.sigma), input_or("tau", params.tau),
                     input_or("theta", params.theta), params)}};
}

// Output 2e-6. Gradients of z and lambda 1e-3 in f32: a code may flip by rounding where v is close to its bound. Those of
// the steps are sums that nearly cancel once the iteration has converged: in f32 they mean something in short runs only.
Verdict judge_pdhg(const std::string& tensor, const Tensor& got, const Tensor& expected, const OpCall& call) {
  Verdict verdict = judge_relative_l2(2e-6, 1e-3)(tensor, got, expected, call);
  const bool step = tensor == "grad.sigma" || tensor == "grad.tau" || tensor == "grad.theta";
  const bool few_iterations =
      call.name.find("short") != std::string::npos || call.name.find("seventeen") != std::string::npos;
  const bool f32 = !call.inputs.empty() && call.inputs.begin()->second.dtype() == DType::f32;
  if (step && f32 && !few_iterations) verdict.allowed = std::numeric_limits<double>::infinity();
  return verdict;
}

OpCase corner(std::string name, const Shape& z, int64_t T, std::vector<int> axes, const char* p0) {
  const auto A = static_cast<int64_t>(axes.size());
  const double step = 1.0 / pdhg_norm(Axes(axes));
  const auto near = [](double value) { return std::pair{0.9 * value, value}; };
  const auto [s_low, s_high] = near(step);
  const auto [t_low, t_high] = near(1.0);
  using Fill = OpInput::Fill;
  return {std::move(name),
          {{"T", T}, {"axes", std::move(axes)}, {"p0", p0}},
          {{"z", z, Fill::uniform, 0.0, 1.0},
           {"lambda", z.with(1, A), Fill::uniform, 0.02, 0.2},
           {"sigma", {}, Fill::uniform, s_low, s_high},
           {"tau", {}, Fill::uniform, s_low, s_high},
           {"theta", {}, Fill::uniform, t_low, t_high}}};
}

}  // namespace

OpInfo pdhg_info() {
  OpInfo info;
  info.name = "pdhg";
  info.equation =
      "x^T of: p+ = (p + sigma (xb - z)) / (1 + sigma), q+ = clip(q + sigma G xb, -lambda, lambda), "
      "x+ = x - tau p+ - tau G' q+, xb+ = x+ + theta (x+ - x)";
  info.run = differentiable(run_pdhg);
  info.judge = judge_pdhg;
  info.corner_cases = {
      corner("short_one_iteration", {1, 1, 1, 5, 6}, 1, {3, 4}, "zero"),
      corner("short_two_iterations", {1, 1, 1, 6, 5}, 2, {3, 4}, "noisy"),
      corner("short_one_pixel", {2, 1, 1, 1, 1}, 3, {3, 4}, "noisy"),
      corner("short_one_pixel_wide", {2, 1, 1, 9, 1}, 3, {3, 4}, "zero"),
      corner("short_one_row", {1, 1, 1, 1, 20}, 3, {3, 4}, "noisy"),
      corner("short_slices", {2, 1, 3, 7, 5}, 3, {3, 4}, "noisy"),
      corner("short_sequence", {2, 1, 4, 5, 7}, 3, {2, 3, 4}, "noisy"),
      corner("short_frames_only", {1, 1, 6, 3, 4}, 3, {2}, "zero"),
      corner("short_other_order", {1, 1, 3, 4, 5}, 3, {4, 2}, "zero"),
      corner("seventeen_odd", {1, 1, 1, 11, 9}, 17, {3, 4}, "zero"),
      corner("seventeen_sequence", {1, 1, 5, 6, 7}, 17, {2, 3, 4}, "zero"),
      corner("seventeen_tall", {1, 1, 1, 70, 33}, 17, {3, 4}, "noisy"),
      corner("seventeen_wide", {1, 1, 1, 3, 130}, 17, {3, 4}, "noisy"),
      corner("short_empty_batch", {0, 1, 1, 4, 4}, 3, {3, 4}, "zero"),
  };
  info.stages = {corner("thesis", {1, 1, 1, 256, 256}, 256, {3, 4}, "noisy")};
  info.implementations = {kFused, kPlain};
  return info;
}

}  // namespace primal
