// Kernels of nn/batch_norm: equations in batch_norm.h. x is seen as [N,C,S]; what is computed per channel is
// in double.
#pragma once

#include <span>

#include "nn/batch_norm/batch_norm_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

// What there is for each channel, [C]; weight and bias are empty where they count as 1 and 0.
template <class T>
struct BatchNormState {
  std::span<const T> weight, bias;
  std::span<T> running_mean, running_var;
};

// What a call computes for each channel, [C]: y = scale x + shift; mean, r = 1 / sqrt(var + eps) and
// weight are for backward.
struct BatchNormChannels {
  std::span<double> mean, r, weight, scale, shift;
};

template <class T>
struct BatchNormKernels {
  // The channels from x [N,C,S], which also moves the running statistics, or without training from those.
  void (*prepare)(const Exec& exec, View<const T, 3> x, const BatchNormState<T>& state,
                  const BatchNormParams& params, const BatchNormChannels& channels);
  // y = scale x + shift
  void (*forward)(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, View<T, 3> y);
  // Adds into those of grad_x, grad_weight, grad_bias that have data.
  void (*backward)(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, bool training,
                   View<const T, 3> grad_y, View<T, 3> grad_x, std::span<T> grad_weight,
                   std::span<T> grad_bias);
};

template <class T>
using BatchNormImplementation = Implementation<OnlyShape, BatchNormKernels<T>>;
extern const Ladder<BatchNormImplementation> batch_norm_ladder;  // batch_norm_op.cpp

namespace cpu {
extern const BatchNormImplementation<float> batch_norm_simd;
extern const BatchNormImplementation<float> batch_norm_reference_f32;
extern const BatchNormImplementation<double> batch_norm_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(BatchNormImplementation<float>, batch_norm_chunks);  // batch_norm_cuda.cu

}  // namespace primal
