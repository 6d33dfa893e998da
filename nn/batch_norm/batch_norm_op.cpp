// The ladder of batch_norm, and what verify, check and the tests know of it. The running statistics come as
// lists in the attributes and go as results.
#include "autograd/differentiable_op.h"
#include "nn/batch_norm/batch_norm.h"
#include "nn/batch_norm/batch_norm_kernels.h"

namespace primal {
namespace {

constexpr const BatchNormImplementation<float>* kF32[] = {
    PRIMAL_DEVICES(batch_norm_chunks), &cpu::batch_norm_simd, &cpu::batch_norm_reference_f32};
constexpr const BatchNormImplementation<double>* kF64[] = {&cpu::batch_norm_reference_f64};

// A list of one number per channel, of x's type and where x is; `otherwise` everywhere where it is absent.
Tensor per_channel(const Attributes& attrs, const char* key, const Tensor& x, double otherwise) {
  if (!attrs.contains(key)) return Tensor::full({x.size(1)}, otherwise, x.dtype(), x.device());
  const auto values = attrs.at(key).get<std::vector<double>>();
  return Tensor::from(Shape{std::ssize(values)}, values).to(x.dtype()).to(x.device());
}

VariableMap run(const VariableMap& inputs, const Attributes& attrs) {
  const Variable& x = required(inputs, "x");
  const Tensor mean = per_channel(attrs, "running_mean", x.value(), 0.0);
  const Tensor var = per_channel(attrs, "running_var", x.value(), 1.0);
  BatchNormParams params;
  params.training = attrs.value("training", params.training);
  params.momentum = attrs.value("momentum", params.momentum);
  params.eps = attrs.value("eps", params.eps);
  const Variable y = batch_norm(x, optional(inputs, "weight"), optional(inputs, "bias"), mean, var, params);
  return {{"y", y}, {"running_mean", mean}, {"running_var", var}};
}

OpCase norm_case(std::string name, Attributes attrs, Shape x) {
  return {std::move(name), std::move(attrs), {{"x", x}, {"weight", {x[1]}}, {"bias", {x[1]}}}};
}

}  // namespace

const Ladder<BatchNormImplementation> batch_norm_ladder{kF32, kF64};

PhaseCosts batch_norm_cost(const Shape& x, bool training) {
  const double n = elements_of(x);
  return training ? map_cost(n, n, 6.0 * n, 10.0 * n, n) : map_cost(n, n, 2.0 * n, 1.0 * n, n);
}

OpInfo batch_norm_info() {
  OpInfo info;
  info.name = "batch_norm";
  info.equation = "y = weight (x - mean) / sqrt(var + eps) + bias per channel";
  info.run = differentiable(run);
  info.cost = [](const OpShapes& s) {
    return batch_norm_cost(s.in("x"), s.attrs.value("training", BatchNormParams{}.training));
  };
  info.judge = judge_relative_l2(2e-6, 5e-6);
  const Attributes train = {{"training", true}, {"momentum", 0.3}, {"eps", 1e-3}};
  const Attributes eval = {
      {"training", false}, {"running_mean", {0.5, -0.25, 0.1}}, {"running_var", {0.5, 2.0, 1.5}}};
  OpCase plain = norm_case("without_weight_and_bias", train, {2, 3, 1, 3, 2});
  plain.inputs.resize(1);
  OpCase no_bias = norm_case("running_statistics_without_bias", eval, {2, 3, 1, 3, 2});
  no_bias.inputs.resize(2);
  const auto with = [](Attributes attrs, const Attributes& others) {
    attrs.update(others);
    return attrs;
  };
  const Attributes earlier = {{"running_mean", {0.5, -0.25, 0.1}}, {"running_var", {0.5, 2.0, 1.5}}};
  info.corner_cases = {
      norm_case("two_values", train, {2, 1}),
      norm_case("rows", train, {5, 4}),
      norm_case("signal", train, {3, 2, 7}),
      norm_case("picture", train, {1, 3, 4, 5}),
      norm_case("volume", train, {2, 3, 2, 3, 5}),
      norm_case("several_chunks", train, {2, 2, 1, 25, 43}),
      norm_case("running_statistics_many_vectors", eval, {2, 3, 1, 9, 11}),
      plain,
      norm_case("statistics_kept", with(with(train, earlier), {{"momentum", 0.0}}), {2, 3, 1, 3, 4}),
      norm_case("statistics_mixed", with(with(train, earlier), {{"momentum", 0.4}}), {3, 3, 2, 3, 4}),
      norm_case("statistics_replaced", with(with(train, earlier), {{"momentum", 1.0}}), {2, 3, 1, 3, 4}),
      norm_case("large_eps", with(train, {{"eps", 2.0}}), {2, 3, 1, 3, 4}),
      norm_case("running_statistics_large_eps", with(eval, {{"eps", 0.7}}), {2, 3, 1, 3, 4}),
      no_bias,
      norm_case("running_statistics", eval, {2, 3, 2, 3, 5}),
      norm_case("running_statistics_one_value", eval, {1, 3}),
      norm_case("running_statistics_empty_batch", eval, {0, 3, 1, 4, 4}),
  };
  info.stages = {norm_case("encoder0", {{"training", true}}, {1, 32, 1, 256, 256}),
                 norm_case("digits", {{"training", true}}, {32, 32, 1, 28, 28})};
  info.implementations = infos_of(batch_norm_ladder.f32);
  return info;
}

}  // namespace primal
