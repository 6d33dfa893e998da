// The thesis task: unrolled TV learns to denoise pictures from clean ones, with noise drawn anew at each use;
// or from the pairs of a manifest (pair_data.h), whose noisy pictures are as they are; or without clean
// pictures at all (denoising_loss.h).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "apps/training/config.h"
#include "apps/training/denoising_loss.h"
#include "apps/training/resident_pictures.h"
#include "apps/training/task.h"
#include "apps/training/training_data.h"
#include "data/dataset/dataset.h"
#include "data/dataset/prefetch.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

class DenoisingTask : public Task {
 public:
  // Lists the pictures and looks at them (training_data.h). With training.overfit only the first
  // so many train: can the model learn them by heart? IoError or DataError where pictures are
  // missing, broken or too few.
  explicit DenoisingTask(const TrainConfig& config, Device device = {},
                         PictureCheck check = PictureCheck::headers);

  const Module& model() const override { return model_; }
  int64_t n_samples() const override { return n_samples_; }
  std::string sample_name(int64_t sample) const override { return data_.train->name(sample); }
  // A thread of its own decodes up to training.prefetch pictures ahead, except for those that are already on
  // the device.
  void announce(const std::vector<int64_t>& samples) override;
  // What the loss reads (batch_names), [N,1,1,H,W] in [0,1] but for the noise, on the model's device
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  // With clean pictures and drawn noise "picture" and "noise" (drawn_noise.h), so that the device draws it.
  TensorMap inputs(int64_t epoch, std::span<const int64_t> samples) override;
  TensorMap of_inputs(const TensorMap& inputs) const override;
  Variable loss(const TensorMap& batch) override;
  // PSNR and SSIM where there are clean pictures; else the loss itself, of which less is better:
  // "validation_sure_mse", Stein's estimate of the mean squared error, or "validation_noise2noise_mse", the
  // distance to the second noisy picture.
  std::vector<std::string> metric_names() const override;
  bool larger_is_better() const override { return has_clean_; }
  Metrics validate(const std::function<bool()>& keep_going) override;
  // "noisy", and "best scalar" (with SURE and no clean pictures "best scalar by SURE"): TV with the lambda
  // that is best for each picture, by each score, of the 81 that `primal evaluate` tries; found on the CPU
  // from 17 of them and the neighbours of the best.
  std::vector<Baseline> baselines(const std::function<bool()>& keep_going) override;
  std::vector<LoggedSample> samples_to_log() override;  // clean where there is one, noisy, denoised, lambda
  std::string identity() const override;

  const UnrolledTv& unrolled_tv() const { return model_; }
  int64_t n_validation() const override { return data_.validation->size(); }
  std::vector<std::string> remarks() const override { return data_.remarks; }
  TrainingPlan plan(int64_t batch) const override;

 private:
  bool device_draws_noise() const { return loss_ == DenoisingLoss::mse && data_.noisy_train == nullptr; }
  Tensor picture(int64_t sample);
  Shape picture_shape() const { return {1, 1, 1, config_.data.size, config_.data.size}; }
  Tensor picture_there(int64_t sample) {  // picture(sample) on the device
    return resident_.of(sample, [&] { return picture(sample); });
  }
  std::optional<double> known_sigma(int64_t sample);
  TensorMap validation_sample(int64_t i, Device device) const;
  Tensor clean_validation(int64_t i, Device device) const { return data_.validation->clean(i).to(device); }
  std::vector<Baseline> baselines_of_loss(const std::function<bool()>& keep_going) const;

  TrainConfig config_;
  DenoisingLoss loss_;
  Device device_;
  Initialiser init_;
  UnrolledTv model_;
  TrainingData data_;
  bool has_clean_;                    // validation has clean pictures to score against
  int64_t n_samples_;                 // the first of data_.train
  ResidentPictures resident_;         // those that stay on the device
  std::deque<int64_t> announced_;     // those that ahead_ has yet to give
  std::unique_ptr<Prefetch> ahead_;   // after data_, which it reads
  std::map<int64_t, double> sigmas_;  // estimated, of pictures that are noisy as they are
};

}  // namespace primal
