// The ladder of PDHG, and what verify, check and the tests know of it.
#include <limits>

#include "autograd/differentiable_op.h"
#include "solvers/difference/difference.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {

namespace {

constexpr ImplementationInfo kFused = {
    .name = "fused",
    .idea = "one sweep per iteration over rows in cache, vectorised, several iterations per visit"};
constexpr ImplementationInfo kPlain = {.name = kReference, .idea = "each update line a pass over memory"};

constexpr ImplementationInfo kPersistentLaunch = {
    .name = "persistent", .idea = "one cooperative launch, the grid meets after each iteration"};
constexpr ImplementationInfo kFusedLaunch = {
    .name = "fused",
    .idea = "one launch per iteration, a thread for each pixel, neighbours' duals computed again"};

bool supports_all(const PdhgGeometry&) { return true; }
// Up to four pictures of the thesis: a thread has about one pixel, and the fields fit the L2 of a large device.
bool supports_persistent(const PdhgGeometry& g) { return g.x.numel() <= int64_t{1} << 18; }

template <class T>
constexpr Implementation<PdhgGeometry, PdhgKernels<T>> kReferenceEntry = {
    kPlain,
    supports_all,
    {cpu::pdhg_forward_reference<T>, cpu::pdhg_adjoint_reference<T>, cpu::pdhg_add_reduced<T>}};

}  // namespace

template <>
std::span<const Implementation<PdhgGeometry, PdhgKernels<float>>> pdhg_ladder<float>() {
  static const Implementation<PdhgGeometry, PdhgKernels<float>> ladder[] = {
#if PRIMAL_HAS_CUDA
    {on_device(kPersistentLaunch, Device::Kind::cuda), supports_persistent, cuda::pdhg_persistent},
    {on_device(kFusedLaunch, Device::Kind::cuda), supports_all, cuda::pdhg_fused},
#endif
    // The other way round: the emulation runs a cooperative grid on one core, each thread through the whole picture.
    {on_device(kFusedLaunch, Device::Kind::simt), supports_all, simt::pdhg_fused},
    {on_device(kPersistentLaunch, Device::Kind::simt), supports_persistent, simt::pdhg_persistent},
    {kFused,
     cpu::pdhg_fused_supports,
     {cpu::pdhg_forward_fused, cpu::pdhg_adjoint_fused, cpu::pdhg_add_reduced<float>}},
    kReferenceEntry<float>
  };
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
  const Variable lambda =
      attrs.contains("scalar_lambda")
          ? Variable(Tensor::full({}, attrs.at("scalar_lambda").get<double>(), z.dtype(), z.device()))
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

// As the thesis trains: one map for both axes; z is data, and the steps are learnt or fixed.
OpCase stage(std::string name, const Shape& z, std::vector<int> axes, int64_t T, bool learn_steps) {
  OpCase op_case = corner(std::move(name), z, T, std::move(axes), "noisy");
  op_case.inputs[0].differentiable = false;
  op_case.inputs[1].shape = z;
  if (!learn_steps) op_case.inputs.resize(2);
  return op_case;
}

// Both throw DataError: the text comes from a file.
OpCase case_of(const std::string& text) {
  const PdhgGeometry g = pdhg_geometry(text);
  std::vector<int> axes;
  for (int channel = 0; channel < g.axes.count(); ++channel) axes.push_back(g.axes[channel]);
  return stage(text, g.x, axes, 256, true);
}

std::vector<std::string> supporting(const std::string& text, Device::Kind kind) {
  return names_supporting(pdhg_ladder<float>(), pdhg_geometry(text), kind);
}

}  // namespace

std::string key(const PdhgGeometry& g) {
  std::string axes;
  for (int channel = 0; channel < g.axes.count(); ++channel)
    axes += fmt::format("{}{}", channel == 0 ? "" : ",", g.axes[channel]);
  return fmt::format("n{} d{} h{} w{} axes{}", g.x[0], g.x[2], g.x[3], g.x[4], axes);
}

PdhgGeometry pdhg_geometry(const std::string& text) {
  const GeometryText words("pdhg", text);
  std::vector<int> axes;
  for (const int64_t axis : words.numbers("axes")) axes.push_back(static_cast<int>(axis));
  try {
    PdhgGeometry g{Shape{words.one("n"), 1, words.one("d"), words.one("h"), words.one("w")}, Axes(axes)};
    if (key(g) != text) words.fail(fmt::format("the canonical form is '{}'", key(g)));
    return g;
  } catch (const ShapeError& error) {
    words.fail(error.what());
  }
}

PhaseCosts pdhg_cost(const Shape& x, const Shape& lambda, const PdhgParams& params, bool learn_steps) {
  const double n = elements_of(x), a = params.axes.count(), t = static_cast<double>(params.n_iter);
  const double iteration = 9.0 + 7.0 * a, steps = learn_steps ? 14.0 + 3.0 * a : 0.0;
  const double n_lambda = elements_of(lambda);
  const double tape = static_cast<double>(pdhg_tape_bytes(x, DType::f32, params, learn_steps));
  return {{"forward", {iteration * n * t, f32_bytes(2.0 * n + n_lambda)}},
          {"backward", {(iteration + steps) * n * t, tape + f32_bytes(n + n_lambda)}}};
}

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
  info.stages = {stage("learnt_steps", {1, 1, 1, 256, 256}, {3, 4}, 256, true),
                 stage("fixed_steps", {1, 1, 1, 256, 256}, {3, 4}, 256, false)};
  info.cost = [](const OpShapes& s) {
    const Shape lambda = s.has("lambda") ? s.in("lambda") : Shape{};
    const bool learn_steps = s.has("sigma") || s.has("tau") || s.has("theta");
    return pdhg_cost(s.in("z"), lambda, params_of(s.attrs), learn_steps);
  };
  info.geometry = {case_of, supporting};
  info.implementations = infos_of(pdhg_ladder<float>());
  return info;
}

}  // namespace primal
