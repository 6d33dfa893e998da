// The ladder of sure_loss, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/sure_loss/sure_loss.h"
#include "nn/sure_loss/sure_loss_kernels.h"

namespace primal {
namespace {

constexpr const SureLossImplementation<float>* kF32[] = {PRIMAL_DEVICES(sure_loss_two_sums),
                                                         &cpu::sure_loss_reference_f32};
constexpr const SureLossImplementation<double>* kF64[] = {&cpu::sure_loss_reference_f64};

OpCase loss_case(std::string name, Shape shape, int64_t n_sigma, int64_t n_eps) {
  const auto constant = [](const char* input, Shape of, OpInput::Fill fill, double low, double high) {
    return OpInput{input, of, fill, low, high, false};
  };
  using Fill = OpInput::Fill;
  return {std::move(name),
          {},
          {{"f", shape},
           {"h", shape},
           constant("z", shape, Fill::normal, 0.0, 1.0),
           constant("b", shape, Fill::normal, 0.0, 1.0),
           constant("sigma", {n_sigma}, Fill::uniform, 0.2, 0.8),
           constant("eps", {n_eps}, Fill::uniform, 0.5, 1.5)}};
}

}  // namespace

const Ladder<SureLossImplementation> sure_loss_ladder{kF32, kF64};

PhaseCosts sure_loss_cost(const Shape& f) {
  const double n = elements_of(f);
  return {{"forward", {8.0 * n, f32_bytes(4.0 * n)}},
          {"backward_f", {4.0 * n, f32_bytes(5.0 * n)}},
          {"backward_h", {2.0 * n, f32_bytes(3.0 * n)}}};
}

OpInfo sure_loss_info() {
  OpInfo info;
  info.name = "sure_loss";
  info.equation = "y = 1/n sum ((f - z)^2 - sigma^2 + 2 sigma^2 / eps b (h - f))";
  info.run = differentiable(
      [](const VariableMap& inputs, const Attributes&) -> VariableMap {
        const auto constant = [&](const char* name) { return required(inputs, name).value(); };
        return {{"y", sure_loss(required(inputs, "f"), required(inputs, "h"),
                                {constant("z"), constant("b"), constant("sigma"), constant("eps")})}};
      },
      {"z", "b", "sigma", "eps"});
  info.cost = [](const OpShapes& s) { return sure_loss_cost(s.in("f")); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      loss_case("one_element", {1}, 1, 1),
      loss_case("one_picture", {1, 1, 1, 5, 7}, 1, 1),
      loss_case("sigma_of_each_picture", {3, 2, 1, 5, 7}, 3, 1),
      loss_case("eps_of_each_picture", {3, 1, 2, 4, 5}, 1, 3),
      loss_case("several_chunks", {2, 1, 1, 129, 131}, 2, 2),
  };
  info.stages = {loss_case("picture", {1, 1, 1, 256, 256}, 1, 1)};
  info.implementations = infos_of(sure_loss_ladder.f32);
  return info;
}

}  // namespace primal
