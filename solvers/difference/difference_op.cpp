// What verify, check and the tests know of the difference and its adjoint.
#include "autograd/differentiable_op.h"
#include "solvers/difference/difference.h"
#include "solvers/difference/difference_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one pass over the rows, neighbours gathered"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each pixel, neighbours gathered"};

template <class T>
constexpr DeviceKernels<DifferenceKernels<T>> kPlainEntry = {
    kPlain,
    {cpu::gradient_forward<T>, cpu::gradient_adjoint_backward<T>, cpu::gradient_adjoint_forward<T>,
     cpu::gradient_backward<T>}};

}  // namespace

template <>
std::span<const DeviceKernels<DifferenceKernels<float>>> difference_kernels<float>() {
  static const DeviceKernels<DifferenceKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, difference_elementwise), kPlainEntry<float>};
  return kernels;
}

template <>
std::span<const DeviceKernels<DifferenceKernels<double>>> difference_kernels<double>() {
  static constexpr DeviceKernels<DifferenceKernels<double>> kernels[] = {kPlainEntry<double>};
  return kernels;
}

namespace {

struct Corner {
  const char* name;
  Shape x;  // [N,1,D,H,W]
  std::vector<int> axes;
};

const std::vector<Corner> kCorners = {
    {"picture", {2, 1, 1, 5, 4}, {3, 4}},        {"one_pixel", {1, 1, 1, 1, 1}, {3, 4}},
    {"one_pixel_wide", {2, 1, 1, 9, 1}, {3, 4}}, {"sequence", {2, 1, 3, 5, 4}, {2, 3, 4}},
    {"frames_only", {1, 1, 7, 3, 2}, {2}},       {"other_order", {1, 1, 2, 3, 5}, {4, 2}},
    {"empty_batch", {0, 1, 1, 4, 4}, {3, 4}},    {"many_rows", {3, 1, 2, 19, 35}, {4, 3, 2}},
};

// `input` is "x" for the difference and "q", with one channel per axis, for its adjoint.
OpInfo difference_info(std::string name, std::string equation, const char* input,
                       Variable (*op)(const Variable&, const Axes&)) {
  const auto make_case = [&](const Corner& corner) {
    const bool adjoint = input[0] == 'q';
    const Shape shape = adjoint ? corner.x.with(1, static_cast<int64_t>(corner.axes.size())) : corner.x;
    return OpCase{corner.name, {{"axes", corner.axes}}, {{input, shape}}};
  };
  OpInfo info;
  info.name = std::move(name);
  info.equation = std::move(equation);
  info.run = differentiable([input, op](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", op(required(inputs, input), axes_attribute(attrs))}};
  });
  // 1 a difference, and for the adjoint A - 1 more to add them up.
  info.cost = [](const OpShapes& s) {
    const Shape &from = s.inputs.begin()->second, &to = s.out();
    const double n_from = elements_of(from), n_to = elements_of(to), dual = std::max(n_from, n_to);
    const double adjoint = 2.0 * dual - std::min(n_from, n_to);
    const bool is_adjoint = s.has("q");
    return map_cost(n_from, n_to, is_adjoint ? adjoint : dual, is_adjoint ? dual : adjoint);
  };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  for (const Corner& corner : kCorners) info.corner_cases.push_back(make_case(corner));
  info.stages = {make_case({"picture", {1, 1, 1, 256, 256}, {3, 4}})};
  info.linear_in = {input};
  info.implementations = infos_of(difference_kernels<float>());
  return info;
}

}  // namespace

Axes axes_attribute(const Attributes& attrs) {
  if (!attrs.contains("axes")) return {3, 4};
  const Attributes& value = attrs.at("axes");
  std::vector<int> axes;
  for (const Attributes& axis : value) {
    if (!axis.is_number_integer()) throw DataError("[attrs] axes expects integers, found {}", value.dump());
    axes.push_back(axis.get<int>());
  }
  return Axes(axes);
}

OpInfo gradient_info() {
  return difference_info("gradient", "y[a,i] = x[i + e_a] - x[i], periodic", "x", gradient);
}

OpInfo gradient_adjoint_info() {
  return difference_info("gradient_adjoint", "y[i] = sum over a of q[a,i - e_a] - q[a,i], periodic", "q",
                         gradient_adjoint);
}

}  // namespace primal
