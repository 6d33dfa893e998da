// What verify, check and the tests know of Adam: a parameter [n] under a list of gradients [steps, n] gives
// its value after each step, [steps, n].
#include "nn/adam/adam.h"
#include "nn/adam/adam_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const AdamImplementation<float>* kF32[] = {PRIMAL_DEVICES(adam_chunks), &cpu::adam_reference_f32};
constexpr const AdamImplementation<double>* kF64[] = {&cpu::adam_reference_f64};

const Tensor& input(const OpCall& call, const char* name) {
  const auto found = call.inputs.find(name);
  if (found == call.inputs.end()) throw DataError("[adam] input.{} is missing", name);
  return found->second;
}

AdamParams params_of(const Attributes& attrs) {
  AdamParams params;
  params.lr = attrs.value("lr", params.lr);
  const auto betas = attrs.value("betas", std::array{params.beta1, params.beta2});
  params.beta1 = betas[0], params.beta2 = betas[1];
  params.eps = attrs.value("eps", params.eps);
  params.weight_decay = attrs.value("weight_decay", params.weight_decay);
  params.amsgrad = attrs.value("amsgrad", params.amsgrad);
  return params;
}

OpResult run(const OpCall& call) {
  const Tensor gradients = input(call, "gradients").to(call.device);
  const Variable x(input(call, "parameter").clone().to(call.device), true);
  if (gradients.shape().rank() < 1 || gradients.shape().extents().size() != x.shape().extents().size() + 1)
    throw DataError("[adam] gradients need one axis more than the parameter: {}", gradients.str());
  Adam adam({{"x", x}}, params_of(call.attrs));
  const Tensor path = Tensor::empty(gradients.shape(), gradients.dtype(), call.device);
  for (int64_t t = 0; t < gradients.size(0); ++t) {
    adam.zero_grad();
    x.backward(gradients.slice(t, t + 1).reshape(x.shape()));  // a leaf takes it as its gradient
    adam.step();
    path.slice(t, t + 1).copy_from(x.value().reshape(path.slice(t, t + 1).shape()));
  }
  return {{{"parameters", path.to(Device{})}}, {}};
}

OpCase steps_case(std::string name, Attributes attrs, int64_t n_steps, int64_t n) {
  return {std::move(name), std::move(attrs), {{"parameter", {n}}, {"gradients", {n_steps, n}}}};
}

}  // namespace

const Ladder<AdamImplementation> adam_ladder{kF32, kF64};

Cost adam_cost(double n) { return {14.0 * n, f32_bytes(7.0 * n)}; }

OpInfo adam_info() {
  OpInfo info;
  info.name = "adam";
  info.equation = "x <- x - lr m^ / (sqrt(v^) + eps), m^ and v^ the corrected moments of the gradient";
  info.run = run;
  info.judge = [](const std::string&, const Tensor& got, const Tensor& expected, const OpCall&) {
    return Verdict{relative_l2(got, expected), 2e-6};  // in f32 and in f64
  };
  info.cost = [](const OpShapes& s) {
    return PhaseCosts{{"forward", adam_cost(elements_of(s.in("gradients")))}};
  };
  info.corner_cases = {
      steps_case("one_step", {{"lr", 0.01}}, 1, 3),
      steps_case("many_steps", {{"lr", 0.01}}, 20, 17),
      steps_case("weight_decay", {{"lr", 0.01}, {"weight_decay", 0.1}}, 10, 5),
      steps_case("amsgrad", {{"lr", 0.01}, {"amsgrad", true}}, 10, 5),
      steps_case("betas", {{"lr", 0.01}, {"betas", {0.0, 0.5}}, {"eps", 1e-3}}, 10, 5),
      steps_case("one_beta_only", {{"lr", 0.1}, {"betas", {0.95, 0.0}}, {"eps", 0.1}}, 10, 5),
      steps_case("large_eps", {{"lr", 0.3}, {"eps", 10.0}}, 10, 5),
      steps_case(
          "every_option",
          {{"lr", 0.02}, {"betas", {0.5, 0.8}}, {"eps", 0.03}, {"weight_decay", 0.4}, {"amsgrad", true}}, 25,
          7),
      steps_case("several_chunks", {{"lr", 0.01}}, 2, 40000),
      steps_case("several_chunks_amsgrad", {{"weight_decay", 0.2}, {"amsgrad", true}}, 3, 40000),
  };
  info.stages = {steps_case("unet", {}, 1, 1796034)};
  info.results = {"parameters"};
  info.implementations = infos_of(adam_ladder.f32);
  info.differentiable = false;
  return info;
}

}  // namespace primal
