#include "apps/profile/phantom_task.h"

#include <fmt/core.h>

#include "apps/training/batches.h"
#include "data/noise/drawn_noise.h"
#include "data/phantom/phantom.h"
#include "nn/mse_loss/mse_loss.h"

namespace primal {
namespace {

constexpr uint64_t kSeed = 1;
constexpr double kLevel = 0.3;

}  // namespace

PhantomTask::PhantomTask(const TrainingStepOptions& options)
    : options_(options), init_(42, DType::f32, options.device), model_(options.model, init_) {}

TrainingPlan PhantomTask::plan(int64_t batch) const {
  return plan_training(model_, {batch, 1, 1, options_.size, options_.size});
}

std::string PhantomTask::sample_name(int64_t sample) const { return fmt::format("phantom {}", sample); }

TensorMap PhantomTask::inputs(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> pictures, draws;
  for (const int64_t sample : samples) {
    const auto number = static_cast<uint32_t>(sample);
    pictures.push_back(make_phantom(kSeed, number, options_.size));
    draws.push_back(noise_draw(kLevel, {kSeed, static_cast<uint32_t>(epoch), number}));
  }
  return {{"picture", stacked(pictures)}, {"noise", stacked(draws)}};
}

TensorMap PhantomTask::of_inputs(const TensorMap& inputs) const {
  const Tensor& clean = inputs.at("picture");
  return {{"noisy", add_drawn_noise(clean, NoiseKind::relative, inputs.at("noise"))}, {"clean", clean}};
}

TensorMap PhantomTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  TensorMap there;
  for (const auto& [name, tensor] : inputs(epoch, samples)) there[name] = tensor.to(options_.device);
  return of_inputs(there);
}

Variable PhantomTask::loss(const TensorMap& batch) {
  return mse_loss(model_.forward(batch.at("noisy")).denoised, batch.at("clean"));
}

Metrics PhantomTask::validate(const std::function<bool()>&) { return {}; }

}  // namespace primal
