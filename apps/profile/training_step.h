// One training step of an unrolled-TV model, as `primal train` takes it, on pictures that are made:
// for profiles and benches.
//
// Its ranges: "data" (noise drawn anew), "zero_grad", those of the model's ops, "mse_loss", "backward",
// "adam".
#pragma once

#include "nn/adam/adam.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

class DividedStep;

struct TrainingStepOptions {
  UnrolledTvOptions model;
  int64_t size = 256;  // side of the pictures, pixels
  int64_t batch = 1;
  bool new_noise = true;  // at each step; false: drawn once
  Device device = {};
};

class TrainingStep {
 public:
  explicit TrainingStep(const TrainingStepOptions& options);

  double run();  // returns the loss
  // Runs the step as the share of one rank in a step of `pictures` pictures, and returns the loss of all of
  // them. `divided` must have been made with model().
  double run(DividedStep& divided, int64_t pictures);
  void denoise() const;  // the forward pass alone, nothing recorded
  UnrolledTv& model() { return model_; }

 private:
  Tensor noisy() const;
  void prepare();  // new noise, gradients cleared

  TrainingStepOptions options_;
  Initialiser init_;
  UnrolledTv model_;
  Adam adam_;
  Tensor clean_, noisy_;
  uint32_t step_ = 0;
};

}  // namespace primal
