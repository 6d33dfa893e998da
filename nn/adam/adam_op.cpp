// What verify, check and the tests know of Adam: a parameter [n] under a list of gradients [steps, n] gives its
// value after each step, [steps, n].
#include "nn/adam/adam.h"
#include "nn/adam/adam_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one pass over value, gradient and moments"};
constexpr ImplementationInfo kChunks{"chunks", "all parameters in one launch, a block for each chunk"};

}  // namespace

template <>
std::span<const DeviceKernels<AdamKernels<float>>> adam_kernels<float>() {
  static const DeviceKernels<AdamKernels<float>> kernels[] = {PRIMAL_EACH_DEVICE(kChunks, adam_chunks),
                                                              {kPlain, {cpu::adam_step<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<AdamKernels<double>>> adam_kernels<double>() {
  static constexpr DeviceKernels<AdamKernels<double>> kernels[] = {{kPlain, {cpu::adam_step<double>}}};
  return kernels;
}

namespace {

const Tensor& input(const OpCall& call, const char* name) {
  const auto found = call.inputs.find(name);
  if (found == call.inputs.end()) throw DataError("[adam] input.{} is missing", name);
  return found->second;
}

AdamParams params_of(const Attributes& attrs) {
  AdamParams params;
  params.lr = attrs.value("lr", params.lr);
  if (attrs.contains("betas")) {
    params.beta1 = attrs.at("betas").at(0).get<double>();
    params.beta2 = attrs.at("betas").at(1).get<double>();
  }
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
      steps_case("several_chunks", {{"lr", 0.01}}, 2, 40000),
  };
  info.stages = {steps_case("unet", Attributes::object(), 1, 1796034)};
  info.results = {"parameters"};
  info.implementations = infos_of(adam_kernels<float>());
  info.differentiable = false;
  return info;
}

}  // namespace primal
