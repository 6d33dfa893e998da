#include "apps/training/sequence_task.h"

#include <algorithm>

#include "apps/scores/pair_search.h"
#include "apps/scores/scores.h"
#include "apps/scores/sequence_scores.h"
#include "apps/training/batches.h"
#include "apps/training/divided_rows.h"
#include "data/noise/noise.h"
#include "data/sequence/frames.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Said before any file is read. Reflection in training needs one frame more than it adds.
const TrainConfig& checked(const TrainConfig& config) {
  const SequenceSettings& s = config.sequence;
  const int64_t coarsest = int64_t{1} << (s.stages - 1);
  const int64_t side = std::max(s.pad_xy + 1, coarsest - 2 * s.pad_xy);
  const int64_t frames = std::max(s.pad_t + 1, coarsest - 2 * s.pad_t);
  if (config.data.size < side || config.data.frames < frames)
    throw ConfigError(
        "[config] data.size {} and data.frames {}: a network with sequence.stages {}, pad_xy {} and pad_t {} "
        "needs at least {} and {}",
        config.data.size, config.data.frames, s.stages, s.pad_xy, s.pad_t, side, frames);
  if ((s.initial_xy > 0.0) != (s.initial_t > 0.0) || s.initial_xy >= s.up_bound || s.initial_t >= s.up_bound)
    throw ConfigError(
        "[config] sequence.initial_xy {} and initial_t {} must both be 0, or both between 0 and "
        "sequence.up_bound {}",
        s.initial_xy, s.initial_t, s.up_bound);
  return config;
}

}  // namespace

SequenceTask::SequenceTask(const TrainConfig& config, Device device, PictureCheck check)
    : config_(checked(config)),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      model_(config.sequence, init_),
      data_(open_sequence_data(config, check)),
      n_samples_(n_in_training(config, data_.train.size())) {
  const SequenceSettings& s = config.sequence;
  if (s.initial_xy <= 0.0) return;
  model_.module().start_at(s.initial_xy, s.initial_t);
  if (!config.training.init.empty())
    data_.remarks.push_back(fmt::format(
        "sequence.initial_xy and initial_t have no effect here: training starts from the weights of {}",
        config.training.init));
}

TrainingPlan SequenceTask::plan(int64_t batch) const {
  const Shape shape{batch, 1, config_.data.size, config_.data.size, config_.data.frames};
  const PdhgParams params{.n_iter = config_.sequence.iterations, .axes = {2, 3, 4}};
  return plan_learner(
      config_, device_,
      [&]() -> TensorMap {
        return {{"noisy", Tensor::empty(shape, DType::f32, device_)},
                {"clean", Tensor::empty(shape, DType::f32, device_)}};
      },
      pdhg_tape_bytes(shape, DType::f32, params, true));
}

void SequenceTask::announce(const std::vector<int64_t>& samples) {
  ahead_.reset();
  announced_.assign(samples.begin(), samples.end());
  if (config_.training.prefetch == 0 || samples.empty()) return announced_.clear();
  std::vector<int64_t> frames;
  for (const int64_t sample : samples) {
    for (int64_t t = 0; t < data_.train.n_frames; ++t) frames.push_back(sample * data_.train.n_frames + t);
  }
  ahead_ = std::make_unique<Prefetch>(*data_.train.frames, frames, config_.training.prefetch);
}

Tensor SequenceTask::clip(int64_t sample) {
  if (announced_.empty() || announced_.front() != sample) return data_.train.clip(sample);
  announced_.pop_front();
  std::vector<Tensor> frames;
  for (int64_t t = 0; t < data_.train.n_frames; ++t) frames.push_back(ahead_->next());
  return frames_last(frames);
}

TensorMap SequenceTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> noisy, clean;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    clean.push_back(clip(sample));
    const double level = draw_noise_level(config_.noise.low, config_.noise.high, key);
    noisy.push_back(add_noise(clean.back(), parse_noise_kind(config_.noise.kind), level, key));
  }
  return {{"noisy", stacked(noisy).to(device_)}, {"clean", stacked(clean).to(device_)}};
}

Variable SequenceTask::loss(const TensorMap& batch) { return sequence_loss(model_, batch); }

SequenceTask::Pair SequenceTask::validation_pair(int64_t i) const {
  const NoiseKey key{static_cast<uint64_t>(config_.seed), kValidationEpoch, static_cast<uint32_t>(i)};
  const Tensor clean = data_.validation.clip(i);
  return {add_noise(clean, parse_noise_kind(config_.noise.kind), config_.noise.validation, key), clean};
}

Metrics SequenceTask::validate(const std::function<bool()>& keep_going) {
  const auto rows = divided_rows(ranks(), n_validation(), keep_going, [&](int64_t i) -> std::vector<double> {
    const Pair pair = validation_pair(i);
    const Scores scores = mean_over_frames(denoise_sequence(model_, pair.noisy).x, pair.clean);
    return {scores.psnr, scores.ssim};
  });
  return rows ? summaries(*rows, 0, 2) : Metrics{};
}

std::vector<Baseline> SequenceTask::baselines(const std::function<bool()>& keep_going) {
  const auto rows = divided_rows(ranks(), n_validation(), keep_going, [&](int64_t i) -> std::vector<double> {
    const Pair pair = validation_pair(i);
    const PairSearch found = search_pair(pair.noisy, pair.clean,
                                         {.iterations = std::max<int64_t>(config_.sequence.iterations, 1),
                                          .boundary = model_.module().options().boundary,
                                          .refinements = 1,
                                          .by_ssim = false});
    const Scores noisy = mean_over_frames(pair.noisy, pair.clean);
    return {noisy.psnr, noisy.ssim, found.by_psnr.scores.psnr, found.by_ssim.scores.ssim};
  });
  if (!rows) return {};
  return {{"noisy", summaries(*rows, 0, 2)}, {"best pair", summaries(*rows, 2, 2)}};
}

std::vector<LoggedSample> SequenceTask::samples_to_log() {
  std::vector<LoggedSample> samples;
  for (int64_t i = 0; i < std::min(n_validation(), kLoggedSamples); ++i) {
    const Pair pair = validation_pair(i);
    const Denoised result = denoise_sequence(model_, pair.noisy);
    const std::string name = fmt::format("sample_{}/", i);
    const auto middle = [](const Tensor& sequence) { return frame_at(sequence, sequence.size(4) / 2); };
    const Tensor maps =
        result.lambda.reshape(result.lambda.shape().with(0, result.lambda.size(1)).with(1, 1));
    samples.push_back({name + "clean", middle(pair.clean)});
    samples.push_back({name + "noisy", middle(pair.noisy)});
    samples.push_back({name + "denoised", middle(result.x)});
    samples.push_back({name + "lambda_xy", middle(maps.slice(0, 1)), true});
    samples.push_back({name + "lambda_t", middle(maps.slice(2, 3)), true});
  }
  return samples;
}

}  // namespace primal
