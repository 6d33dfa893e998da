// What verify, check and the tests know of the model.
#include "nn/casting_autoencoder/casting_autoencoder.h"
#include "nn/model_case/model_case.h"
#include "nn/mse_loss/mse_loss.h"

namespace primal {
namespace {

std::unique_ptr<CastingAutoencoder> model_of(const OpCall& call, const Tensor& x) {
  CastingAutoencoderOptions o;
  o.channels = x.size(1);
  o.filters = call.attrs.value("filters", o.filters);
  Initialiser init(1, x.dtype(), call.device);
  auto model = std::make_unique<CastingAutoencoder>(o, init);
  load_case_state(call, *model);
  return model;
}

OpResult run(const OpCall& call) {
  const Tensor x = case_input(call, "x");
  const auto model = model_of(call, x);
  const Variable y = model->forward(x);
  const Variable loss = mse_loss(y, case_input(call, "target"));
  OpResult out;
  out.grads = case_gradients(call, *model, loss);
  out.outputs = {{"y", y.value().to(Device{})}, {"loss", loss.value().to(Device{})}};
  return out;
}

OpResult run_training(const OpCall& call) {
  const Tensor x = case_input(call, "x"), target = case_input(call, "target");
  const auto model = model_of(call, x);
  return case_training(call, *model, [&] { return mse_loss(model->forward(x), target); });
}

}  // namespace

OpInfo casting_autoencoder_info() {
  OpInfo info = model_case_info(run);
  info.name = "casting_autoencoder";
  info.equation = "y = decoder(encoder(x)), loss = mean (y - target)^2";
  info.corner_cases = {
      {"even", {{"filters", {2, 3, 4}}}, case_pictures({2, 1, 1, 16, 8})},
      {"padded", {{"filters", {3, 2, 3}}}, case_pictures({1, 3, 1, 13, 23})},
      {"shorter_than_its_padding", {{"filters", {2, 2, 2}}}, case_pictures({1, 1, 1, 3, 9})}};
  return info;
}

OpInfo casting_autoencoder_training_info() {
  OpInfo info = training_case_info(run_training);
  info.name = "casting_autoencoder_training";
  info.equation = "Adam on the loss of casting_autoencoder, one fixed batch";
  info.corner_cases = {
      {"three_steps", {{"filters", {2, 3, 4}}, {"lr", 1e-3}, {"steps", 3}}, case_pictures({2, 1, 1, 11, 16})},
      {"amsgrad",
       {{"filters", {3, 2, 2}}, {"lr", 2e-3}, {"eps", 1e-7}, {"amsgrad", true}, {"steps", 2}},
       case_pictures({1, 1, 1, 8, 9})}};
  return info;
}

}  // namespace primal
