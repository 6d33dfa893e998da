#include "apps/training/denoising_task.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <iterator>

#include "apps/scores/lambda_search.h"
#include "apps/training/batches.h"
#include "apps/training/divided_rows.h"
#include "apps/training/noisy_sample.h"
#include "apps/training/pair_data.h"
#include "data/noise/drawn_noise.h"
#include "data/preprocess/level_range.h"
#include "data/preprocess/preprocess.h"
#include "model/model_options.h"
#include "solvers/lambda_choice/lambda_choice.h"

namespace primal {

namespace {

double drawn_level(const TrainConfig& config, const NoiseKey& key) {
  return draw_noise_level(config.noise.low, config.noise.high, key, parse_noise_levels(config.noise.levels));
}

constexpr int64_t kMegabyte = 1000000;

TrainingData open_data(const TrainConfig& config, PictureCheck check) {
  check_denoising_loss(config);
  if (config.data.manifest.empty()) return open_training_data(config, check);
  if (config.data.colour != "grey")
    throw ConfigError("[data] data.colour {} is for data.folder; the pictures of data.manifest become grey",
                      config.data.colour);
  PairData pairs = open_pair_data(config, check);
  TrainingData opened;
  opened.train = std::move(pairs.train.clean);
  opened.noisy_train = std::move(pairs.train.noisy);
  opened.validation = std::move(pairs.validation.clean);
  opened.noisy_validation = std::move(pairs.validation.noisy);
  opened.remarks = std::move(pairs.remarks);
  for (int64_t i = 0; i < opened.train->size(); ++i) opened.listed.push_back(opened.train->name(i));
  // Nothing but validation looks at a clean picture.
  if (config.training.loss == "sure" && opened.noisy_train != nullptr)
    opened.train = std::move(opened.noisy_train);
  return opened;
}

// What a person should know of what the loss assumes.
std::vector<std::string> remarks_on_loss(const TrainConfig& config, bool has_clean) {
  std::vector<std::string> remarks;
  const bool clips = draws_noise(config) && config.noise.kind == "absolute";
  if (clips && config.training.loss != "mse") {
    remarks.push_back(fmt::format(
        "noise.kind absolute clips at 0 and 1, and clipped noise has another mean: training.loss {} is "
        "biased where a picture is close to black or white",
        config.training.loss));
  }
  if (!has_clean)
    remarks.push_back(
        "there are no clean pictures: validation reports the loss itself, of which less is better");
  return remarks;
}

}  // namespace

DenoisingTask::DenoisingTask(const TrainConfig& config, Device device, PictureCheck check)
    : config_(config),
      loss_(parse_denoising_loss(config.training.loss)),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      model_(model_options(config.model), init_),
      data_(open_data(config, check)),
      // A manifest of noisy pictures alone has no partners.
      has_clean_(has_clean_pictures(config) &&
                 (config.data.manifest.empty() || data_.noisy_validation != nullptr)),
      n_samples_(n_in_training(config, data_.train->size())),
      resident_(device, n_samples_, picture_shape(), config.training.resident_mb * kMegabyte) {
  for (std::string& remark : remarks_on_loss(config, has_clean_)) data_.remarks.push_back(std::move(remark));
}

std::string DenoisingTask::identity() const {
  // With those that data.skip_broken leaves out: a training goes on when one of its pictures has broken.
  const int64_t n = std::ssize(data_.listed);
  return identity_of({data_.listed.begin(), data_.listed.begin() + n_in_training(config_, n)});
}

void DenoisingTask::announce(const std::vector<int64_t>& samples) {
  ahead_.reset();
  announced_.clear();
  if (config_.training.prefetch == 0) return;
  std::vector<int64_t> missing;
  std::ranges::copy_if(samples, std::back_inserter(missing), [&](int64_t i) { return !resident_.holds(i); });
  if (missing.empty()) return;
  announced_.assign(missing.begin(), missing.end());
  ahead_ = std::make_unique<Prefetch>(*data_.train, missing, config_.training.prefetch);
}

Tensor DenoisingTask::picture(int64_t sample) {
  if (announced_.empty() || announced_.front() != sample) return data_.train->clean(sample);
  announced_.pop_front();
  return ahead_->next();
}

std::optional<double> DenoisingTask::known_sigma(int64_t sample) {
  const auto found = sigmas_.find(sample);
  return found == sigmas_.end() ? std::nullopt : std::optional(found->second);
}

TensorMap DenoisingTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::map<std::string, std::vector<Tensor>> parts;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    PictureSource source{.picture = picture_there(sample), .key = key};
    if (data_.noisy_train != nullptr) source.partner = data_.noisy_train->clean(sample).to(device_);
    source.level = drawn_level(config_, key);
    source.sigma = known_sigma(sample);
    for (const auto& [name, tensor] : noisy_sample(config_, loss_, source)) parts[name].push_back(tensor);
    if (loss_ == DenoisingLoss::sure && !draws_noise(config_))
      sigmas_.try_emplace(sample, parts.at("sigma").back().item());
  }
  TensorMap batch;
  for (const auto& [name, tensors] : parts) batch[name] = stacked(tensors);
  return batch;
}

TensorMap DenoisingTask::inputs(int64_t epoch, std::span<const int64_t> samples) {
  if (!device_draws_noise()) return batch(epoch, samples);
  std::vector<Tensor> pictures, draws;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    pictures.push_back(picture_there(sample));
    draws.push_back(noise_draw(drawn_level(config_, key), key));
  }
  return {{"picture", stacked(pictures)}, {"noise", stacked(draws)}};
}

