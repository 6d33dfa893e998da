#include "nn/model_case/model_case.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/adam/adam.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr std::array<std::string_view, 3> kBatch{"x", "target", "labels"};

ImplementationInfo chain() { return {kReference, "the chain of ops, each by its own rule"}; }

}  // namespace

Tensor case_input(const OpCall& call, const std::string& name) {
  const auto found = call.inputs.find(name);
  if (found == call.inputs.end()) throw DataError("[golden] input.{} is missing", name);
  return found->second.to(call.device);
}

void load_case_state(const OpCall& call, const Module& model) {
  TensorMap state;
  for (const auto& [name, tensor] : call.inputs) {
    if (std::ranges::count(kBatch, name) == 0) state[name] = tensor;
  }
  if (state.empty()) return;
  for (const auto& [name, buffer] : model.buffers()) state.try_emplace(name, buffer);  // counters
  model.load_state(state);
}

TensorMap case_gradients(const OpCall& call, const Module& model, const Variable& loss) {
  const auto upstream = call.upstream.find("loss");
  loss.backward(upstream == call.upstream.end() ? Tensor() : upstream->second.to(call.device));
  TensorMap gradients;
  for (const auto& [name, parameter] : model.parameters()) gradients[name] = parameter.grad().to(Device{});
  return gradients;
}

OpResult case_training(const OpCall& call, const Module& model, const std::function<Variable()>& loss,
                       int64_t steps, double lr) {
  Adam adam(model.parameters(), {.lr = call.attrs.value("lr", lr),
                                 .eps = call.attrs.value("eps", AdamParams{}.eps),
                                 .amsgrad = call.attrs.value("amsgrad", false)});
  const auto n_steps = call.attrs.value("steps", steps);
  std::vector<double> losses;
  for (int64_t k = 0; k < n_steps; ++k) {
    model.zero_grad();
    const Variable now = loss();
    now.backward();
    adam.step();
    losses.push_back(now.value().item());
  }
  OpResult out;
  out.outputs["losses"] = Tensor::from(Shape{n_steps}, losses).to(model.parameters().front().second.dtype());
  return out;
}

std::vector<OpInput> case_pictures(const Shape& shape) {
  return {{"x", shape, OpInput::Fill::uniform, 0.0, 1.0, false},
          {"target", shape, OpInput::Fill::uniform, 0.0, 1.0, false}};
}

Judge judge_model_case() { return judge_relative_l2(5e-6, 1e-4); }

Verdict judge_training_case(const std::string&, const Tensor& got, const Tensor& expected, const OpCall&) {
  Verdict v{
      .error = 0.0, .allowed = got.dtype() == DType::f64 ? 1e-6 : 1e-4, .measure = "worst relative loss"};
  const std::vector<double> a = got.to_doubles(), b = expected.to_doubles();
  for (size_t i = 0; i < b.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(std::abs(b[i]), 1e-30);
    if (!(error <= v.error)) v.error = error;
  }
  return v;
}

OpInfo model_case_info(std::function<OpResult(const OpCall&)> run) {
  OpInfo info;
  info.run = std::move(run);
  info.judge = judge_model_case();
  info.results = {"loss"};
  info.differentiable =
      false;  // its parameters are not inputs of a case; the tests of the models have the check
  info.implementations = wherever(chain(), conv3d_ladder.f32);
  return info;
}

OpInfo training_case_info(std::function<OpResult(const OpCall&)> run) {
  OpInfo info = model_case_info(std::move(run));
  info.judge = judge_training_case;
  info.results = {"losses"};
  return info;
}

}  // namespace primal
