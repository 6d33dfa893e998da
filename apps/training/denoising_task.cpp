#include "apps/training/denoising_task.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "data/metrics/metrics.h"
#include "data/noise/noise.h"
#include "nn/mse_loss/mse_loss.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The epoch in which validation draws its noise: the same noise every time, and never that of a training epoch.
constexpr uint32_t kValidationEpoch = std::numeric_limits<uint32_t>::max();

// A split of the pictures; of a flat folder, which serves both splits, all of them.
std::unique_ptr<Dataset> pictures(const TrainConfig& config, const std::string& split, int64_t n) {
  const TrainConfig::Data& data = config.data;
  if (!data.folder.empty()) {
    const std::filesystem::path folder = split_folder(data.folder, split);
    return std::make_unique<ImageFolder>(folder, data.size, folder == data.folder ? 0 : n);
  }
  const auto first = split == "train" ? uint32_t{0} : uint32_t{1} << 20;  // splits share no phantom
  return std::make_unique<PhantomSet>(static_cast<uint64_t>(config.seed), n > 0 ? n : 200, data.size, first);
}

// N tensors [1,1,1,H,W] as one [N,1,1,H,W].
Tensor stack(const std::vector<Tensor>& tensors) {
  if (tensors.size() == 1) return tensors.front();
  const Tensor& first = tensors.front();
  const Tensor all = Tensor::empty(first.shape().with(0, static_cast<int64_t>(tensors.size())), first.dtype(),
                                   first.device());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto n = static_cast<int64_t>(i);
    all.slice(n, n + 1).copy_from(tensors[i]);
  }
  return all;
}

}  // namespace

UnrolledTvOptions model_options(const TrainConfig& config) {
  UnrolledTvOptions o;
  o.unet.filters = config.model.filters;
  o.unet.blocks = config.model.blocks;
  o.n_iter = config.model.iterations;
  o.up_bound = config.model.up_bound;
  o.scale = config.model.scale;
  o.start = config.model.start == "noisy" ? PdhgStart::noisy : PdhgStart::zero;
  o.learn_steps = config.model.learn_steps;
  return o;
}

Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch) {
  return mse_loss(model.forward(batch.at("noisy")).denoised, batch.at("clean"));
}

DenoisingTask::DenoisingTask(const TrainConfig& config, Device device)
    : config_(config),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      model_(model_options(config), init_),
      train_(pictures(config, "train", config.data.n_train)),
      validation_(pictures(config, "val", config.data.n_validation)),
      n_samples_(train_->size()),
      n_validation_(validation_->size()) {
  const std::string& folder = config.data.folder;
  const bool flat = !folder.empty() && split_folder(folder, "train") == std::filesystem::path(folder);
  if (flat) divide();
  if (config.training.overfit > 0) n_samples_ = std::min(n_samples_, config.training.overfit);
}

// A flat folder: its last pictures are for validation, the ones before for training.
void DenoisingTask::divide() {
  const TrainConfig::Data& data = config_.data;
  n_validation_ = data.n_validation > 0 ? data.n_validation : std::max<int64_t>(1, n_samples_ / 10);
  validation_first_ = validation_->size() - n_validation_;
  if (validation_first_ < 1) {
    throw DataError("[train] {} holds {} pictures: too few to keep {} for validation (data.n_validation)",
                    data.folder, train_->size(), n_validation_);
  }
  n_samples_ = data.n_train > 0 ? std::min(data.n_train, validation_first_) : validation_first_;
}

void DenoisingTask::announce(const std::vector<int64_t>& samples) {
  ahead_.reset();
  announced_.clear();
  if (config_.training.prefetch == 0 || samples.empty()) return;
  announced_.assign(samples.begin(), samples.end());
  ahead_ = std::make_unique<Prefetch>(*train_, samples, config_.training.prefetch);
}

Tensor DenoisingTask::clean(int64_t sample) {
  if (announced_.empty() || announced_.front() != sample) return train_->clean(sample);
  announced_.pop_front();
  return ahead_->next();
}

TensorMap DenoisingTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> x, z;
  for (const int64_t sample : samples) {
    const NoiseKey key{static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch),
                       static_cast<uint32_t>(sample)};
    const double s = draw_noise_level(config_.noise.low, config_.noise.high, key);
    x.push_back(clean(sample).to(device_));
    z.push_back(add_noise(x.back(), parse_noise_kind(config_.noise.kind), s, key));
  }
  return {{"noisy", stack(z)}, {"clean", stack(x)}};
}

Variable DenoisingTask::loss(const TensorMap& batch) { return denoising_loss(model_, batch); }

Metrics DenoisingTask::validate(const std::function<bool()>& keep_going) {
  const NoGrad no_grad;
  const auto n = static_cast<double>(n_validation_);
  double mean_psnr = 0.0, mean_ssim = 0.0;
  for (int64_t i = 0; i < n_validation_; ++i) {
    if (!keep_going()) return {};
    const Tensor clean = validation_->clean(validation_first_ + i).to(device_);
    const NoiseKey key{static_cast<uint64_t>(config_.seed), kValidationEpoch, static_cast<uint32_t>(i)};
    const Tensor z = add_noise(clean, parse_noise_kind(config_.noise.kind), config_.noise.validation, key);
    const Tensor x = model_.forward(z).denoised.value();
    mean_psnr += psnr(x, clean) / n;
    mean_ssim += ssim(x, clean) / n;
  }
  return {mean_psnr, mean_ssim};
}

}  // namespace primal
