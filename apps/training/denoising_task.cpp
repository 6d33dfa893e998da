#include "apps/training/denoising_task.h"

#include "apps/scores/lambda_search.h"
#include "apps/training/batches.h"
#include "apps/training/pair_data.h"
#include "data/noise/noise.h"
#include "data/preprocess/level_range.h"
#include "data/preprocess/preprocess.h"
#include "model/model_options.h"
#include "nn/mse_loss/mse_loss.h"
#include "tensor/error.h"

namespace primal {

Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch) {
  return mse_loss(model.forward(batch.at("noisy")).denoised, batch.at("clean"));
}

namespace {

TrainingData open_data(const TrainConfig& config, PictureCheck check) {
  if (config.data.manifest.empty()) return open_training_data(config, check);
  PairData pairs = open_pair_data(config, check);
  TrainingData opened;
  opened.train = std::move(pairs.train.clean);
  opened.noisy_train = std::move(pairs.train.noisy);
  opened.validation = std::move(pairs.validation.clean);
  opened.noisy_validation = std::move(pairs.validation.noisy);
  opened.remarks = std::move(pairs.remarks);
  for (int64_t i = 0; i < opened.train->size(); ++i) opened.listed.push_back(opened.train->name(i));
  return opened;
}

}  // namespace

DenoisingTask::DenoisingTask(const TrainConfig& config, Device device, PictureCheck check)
    : config_(config),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      model_(model_options(config.model), init_),
      data_(open_data(config, check)),
      n_samples_(n_in_training(config, data_.train->size())) {}

std::string DenoisingTask::identity() const {
  // With those that data.skip_broken leaves out: a training goes on when one of its pictures has broken.
  const int64_t n = std::ssize(data_.listed);
  return identity_of({data_.listed.begin(), data_.listed.begin() + n_in_training(config_, n)});
}

void DenoisingTask::announce(const std::vector<int64_t>& samples) {
  ahead_.reset();
  announced_.clear();
  if (config_.training.prefetch == 0 || samples.empty()) return;
  announced_.assign(samples.begin(), samples.end());
  ahead_ = std::make_unique<Prefetch>(*data_.train, samples, config_.training.prefetch);
}

Tensor DenoisingTask::clean(int64_t sample) {
  if (announced_.empty() || announced_.front() != sample) return data_.train->clean(sample);
  announced_.pop_front();
  return ahead_->next();
}

TensorMap DenoisingTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> x, z;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    x.push_back(clean(sample).to(device_));
    if (data_.noisy_train != nullptr) {
      z.push_back(data_.noisy_train->clean(sample).to(device_));
      continue;
    }
    const double s = draw_noise_level(config_.noise.low, config_.noise.high, key);
    z.push_back(add_noise(x.back(), parse_noise_kind(config_.noise.kind), s, key));
  }
  return {{"noisy", stacked(z)}, {"clean", stacked(x)}};
}

TrainingPlan DenoisingTask::plan(int64_t batch) const {
  return plan_training(model_, {batch, 1, 1, config_.data.size, config_.data.size});
}

Variable DenoisingTask::loss(const TensorMap& batch) { return denoising_loss(model_, batch); }

DenoisingTask::Pair DenoisingTask::validation_pair(int64_t i, Device device) const {
  const Tensor clean = data_.validation->clean(i).to(device);
  if (data_.noisy_validation != nullptr) return {data_.noisy_validation->clean(i).to(device), clean};
  const NoiseKey key{static_cast<uint64_t>(config_.seed), kValidationEpoch, static_cast<uint32_t>(i)};
  return {add_noise(clean, parse_noise_kind(config_.noise.kind), config_.noise.validation, key), clean};
}

Metrics DenoisingTask::validate(const std::function<bool()>& keep_going) {
  const NoGrad no_grad;
  ScoreColumns scores;
  for (int64_t i = 0; i < n_validation(); ++i) {
    if (!keep_going()) return {};
    const Pair pair = validation_pair(i, device_);
    scores.add(scores_of(model_.forward(pair.noisy).denoised.value(), pair.clean));
  }
  return {scores.psnr(), scores.ssim()};
}

std::vector<LoggedSample> DenoisingTask::samples_to_log() {
  const NoGrad no_grad;
  std::vector<LoggedSample> samples;
  for (int64_t i = 0; i < std::min(n_validation(), kLoggedSamples); ++i) {
    const Pair pair = validation_pair(i, device_);
    const UnrolledTv::Result result = model_.forward(pair.noisy);
    const std::string name = fmt::format("sample_{}/", i);
    samples.push_back({name + "clean", pair.clean});
    samples.push_back({name + "noisy", pair.noisy});
    samples.push_back({name + "denoised", result.denoised.value()});
    samples.push_back({name + "lambda", result.lambda.value(), true});
  }
  return samples;
}

std::vector<Baseline> DenoisingTask::baselines(const std::function<bool()>& keep_going) {
  ScoreColumns noisy, scalar;
  for (int64_t i = 0; i < n_validation(); ++i) {
    if (!keep_going()) return {};
    const Pair pair = validation_pair(i, Device{});
    noisy.add(scores_of(pair.noisy, pair.clean));
    scalar.add(best_scalar_scores(pair.noisy, pair.clean, model_.options().boundary));
  }
  return {{"noisy", {noisy.psnr(), noisy.ssim()}}, {"best scalar", {scalar.psnr(), scalar.ssim()}}};
}

}  // namespace primal
