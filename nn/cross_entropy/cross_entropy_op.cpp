// The ladder of cross_entropy, and what verify, check and the tests know of it.
#include <algorithm>

#include "autograd/differentiable_op.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/cross_entropy/cross_entropy_kernels.h"

namespace primal {
namespace {

constexpr const CrossEntropyImplementation<float>* kF32[] = {PRIMAL_DEVICES(cross_entropy_columns),
                                                             &cpu::cross_entropy_reference_f32};
constexpr const CrossEntropyImplementation<double>* kF64[] = {&cpu::cross_entropy_reference_f64};

OpCase class_case(std::string name, Shape x, Shape labels) {
  const auto n_classes = static_cast<double>(x[1]);
  return {std::move(name), {}, {{"x", x}, {"labels", labels, OpInput::Fill::labels, 0.0, n_classes, false}}};
}

}  // namespace

const Ladder<CrossEntropyImplementation> cross_entropy_ladder{kF32, kF64};

PhaseCosts cross_entropy_cost(const Shape& x) {
  const double n = elements_of(x), labels = 8.0 * n / static_cast<double>(std::max<int64_t>(x[1], 1));
  return {{"forward", {4.0 * n, f32_bytes(n) + labels}},
          {"backward", {4.0 * n, f32_bytes(2.0 * n) + labels}}};
}

OpInfo cross_entropy_info() {
  OpInfo info;
  info.name = "cross_entropy";
  info.equation = "y = 1/M sum over samples of (log sum over k of exp(x[k]) - x[label])";
  info.run = differentiable([](const VariableMap& inputs, const Attributes&) -> VariableMap {
    return {{"y", cross_entropy(required(inputs, "x"), required(inputs, "labels").value())}};
  });
  info.cost = [](const OpShapes& s) { return cross_entropy_cost(s.in("x")); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      class_case("one_sample", {1, 3}, {1}),
      class_case("two_classes", {5, 2}, {5}),
      class_case("several_chunks", {600, 4}, {600}),
      class_case("many_classes", {9, 70}, {9}),
      class_case("many_pixels", {2, 3, 1, 17, 19}, {2, 1, 17, 19}),
      class_case("pixels", {2, 3, 1, 4, 5}, {2, 1, 4, 5}),
  };
  info.stages = {class_case("rows", {256, 1000}, {256})};
  info.implementations = infos_of(cross_entropy_ladder.f32);
  return info;
}

}  // namespace primal
