// The ladder of dropout, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/dropout/dropout.h"
#include "nn/dropout/dropout_kernels.h"

namespace primal {
namespace {

constexpr const DropoutImplementation<float>* kF32[] = {PRIMAL_DEVICES(dropout_philox),
                                                        &cpu::dropout_reference_f32};
constexpr const DropoutImplementation<double>* kF64[] = {&cpu::dropout_reference_f64};

}  // namespace

const Ladder<DropoutImplementation> dropout_ladder{kF32, kF64};

PhaseCosts dropout_cost(const Shape& x) {
  const double n = elements_of(x);
  return map_cost(n, n, n, n);
}

OpInfo dropout_info() {
  OpInfo info;
  info.name = "dropout";
  info.equation = "y[n,j] = u[n,j] < p ? 0 : x[n,j] / (1 - p), u uniform in [0, 1)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    const DropoutKey key{attrs.value("seed", DropoutKey{}.seed), attrs.value("epoch", 0U),
                         attrs.value("sample", 0U), attrs.value("layer", 0U)};
    return {{"y", dropout(required(inputs, "x"), attrs.value("p", 0.5), key, attrs.value("training", true))}};
  });
  info.judge = judge_relative_l2(1e-6, 1e-6);
  const Attributes third = {{"p", 0.3}, {"seed", 7}, {"epoch", 3}, {"sample", 20}, {"layer", 1}};
  info.corner_cases = {
      {"scalar", {{"p", 0.2}}, {{"x", Shape{}}}},
      {"one_element", {{"p", 0.9}}, {{"x", {1, 1}}}},
      {"rows_past_a_call", third, {{"x", {5, 7}}}},
      {"odd_extents", third, {{"x", {2, 3, 1, 5, 7}}}},
      {"several_blocks", {{"p", 0.5}}, {{"x", {3, 1030}}}},
      {"many_rows", {{"p", 0.5}, {"sample", 4294967290}}, {{"x", {1100, 5}}}},  // past 2^32
      {"nothing_dropped", {{"p", 0.0}}, {{"x", {3, 5}}}},
      {"nearly_all_dropped", {{"p", 0.999}}, {{"x", {8, 500}}}},
      {"no_training", {{"p", 0.5}, {"training", false}}, {{"x", {3, 5}}}},
      {"empty_batch", {{"p", 0.5}}, {{"x", {0, 3}}}},
      {"empty_rows", {{"p", 0.5}}, {{"x", {3, 0}}}},
  };
  info.stages = {{"head", {{"p", 0.5}}, {{"x", {32, 3136}}}}};
  info.linear_in = {"x"};
  info.cost = [](const OpShapes& s) { return dropout_cost(s.in("x")); };
  info.implementations = infos_of(dropout_ladder.f32);
  return info;
}

}  // namespace primal
