// What verify, check and the tests know of the model.
#include "nn/mnist_autoencoder/mnist_autoencoder.h"
#include "nn/model_case/model_case.h"
#include "nn/mse_loss/mse_loss.h"

namespace primal {
namespace {

MnistAutoencoderOptions options_of(const Attributes& attrs) {
  MnistAutoencoderOptions o;
  o.filters = attrs.value("filters", o.filters);
  o.latent = attrs.value("latent", o.latent);
  o.size = attrs.value("size", o.size);
  return o;
}

std::unique_ptr<MnistAutoencoder> model_of(const OpCall& call, const Tensor& x) {
  Initialiser init(1, x.dtype(), call.device);
  auto model = std::make_unique<MnistAutoencoder>(options_of(call.attrs), init);
  load_case_state(call, *model);
  return model;
}

OpResult run(const OpCall& call) {
  const Tensor x = case_input(call, "x");
  const auto model = model_of(call, x);
  OpResult out;
  if (!call.attrs.value("training", true)) {
    const NoGrad no_grad;
    const MnistAutoencoder::Result result = model->forward(x, Mode::inference);
    out.outputs = {{"latent", result.latent.value().to(Device{})}, {"y", result.y.value().to(Device{})}};
    return out;
  }
  const MnistAutoencoder::Result result = model->forward(x, Mode::training);
  const Variable loss = mse_loss(result.y, case_input(call, "target"));
  out.grads = case_gradients(call, *model, loss);
  out.outputs = {{"latent", result.latent.value().to(Device{})},
                 {"y", result.y.value().to(Device{})},
                 {"loss", loss.value().to(Device{})}};
  for (const auto& [name, buffer] : model->buffers()) {
    if (is_floating(buffer.dtype())) out.outputs[name] = buffer.to(Device{});
  }
  return out;
}

OpResult run_training(const OpCall& call) {
  const Tensor x = case_input(call, "x"), target = case_input(call, "target");
  const auto model = model_of(call, x);
  return case_training(call, *model, [&] { return mse_loss(model->forward(x, Mode::training).y, target); });
}

}  // namespace

OpInfo mnist_autoencoder_info() {
  OpInfo info = model_case_info(run);
  info.name = "mnist_autoencoder";
  info.equation = "y = decoder(encoder(x)), loss = mean (y - target)^2";
  info.corner_cases = {
      {"two_pictures", {{"filters", {3, 5}}, {"latent", 5}, {"size", 8}}, case_pictures({2, 1, 1, 8, 8})},
      {"smallest", {{"filters", {2, 3}}, {"latent", 1}, {"size", 4}}, case_pictures({3, 1, 1, 4, 4})},
      {"inference",
       {{"filters", {2, 2}}, {"latent", 3}, {"size", 12}, {"training", false}},
       case_pictures({1, 1, 1, 12, 12})}};
  return info;
}

OpInfo mnist_autoencoder_training_info() {
  OpInfo info = training_case_info(run_training);
  info.name = "mnist_autoencoder_training";
  info.equation = "Adam on the loss of mnist_autoencoder, one fixed batch";
  info.corner_cases = {
      {"amsgrad",
       {{"filters", {2, 3}},
        {"latent", 4},
        {"size", 8},
        {"lr", 1e-3},
        {"eps", 1e-7},
        {"amsgrad", true},
        {"steps", 3}},
       case_pictures({2, 1, 1, 8, 8})},
      {"twelve",
       {{"filters", {3, 2}}, {"latent", 2}, {"size", 12}, {"training", true}, {"lr", 2e-3}, {"steps", 2}},
       case_pictures({3, 1, 1, 12, 12})}};
  return info;
}

}  // namespace primal
