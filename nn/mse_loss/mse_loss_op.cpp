// What verify, check and the tests know of mse_loss.
#include "autograd/differentiable_op.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/mse_loss/mse_loss_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one pass, the sum in double"};
constexpr ImplementationInfo kTwoSums{"two_sums",
                                      "sums of blocks in double, then their sum, in a fixed order"};

}  // namespace

template <>
std::span<const DeviceKernels<MseLossKernels<float>>> mse_loss_kernels<float>() {
  static const DeviceKernels<MseLossKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kTwoSums, mse_loss_two_sums),
      {kPlain, {cpu::mse_loss_forward<float>, cpu::mse_loss_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<MseLossKernels<double>>> mse_loss_kernels<double>() {
  static constexpr DeviceKernels<MseLossKernels<double>> kernels[] = {
      {kPlain, {cpu::mse_loss_forward<double>, cpu::mse_loss_backward<double>}}};
  return kernels;
}

namespace {

OpCase loss_case(std::string name, Shape shape) {
  return {std::move(name), Attributes::object(), {{"x", shape}, {"target", shape}}};
}

}  // namespace

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
  info.implementations = infos_of(mse_loss_kernels<float>());
  return info;
}

}  // namespace primal
