// The thesis task: unrolled TV learns to denoise pictures from clean ones, with noise drawn anew at each use; or from the pairs of a
// manifest (pair_data.h), whose noisy pictures are as they are.
#pragma once

#include <deque>
#include <memory>

#include "apps/training/config.h"
#include "apps/training/task.h"
#include "apps/training/training_data.h"
#include "data/dataset/dataset.h"
#include "data/dataset/prefetch.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

// The mean squared error of the model's result; the batch has "noisy" and "clean".
Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch);

class DenoisingTask : public Task {
 public:
  // Lists the pictures and looks at them (training_data.h). With training.overfit only the first so many train: can the model
  // learn them by heart? IoError or DataError where pictures are missing, broken or too few.
  explicit DenoisingTask(const TrainConfig& config, Device device = {},
                         PictureCheck check = PictureCheck::headers);

  const Module& model() const override { return model_; }
  int64_t n_samples() const override { return n_samples_; }
  std::string sample_name(int64_t sample) const override { return data_.train->name(sample); }
  // Decoded by a thread of their own, training.prefetch of them ahead.
  void announce(const std::vector<int64_t>& samples) override;
  // "noisy" and "clean", [N,1,1,H,W] in [0,1] but for the noise, on the model's device
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  Variable loss(const TensorMap& batch) override;
  std::vector<std::string> metric_names() const override { return {"validation_psnr_db", "validation_ssim"}; }
  Metrics validate(const std::function<bool()>& keep_going) override;
  // "noisy", and "best scalar": TV with the lambda that is best for each picture, by each score, of the 81 that `primal evaluate`
  // tries; found on the CPU from 17 of them and the neighbours of the best.
  std::vector<Baseline> baselines(const std::function<bool()>& keep_going) override;
  std::vector<LoggedSample> samples_to_log() override;  // clean, noisy, denoised, lambda
  std::string identity() const override;

  const UnrolledTv& unrolled_tv() const { return model_; }
  int64_t n_validation() const override { return data_.validation->size(); }
  std::vector<std::string> remarks() const override { return data_.remarks; }
  TrainingPlan plan(int64_t batch) const override;

 private:
  Tensor clean(int64_t sample);
  struct Pair {
    Tensor noisy, clean;
  };
  Pair validation_pair(int64_t i, Device device) const;

  TrainConfig config_;
  Device device_;
  Initialiser init_;
  UnrolledTv model_;
  TrainingData data_;
  int64_t n_samples_;                // the first of data_.train
  std::deque<int64_t> announced_;    // those that ahead_ has yet to give
  std::unique_ptr<Prefetch> ahead_;  // after data_, which it reads
};

}  // namespace primal
