// The ladder of mse_loss, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/mse_loss/mse_loss_kernels.h"

namespace primal {
namespace {

constexpr const MseLossImplementation<float>* kF32[] = {PRIMAL_DEVICES(mse_loss_two_sums),
                                                        &cpu::mse_loss_reference_f32};
constexpr const MseLossImplementation<double>* kF64[] = {&cpu::mse_loss_reference_f64};

OpCase loss_case(std::string name, Shape shape) {
  return {std::move(name), {}, {{"x", shape}, {"target", shape}}};
}

}  // namespace

const Ladder<MseLossImplementation> mse_loss_ladder{kF32, kF64};

PhaseCosts mse_loss_cost(const Shape& x) {
  const double n = elements_of(x);
  return {{"forward", {3.0 * n, f32_bytes(2.0 * n)}}, {"backward", {2.0 * n, f32_bytes(3.0 * n)}}};
}

OpInfo mse_loss_info() {
  OpInfo info;
  info.name = "mse_loss";
  info.equation = "y = 1/n sum (x - target)^2";
  info.run = differentiable([](const VariableMap& inputs, const Attributes&) -> VariableMap {
    return {{"y", mse_loss(required(inputs, "x"), required(inputs, "target"))}};
  });
  info.cost = [](const OpShapes& s) { return mse_loss_cost(s.in("x")); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      loss_case("one_element", {1}),
      loss_case("scalar", {}),
      loss_case("odd_extents", {2, 3, 1, 5, 7}),
      loss_case("several_chunks", {1, 1, 1, 129, 131}),
  };
  info.stages = {loss_case("picture", {1, 1, 1, 256, 256})};
  info.implementations = infos_of(mse_loss_ladder.f32);
  return info;
}

}  // namespace primal
