#include "apps/profile/training_step.h"

#include "apps/training/divided_step.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "nn/mse_loss/mse_loss.h"
#include "tensor/range.h"

namespace primal {
namespace {

Tensor phantoms(int64_t n, int64_t size) {
  const Tensor all = Tensor::empty({n, 1, 1, size, size});
  for (int64_t i = 0; i < n; ++i)
    all.slice(i, i + 1).copy_from(make_phantom(1, static_cast<uint32_t>(i), size));
  return all;
}

}  // namespace

TrainingStep::TrainingStep(const TrainingStepOptions& options)
    : options_(options),
      init_(42, DType::f32, options.device),
      model_(options.model, init_),
      adam_(model_.parameters(), {.lr = 1e-4}),
      clean_(phantoms(options.batch, options.size).to(options.device)),
      noisy_(noisy()) {}

Tensor TrainingStep::noisy() const {
  const Tensor z = Tensor::empty(clean_.shape(), clean_.dtype(), clean_.device());
  for (int64_t i = 0; i < options_.batch; ++i) {
    const NoiseKey key{.seed = 1, .epoch = step_, .sample = static_cast<uint32_t>(i)};
    z.slice(i, i + 1).copy_from(add_noise(clean_.slice(i, i + 1), NoiseKind::relative, 0.3, key));
  }
  return z;
}

void TrainingStep::prepare() {
  if (options_.new_noise) {
    const Range range("data");
    noisy_ = noisy();
    ++step_;
  }
  const Range range("zero_grad", nullptr, [&] {
    const auto n = static_cast<double>(model_.n_parameters());
    return RangeDetail{fmt::format("{} parameters", model_.n_parameters()), {}, {0.0, f32_bytes(n)}};
  });
  model_.zero_grad();
}

double TrainingStep::run() {
  prepare();
  const Variable loss = mse_loss(model_.forward(noisy_).denoised, clean_);
  {
    const Range range("backward");
    loss.backward();
  }
  adam_.step();
  return loss.value().item();
}

double TrainingStep::run(DividedStep& divided, int64_t pictures) {
  prepare();
  const Variable loss = divided.forward([&] { return mse_loss(model_.forward(noisy_).denoised, clean_); });
  {
    const Range range("backward");
    divided.backward(loss, options_.batch, pictures);
  }
  divided.sum_gradients();
  const double agreed = divided.agree(loss.value().item(), options_.batch, pictures, 0).loss;
  adam_.step();
  return agreed;
}

void TrainingStep::denoise() const {
  const NoGrad no_grad;
  model_.forward(noisy_);
}

}  // namespace primal
