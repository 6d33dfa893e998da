// Sums of convolutions that several blocks compute in parts: where an image has too few pixels for all
// multiprocessors, each block writes a part to scratch memory, and these kernels add the parts in a fixed
// order, so that the bits are the same each time. Included by .cu files alone.
#pragma once

#include "nn/conv3d/cuda/conv3d_tiled.h"

namespace primal::PRIMAL_SIMT {

// What is done with a sum.
struct Finish {
  bool has_bias, add;  // add: to what is there
  float slope;         // of the activation, which at 1 does nothing
};

// out [N,O,D,H,W] from its splits [split][N,O,D,H,W] of the input channels, added in float.
void conv3d_add_splits(const Exec& exec, std::span<const float> splits, View<const float, 1> bias,
                       const Finish& finish, const Planes& to, const ChannelParts<float>& out);

// The gradients of weights in n parts of pixels, each [tap][O][C] and then the gradient of the bias [O].
struct WeightParts {
  int64_t n_taps, n_out, n_in, n;

  __host__ __device__ int64_t n_weights() const { return n_taps * n_out * n_in; }
  __host__ __device__ int64_t size() const { return n_weights() + n_out; }  // of a part
};

// grad_weight [O,C,taps] and grad_bias [O], which may have null data, +=: the parts, added in double.
void conv3d_add_parts(const Exec& exec, const WeightParts& q, std::span<const float> parts,
                      View5<float> grad_weight, View<float, 1> grad_bias);

}  // namespace primal::PRIMAL_SIMT
