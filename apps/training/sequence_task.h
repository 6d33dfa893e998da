// The task "sequence": unrolled TV with a map in space and time (model/sequence_model.h) learns to
// denoise clips of frames. It trains on clean clips, to which noise of one level over a whole clip is
// added, drawn anew at each use.
#pragma once

#include <deque>
#include <memory>

#include "apps/training/learner.h"
#include "apps/training/sequence_data.h"
#include "apps/training/task.h"
#include "data/dataset/prefetch.h"
#include "model/sequence_model.h"

namespace primal {

class SequenceTask : public Task {
 public:
  // Finds and checks the sequences (sequence_data.h). With training.overfit N only the first N clips are used
  // for training. ConfigError for clips that are too small for the network and its padding.
  explicit SequenceTask(const TrainConfig& config, Device device = {},
                        PictureCheck check = PictureCheck::headers);

  const Module& model() const override { return model_.module(); }
  int64_t n_samples() const override { return n_samples_; }
  int64_t n_validation() const override { return data_.validation.size(); }
  std::vector<std::string> remarks() const override { return data_.remarks; }
  std::string sample_name(int64_t sample) const override {
    return data_.train.names.at(static_cast<size_t>(sample));
  }
  TrainingPlan plan(int64_t batch) const override;
  // Decoded ahead by a separate thread, training.prefetch frames at most.
  void announce(const std::vector<int64_t>& samples) override;
  // "noisy" and "clean", [N,1,S,S,T] on the model's device.
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  Variable loss(const TensorMap& batch) override;
  // Means over the frames of each clip, then over the clips. Time is padded as in testing.
  std::vector<std::string> metric_names() const override { return {"validation_psnr_db", "validation_ssim"}; }
  Metrics validate(const std::function<bool()>& keep_going) override;
  // "noisy", and "best pair": TV with the pair of weights that is best for each clip by PSNR, from the 100
  // pairs of apps/scores/pair_search.h and one refinement, each solved with T iterations.
  std::vector<Baseline> baselines(const std::function<bool()>& keep_going) override;
  // Pictures of the middle frame: clean, noisy, denoised, lambda_xy, lambda_t.
  std::vector<LoggedSample> samples_to_log() override;

 private:
  Tensor clip(int64_t sample);
  struct Pair {
    Tensor noisy, clean;
  };
  // A validation clip with its noise, which is the same in every validation, on the CPU.
  Pair validation_pair(int64_t i) const;

  TrainConfig config_;
  Device device_;
  Initialiser init_;
  SequenceModel model_;
  SequenceData data_;
  int64_t n_samples_;
  std::deque<int64_t> announced_;  // samples that ahead_ still has
  std::unique_ptr<Prefetch> ahead_;
};

}  // namespace primal
