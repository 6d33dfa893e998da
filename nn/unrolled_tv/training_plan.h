// What a training step of unrolled_tv computes and keeps, counted before it runs.
//
// The step is rehearsed (tensor/rehearsal.h): the model's own forward and backward pass and Adam's step are
// called with kernels that take their scratch memory and compute nothing. The plan therefore holds for every
// model, device, number of threads and choice of implementations. FLOPs are the ops' own counts
// (tensor/cost.h: a multiply-add is 2), bytes are in the size classes of the memory pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "nn/adam/adam.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct TrainingFlops {
  double convolutions = 0.0;  // forward, backward to their inputs (not to the picture) and to their weights
  double pdhg = 0.0;          // forward and adjoint
  double rest = 0.0;          // activations, pooling, upsampling, loss, Adam
  double total() const { return convolutions + pdhg + rest; }
};

struct TrainingMemory {
  int64_t weights = 0, gradients = 0, moments = 0;  // the moments are Adam's
  int64_t activations = 0;                          // kept from forward to backward
  int64_t tape = 0;                                 // of PDHG
  // At the peak, beyond the above: the pictures, results that no adjoint needs, gradients of
  // activations, scratch memory.
  int64_t temporary = 0;
  int64_t pictures = 0;  // of the training set, if they stay on the device
  int64_t total() const { return weights + gradients + moments + activations + tape + temporary + pictures; }
};

struct TrainingPlan {
  TrainingFlops flops;
  TrainingMemory bytes;
};

// A step of any model. Both are called inside of the rehearsal: the first makes the model, the second a batch
// of the shapes that a step has, and what computes the loss on it.
struct RehearsedStep {
  std::function<std::unique_ptr<Module>()> make_model;
  std::function<std::function<Variable()>(const Module& model)> make_loss;
  AdamParams adam = {};
  int64_t tape_bytes = 0;  // of the activations, those that are PDHG's tape
};
TrainingPlan plan_training(const RehearsedStep& step);

// One step on z [N,1,D,H,W], where the model lives, with the loss nn/mse_loss or nn/sure_loss; the second
// runs the model twice and keeps both. ConfigError inside of a rehearsal.
enum class StepLoss { mse, sure };
TrainingPlan plan_training(const UnrolledTv& model, const Shape& z, StepLoss loss = StepLoss::mse);

}  // namespace primal
