#include "apps/training/reconstruction_task.h"

#include <algorithm>

#include "apps/scores/scores.h"
#include "apps/training/batches.h"
#include "data/metrics/fit_scores.h"

namespace primal {
namespace {

// The epoch in which training pictures that are scored draw their noise.
constexpr uint32_t kScoredTrainingEpoch = kValidationEpoch - 1;
constexpr int64_t kAtOnce = 64;  // pictures of 28 x 28 in a forward pass of validation; of large ones fewer
constexpr int64_t kPixelsAtOnce = kAtOnce * 28 * 28;

}  // namespace

ReconstructionTask::ReconstructionTask(const TrainConfig& config, Device device, PictureCheck check)
    : config_(config),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      autoencoder_(config.autoencoder, init_),
      data_(open_pair_data(config, check)),
      n_samples_(n_in_training(config, data_.train.size())) {}

TrainingPlan ReconstructionTask::plan(int64_t batch) const {
  return plan_learner(config_, device_, [&]() -> TensorMap {
    const int64_t side = picture_side(config_);
    const Shape shape{batch, 1, 1, side, side};
    return {{"noisy", Tensor::empty(shape, DType::f32, device_)},
            {"clean", Tensor::empty(shape, DType::f32, device_)}};
  });
}

ReconstructionTask::Pair ReconstructionTask::pair_of(const PairSet& set, int64_t i, const NoiseKey& key,
                                                     double low, double high) const {
  const Tensor clean = set.clean->clean(i);
  if (set.noisy != nullptr) return {set.noisy->clean(i), clean};
  const double s = draw_noise_level(low, high, key);
  return {add_noise(clean, parse_noise_kind(config_.noise.kind), s, key), clean};
}

ReconstructionTask::Pair ReconstructionTask::validation_pair(int64_t i) const {
  const NoiseKey key{static_cast<uint64_t>(config_.seed), kValidationEpoch, static_cast<uint32_t>(i)};
  const double s = config_.noise.validation;
  return pair_of(data_.validation, i, key, s, s);
}

TensorMap ReconstructionTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> noisy, clean;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    const Pair pair = pair_of(data_.train, sample, key, config_.noise.low, config_.noise.high);
    noisy.push_back(pair.noisy);
    clean.push_back(pair.clean);
  }
  return {{"noisy", stacked(noisy).to(device_)}, {"clean", stacked(clean).to(device_)}};
}

Variable ReconstructionTask::loss(const TensorMap& batch) { return reconstruction_loss(autoencoder_, batch); }

std::vector<std::string> ReconstructionTask::metric_names() const {
  const std::vector<std::string> scores =
      pools() ? std::vector<std::string>{"r2", "mse", "mae", "rmse", "soft_accuracy"}
              : std::vector<std::string>{"psnr_db", "ssim", "mse"};
  std::vector<std::string> names;
  for (const char* set : {"validation_", "training_"}) {
    for (const std::string& score : scores) names.push_back(set + score);
  }
  return names;
}

Metrics ReconstructionTask::scores(bool of_training, const Autoencoder* model,
                                   const std::function<bool()>& keep_going) const {
  const int64_t n = of_training ? std::min(n_samples_, n_validation()) : n_validation();
  const int64_t side = picture_side(config_);
  const int64_t at_once = std::clamp<int64_t>(kPixelsAtOnce / (side * side), 1, kAtOnce);
  const double s = config_.noise.validation;
  FitScores fit;
  ScoreColumns columns;
  std::vector<double> errors;
  for (int64_t begin = 0; begin < n; begin += at_once) {
    if (!keep_going()) return {};
    std::vector<Tensor> noisy, clean;
    for (int64_t i = begin; i < std::min(begin + at_once, n); ++i) {
      const NoiseKey key{static_cast<uint64_t>(config_.seed), kScoredTrainingEpoch, static_cast<uint32_t>(i)};
      const Pair pair = of_training ? pair_of(data_.train, i, key, s, s) : validation_pair(i);
      noisy.push_back(pair.noisy);
      clean.push_back(pair.clean);
    }
    const Tensor x = stacked(noisy), truth = stacked(clean);
    const Tensor y = model == nullptr ? x : model->denoise(x);
    if (pools()) {
      fit.add(truth, y);
      continue;
    }
    for (int64_t i = 0; i < y.size(0); ++i) {
      const Tensor result = y.slice(i, i + 1), target = truth.slice(i, i + 1);
      columns.add(scores_of(result, target));
      errors.push_back(mse(result, target));
    }
  }
  if (!pools()) return {columns.psnr(), columns.ssim(), summarise_scores(errors)};
  Metrics metrics;
  for (const double value : {fit.r2(), fit.mse(), fit.mae(), fit.rmse(), fit.soft_accuracy()})
    metrics.push_back(metric_of(value));
  return metrics;
}

Metrics ReconstructionTask::scores_of_both(const Autoencoder* model,
                                           const std::function<bool()>& keep_going) const {
  Metrics all = scores(false, model, keep_going);
  const Metrics training = all.empty() ? Metrics{} : scores(true, model, keep_going);
  if (training.empty()) return {};
  all.insert(all.end(), training.begin(), training.end());
  return all;
}

Metrics ReconstructionTask::validate(const std::function<bool()>& keep_going) {
  return scores_of_both(&autoencoder_, keep_going);
}

std::vector<LoggedSample> ReconstructionTask::samples_to_log() {
  std::vector<LoggedSample> samples;
  for (int64_t i = 0; i < std::min(n_validation(), kLoggedSamples); ++i) {
    const Pair pair = validation_pair(i);
    const std::string name = fmt::format("sample_{}/", i);
    samples.push_back({name + "clean", pair.clean});
    samples.push_back({name + "noisy", pair.noisy});
    samples.push_back({name + "denoised", autoencoder_.denoise(stacked(std::vector<Tensor>{pair.noisy}))});
  }
  return samples;
}

std::vector<Baseline> ReconstructionTask::baselines(const std::function<bool()>& keep_going) {
  const Metrics noisy = scores_of_both(nullptr, keep_going);
  if (noisy.empty()) return {};
  return {{"noisy", noisy}};
}

}  // namespace primal
