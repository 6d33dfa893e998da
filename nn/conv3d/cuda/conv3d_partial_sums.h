// Sums of convolutions that several blocks compute in parts: where an image has too few pixels for all
// multiprocessors, each block writes a part to scratch memory, and these kernels add the parts in a fixed
// order, so that the bits are the same each time. Included by .cu files alone.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_tiled.h"
#include "tensor/backend.h"

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

// Memory for n floats that outlives the call; null if n is 0.
inline std::shared_ptr<void> memory_for_parts(const Exec& exec, int64_t n) {
  return n == 0 ? nullptr
                : backend(exec.device).allocate(static_cast<size_t>(n) * sizeof(float), sizeof(float));
}

// Describes the parts that a launch of backward-weights leaves for conv3d_add_parts or conv3d_weight_sums.h.
inline Conv3dWeightParts<float> left_parts(std::shared_ptr<void> memory, const WeightParts& q,
                                           View5<float> grad_weight, View<float, 1> grad_bias) {
  const auto* const parts = static_cast<const float*>(memory.get());
  return {std::move(memory), parts, q.n_taps, q.n_out, q.n_in, q.n, grad_weight.data, grad_bias.data};
}

// Defined in conv3d_one_channel_weights.cu: for an x with one channel and kernels (1,3,3) with
// padding (0,1,1) and stride 1.
bool conv3d_is_one_channel(const ChannelParts<const float>& x, View5<float> grad_weight);
Conv3dWeightParts<float> conv3d_one_channel_begin_weights(const Exec& exec,
                                                          const ChannelParts<const float>& x,
                                                          const MaskedGradient<float>& grad_y,
                                                          View5<float> grad_weight, View<float, 1> grad_bias);

// Adds the parts in double to grad_weight [O,C,taps] and grad_bias [O]. Does nothing if there are no parts.
void conv3d_add_parts(const Exec& exec, const Conv3dWeightParts<float>& left);

}  // namespace primal::PRIMAL_SIMT
