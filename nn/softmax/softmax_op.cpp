// What verify, check and the tests know of softmax.
#include "autograd/differentiable_op.h"
#include "nn/softmax/softmax.h"
#include "nn/softmax/softmax_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "a strip of columns at a time, sums in double"};
constexpr ImplementationInfo kColumns{"columns", "a column is a thread's or a warp's, sums in double"};

}  // namespace

template <>
std::span<const DeviceKernels<SoftmaxKernels<float>>> softmax_kernels<float>() {
  static const DeviceKernels<SoftmaxKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kColumns, softmax_columns),
      {kPlain, {cpu::softmax_forward<float>, cpu::softmax_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<SoftmaxKernels<double>>> softmax_kernels<double>() {
  static constexpr DeviceKernels<SoftmaxKernels<double>> kernels[] = {
      {kPlain, {cpu::softmax_forward<double>, cpu::softmax_backward<double>}}};
  return kernels;
}

namespace {

OpCase axis_case(std::string name, int axis, Shape x) {
  return {std::move(name), {{"axis", axis}}, {{"x", x, OpInput::Fill::uniform, -3.0, 3.0}}};
}

}  // namespace

OpInfo softmax_info() {
  OpInfo info;
  info.name = "softmax";
  info.equation = "y_k = exp(x_k - max x) / sum over j of exp(x_j - max x)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", softmax(required(inputs, "x"), attrs.value("axis", 1))}};
  });
  info.cost = [](const OpShapes& s) {  // max, minus, exp, sum, divided by; backward <gy, y>, minus, times
    const double n = elements_of(s.in("x"));
    return map_cost(n, n, 5.0 * n, 4.0 * n, n);
  };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      axis_case("one_class", 1, {3, 1}),           axis_case("rows", 1, {6, 5}),
      axis_case("first_axis", 0, {7, 3}),          axis_case("pixels", 1, {2, 3, 1, 4, 5}),
      axis_case("last_axis", -1, {2, 3, 1, 5}),    axis_case("a_vector", 0, {9}),
      axis_case("several_strips", 1, {2, 3, 300}), axis_case("empty_batch", 1, {0, 4}),
      axis_case("many_classes", 1, {9, 70}),
  };
  info.stages = {axis_case("pixels", 1, {1, 8, 1, 256, 256}), axis_case("rows", 1, {256, 1000})};
  info.implementations = infos_of(softmax_kernels<float>());
  return info;
}

}  // namespace primal
