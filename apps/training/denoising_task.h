// The thesis task: unrolled TV learns to denoise pictures from clean ones, with noise drawn anew at each use.
#pragma once

#include <deque>
#include <memory>

#include "apps/training/config.h"
#include "apps/training/task.h"
#include "data/dataset/dataset.h"
#include "data/dataset/prefetch.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

UnrolledTvOptions model_options(const TrainConfig& config);

// The mean squared error of the model's result; the batch has "noisy" and "clean".
Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch);

class DenoisingTask : public Task {
 public:
  // Reads the lists of pictures: folder/train and folder/val, or a flat folder whose last pictures validate. With
  // training.overfit only the first so many train: can the model learn them by heart? IoError or DataError where pictures
  // are missing or too few.
  explicit DenoisingTask(const TrainConfig& config, Device device = {});

  const Module& model() const override { return model_; }
  int64_t n_samples() const override { return n_samples_; }
  std::string sample_name(int64_t sample) const override { return train_->name(sample); }
  // Decoded by a thread of their own, training.prefetch of them ahead.
  void announce(const std::vector<int64_t>& samples) override;
  // "noisy" and "clean", [N,1,1,H,W] in [0,1] but for the noise, on the model's device
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  Variable loss(const TensorMap& batch) override;
  std::vector<std::string> metric_names() const override { return {"validation_psnr_db", "validation_ssim"}; }
  Metrics validate(const std::function<bool()>& keep_going) override;

  const UnrolledTv& unrolled_tv() const { return model_; }

 private:
  void divide();
  Tensor clean(int64_t sample);

  TrainConfig config_;
  Device device_;
  Initialiser init_;
  UnrolledTv model_;
  std::unique_ptr<Dataset> train_;
  std::unique_ptr<Dataset> validation_;
  int64_t n_samples_;                            // the first of train_
  int64_t n_validation_, validation_first_ = 0;  // of validation_
  std::deque<int64_t> announced_;                // those that ahead_ has yet to give
  std::unique_ptr<Prefetch> ahead_;              // after train_, which it reads
};

}  // namespace primal
