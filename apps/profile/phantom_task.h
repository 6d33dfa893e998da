// A task (apps/training/task.h) with generated pictures and noise that the device draws. With it, the
// training step of a model can be recorded without the model's data. The loss is the mean squared
// error to the clean pictures.
#pragma once

#include "apps/profile/training_step.h"
#include "apps/training/task.h"

namespace primal {

class PhantomTask : public Task {
 public:
  explicit PhantomTask(const TrainingStepOptions& options);

  const Module& model() const override { return model_; }
  int64_t n_samples() const override { return options_.batch; }
  int64_t n_validation() const override { return 0; }
  TrainingPlan plan(int64_t batch) const override;
  std::string sample_name(int64_t sample) const override;
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  TensorMap inputs(int64_t epoch, std::span<const int64_t> samples) override;
  TensorMap of_inputs(const TensorMap& inputs) const override;
  Variable loss(const TensorMap& batch) override;
  std::vector<std::string> metric_names() const override { return {}; }
  Metrics validate(const std::function<bool()>& keep_going) override;

 private:
  TrainingStepOptions options_;
  Initialiser init_;
  UnrolledTv model_;
};

}  // namespace primal
