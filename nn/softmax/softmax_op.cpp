// The ladder of softmax, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/softmax/softmax.h"
#include "nn/softmax/softmax_kernels.h"

namespace primal {
namespace {

constexpr const SoftmaxImplementation<float>* kF32[] = {PRIMAL_DEVICES(softmax_columns),
                                                        &cpu::softmax_reference_f32};
constexpr const SoftmaxImplementation<double>* kF64[] = {&cpu::softmax_reference_f64};

OpCase axis_case(std::string name, int axis, Shape x) {
  return {std::move(name), {{"axis", axis}}, {{"x", x, OpInput::Fill::uniform, -3.0, 3.0}}};
}

}  // namespace

const Ladder<SoftmaxImplementation> softmax_ladder{kF32, kF64};

PhaseCosts softmax_cost(const Shape& x) {
  const double n = elements_of(x);
  return map_cost(n, n, 5.0 * n, 4.0 * n, n);
}

OpInfo softmax_info() {
  OpInfo info;
  info.name = "softmax";
  info.equation = "y_k = exp(x_k - max x) / sum over j of exp(x_j - max x)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", softmax(required(inputs, "x"), attrs.value("axis", 1))}};
  });
  info.cost = [](const OpShapes& s) { return softmax_cost(s.in("x")); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      axis_case("one_class", 1, {3, 1}),
      axis_case("rows", 1, {6, 5}),
      axis_case("first_axis", 0, {7, 3}),
      axis_case("pixels", 1, {2, 3, 1, 4, 5}),
      axis_case("last_axis", -1, {2, 3, 1, 5}),
      axis_case("a_vector", 0, {9}),
      axis_case("rows_of_a_picture", 3, {2, 3, 1, 5, 4}),
      axis_case("several_strips", 1, {2, 3, 300}),
      axis_case("empty_batch", 1, {0, 4}),
      axis_case("many_classes", 1, {9, 70}),
  };
  info.stages = {axis_case("pixels", 1, {1, 8, 1, 256, 256}), axis_case("rows", 1, {256, 1000})};
  info.implementations = infos_of(softmax_ladder.f32);
  return info;
}

}  // namespace primal
