// What a training step of unrolled_tv computes and keeps, counted before it runs.
//
// FLOPs are the ops' own counts (tensor/op/cost.h: a multiply-add is 2). Memory is found by going through the step as the
// program does, forward and backward, with what each op keeps for its adjoint and what only passes; blocks have the sizes
// the pool gives them. `passing` is what is live at the peak beyond the other terms: results no adjoint needs, gradients of
// activations, the workspaces of kernels (those estimated: 2 MiB and the transformed weights of the widest convolution).
// For float32 and the U-Net's kernels of depth one.
#pragma once

#include <cstdint>

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
  int64_t passing = 0;                              // at the peak
  int64_t total() const { return weights + gradients + moments + activations + tape + passing; }
};

struct TrainingPlan {
  TrainingFlops flops;
  TrainingMemory bytes;
};

// Of one step on z [N,1,D,H,W].
TrainingPlan plan_training(const UnrolledTv& model, const Shape& z);

}  // namespace primal
