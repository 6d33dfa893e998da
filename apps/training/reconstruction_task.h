// The task of an autoencoder (model/autoencoder.h): the clean picture from a noisy one.
#pragma once

#include "apps/training/learner.h"
#include "apps/training/pair_data.h"
#include "apps/training/task.h"
#include "data/noise/noise.h"

namespace primal {

class ReconstructionTask : public Task {
 public:
  // Lists the pictures and looks at them (pair_data.h). With training.overfit only the first so many train.
  explicit ReconstructionTask(const TrainConfig& config, Device device = {},
                              PictureCheck check = PictureCheck::headers);

  const Module& model() const override { return autoencoder_.module(); }
  int64_t n_samples() const override { return n_samples_; }
  int64_t n_validation() const override { return data_.validation.size(); }
  std::vector<std::string> remarks() const override { return data_.remarks; }
  std::string sample_name(int64_t sample) const override { return data_.train.clean->name(sample); }
  TrainingPlan plan(int64_t batch) const override;
  // "noisy" and "clean", [N,1,1,S,S]
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  Variable loss(const TensorMap& batch) override;
  // mnist: R2, MSE, MAE, RMSE and soft accuracy of all pixels together (data/metrics/fit_scores.h);
  // casting: means of PSNR, SSIM and MSE. Each of the validation, then of as many training pictures, the
  // first ones, both in inference.
  std::vector<std::string> metric_names() const override;
  Metrics validate(const std::function<bool()>& keep_going) override;
  // "noisy": the noisy pictures themselves.
  std::vector<Baseline> baselines(const std::function<bool()>& keep_going) override;
  std::vector<LoggedSample> samples_to_log() override;  // clean, noisy, denoised

  const Autoencoder& autoencoder() const { return autoencoder_; }
  struct Pair {
    Tensor noisy, clean;
  };
  // A picture of the validation with the noise that it always has there, on the CPU.
  Pair validation_pair(int64_t i) const;

 private:
  bool pools() const { return config_.autoencoder.layout == "mnist"; }
  // With the noise of an epoch's use; given noisy pictures are as they are.
  Pair pair_of(const PairSet& set, int64_t i, const NoiseKey& key, double low, double high) const;
  // The scores of `model`, or those of the noisy pictures where it is null; nothing where keep_going() turned
  // false.
  Metrics scores(bool of_training, const Autoencoder* model, const std::function<bool()>& keep_going) const;
  // The scores for the validation pictures, then those for as many training pictures; nothing when
  // keep_going() turns false.
  Metrics scores_of_both(const Autoencoder* model, const std::function<bool()>& keep_going) const;

  TrainConfig config_;
  Device device_;
  Initialiser init_;
  Autoencoder autoencoder_;
  PairData data_;
  int64_t n_samples_;
};

}  // namespace primal