TensorMap DenoisingTask::of_inputs(const TensorMap& inputs) const {
  if (!device_draws_noise()) return inputs;
  const Tensor& clean = inputs.at("picture");
  return {{"noisy", add_drawn_noise(clean, parse_noise_kind(config_.noise.kind), inputs.at("noise"))},
          {"clean", clean}};
}

TrainingPlan DenoisingTask::plan(int64_t batch) const {
  TrainingPlan plan = plan_denoising(model_, picture_shape().with(0, batch), loss_);
  plan.bytes.pictures =
      resident_bytes(device_, n_samples_, picture_shape(), config_.training.resident_mb * kMegabyte);
  return plan;
}

Variable DenoisingTask::loss(const TensorMap& batch) { return denoising_loss(model_, batch, loss_); }

TensorMap DenoisingTask::validation_sample(int64_t i, Device device) const {
  PictureSource source{
      .picture = clean_validation(i, device),
      .level = config_.noise.validation,
      .key = {static_cast<uint64_t>(config_.seed), kValidationEpoch, static_cast<uint32_t>(i)}};
  if (data_.noisy_validation != nullptr) source.partner = data_.noisy_validation->clean(i).to(device);
  return noisy_sample(config_, loss_, source);
}

std::vector<std::string> DenoisingTask::metric_names() const {
  if (has_clean_) return {"validation_psnr_db", "validation_ssim"};
  return {fmt::format("validation_{}_mse", config_.training.loss)};
}

Metrics DenoisingTask::validate(const std::function<bool()>& keep_going) {
  const NoGrad no_grad;
  const auto rows = divided_rows(ranks(), n_validation(), keep_going, [&](int64_t i) -> std::vector<double> {
    const TensorMap sample = validation_sample(i, device_);
    if (!has_clean_) return {denoising_loss(model_, sample, loss_).value().item()};
    const Scores scores =
        scores_of(model_.forward(sample.at("noisy")).denoised.value(), clean_validation(i, device_));
    return {scores.psnr, scores.ssim};
  });
  if (!rows) return {};
  if (has_clean_) return summaries(*rows, 0, 2);
  return summaries(*rows, 0, 1);
}

std::vector<LoggedSample> DenoisingTask::samples_to_log() {
  const NoGrad no_grad;
  std::vector<LoggedSample> samples;
  for (int64_t i = 0; i < std::min(n_validation(), kLoggedSamples); ++i) {
    const TensorMap sample = validation_sample(i, device_);
    const UnrolledTv::Result result = model_.forward(sample.at("noisy"));
    const std::string name = fmt::format("sample_{}/", i);
    if (has_clean_) samples.push_back({name + "clean", clean_validation(i, device_)});
    if (loss_ == DenoisingLoss::noise2noise) samples.push_back({name + "second", sample.at("second")});
    samples.push_back({name + "noisy", sample.at("noisy")});
    samples.push_back({name + "denoised", result.denoised.value()});
    samples.push_back({name + "lambda", result.lambda.value(), true});
  }
  return samples;
}

std::vector<Baseline> DenoisingTask::baselines(const std::function<bool()>& keep_going) {
  if (!has_clean_) return baselines_of_loss(keep_going);
  const auto rows = divided_rows(ranks(), n_validation(), keep_going, [&](int64_t i) -> std::vector<double> {
    const Tensor z = validation_sample(i, Device{}).at("noisy"), clean = clean_validation(i, Device{});
    const Scores noisy = scores_of(z, clean),
                 scalar = best_scalar_scores(z, clean, model_.options().boundary);
    return {noisy.psnr, noisy.ssim, scalar.psnr, scalar.ssim};
  });
  if (!rows) return {};
  return {{"noisy", summaries(*rows, 0, 2)}, {"best scalar", summaries(*rows, 2, 2)}};
}

// The noisy picture itself has the risk sigma^2, which needs no probe.
std::vector<Baseline> DenoisingTask::baselines_of_loss(const std::function<bool()>& keep_going) const {
  const bool by_sure = loss_ == DenoisingLoss::sure;
  const Boundary boundary = model_.options().boundary;
  const auto rows = divided_rows(ranks(), n_validation(), keep_going, [&](int64_t i) -> std::vector<double> {
    const TensorMap sample = validation_sample(i, Device{});
    const Tensor& z = sample.at("noisy");
    if (!by_sure) {
      // The pictures have the range 1, so the PSNR is -10 log10 of the mean squared error.
      const auto error_of = [](double psnr_db) { return std::pow(10.0, -0.1 * psnr_db); };
      return {error_of(psnr(z, sample.at("second"))),
              error_of(best_scalar_scores(z, sample.at("second"), boundary).psnr)};
    }
    const double sigma = sample.at("sigma").item();
    const LambdaChoice choice = lambda_by_risk(z, sigma, {.boundary = boundary});
    double least = sigma * sigma;
    for (const LambdaPoint& point : choice.points) least = std::min(least, point.risk);
    return {sigma * sigma, least};
  });
  if (!rows) return {};
  return {{"noisy", summaries(*rows, 0, 1)},
          {by_sure ? "best scalar by SURE" : "best scalar", summaries(*rows, 1, 1)}};
}

}  // namespace primal
