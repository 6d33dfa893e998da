// The ladder of learnt_steps, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/learnt_steps/learnt_steps.h"
#include "nn/learnt_steps/learnt_steps_kernels.h"

namespace primal {
namespace {

constexpr const LearntStepsImplementation<float>* kF32[] = {PRIMAL_DEVICES(learnt_steps_threads),
                                                            &cpu::learnt_steps_reference_f32};
constexpr const LearntStepsImplementation<double>* kF64[] = {&cpu::learnt_steps_reference_f64};

}  // namespace

const Ladder<LearntStepsImplementation> learnt_steps_ladder{kF32, kF64};

PhaseCosts learnt_steps_cost() { return map_cost(3.0, 3.0, 15.0, 24.0); }

OpInfo learnt_steps_info() {
  OpInfo info;
  info.name = "learnt_steps";
  info.equation = "y = (a sigmoid(sigma), a sigmoid(tau), sigmoid(theta))";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", learnt_steps(required(inputs, "sigma"), required(inputs, "tau"), required(inputs, "theta"),
                               attrs.value("a", 1.0))}};
  });
  info.judge = judge_relative_l2(1e-6, 1e-6);
  const std::vector<OpInput> scalars{{"sigma", Shape{}}, {"tau", Shape{}}, {"theta", Shape{}}};
  info.corner_cases = {{"one", {}, scalars}, {"third", {{"a", 1.0 / 3.0}}, scalars}};
  info.stages = {{"steps", {{"a", 1.0 / 3.0}}, scalars}};
  info.cost = [](const OpShapes&) { return learnt_steps_cost(); };
  info.implementations = infos_of(learnt_steps_ladder.f32);
  return info;
}

}  // namespace primal
