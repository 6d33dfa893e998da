// What a bias needs beside a product.
//   fill       every pixel of y [N,O,...] becomes its channel's bias: what a library's product then adds to.
//              One thread for each pixel.
//   backward   grad_bias += the sum over a channel's pixels, of one block for each channel: its
//              threads add every 256th pixel in double, then a tree adds the threads, so that the
//              order is the same each time.
#include "nn/conv3d/cuda/conv3d_channel_parts.h"
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

__global__ void fill_kernel(Global<const float> bias, int64_t n_channels, int64_t n_pixels, int64_t n,
                            Global<float> y) {
  const int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x;
  if (i < n) y[i] = bias[i / n_pixels % n_channels];
}

__global__ void backward_kernel(GlobalView<const float, 5> grad_y, Mask mask, Global<float> grad_bias) {
  const int64_t o = blockIdx.x, volume = grad_y.extent[2] * grad_y.extent[3] * grad_y.extent[4];
  double sum = 0.0;
  for (int64_t n = 0; n < grad_y.extent[0]; ++n) {
    const int64_t first = (n * grad_y.extent[1] + o) * volume;
    for (int64_t e = threadIdx.x; e < volume; e += kThreads)
      sum += mask.of(first + e, grad_y.data[first + e]);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) grad_bias[o] += static_cast<float>(sum);
}

void fill(const Exec& exec, View<const float, 1> bias, View5<float> y) {
  const int64_t n = y.numel(), n_pixels = y.size(2) * y.size(3) * y.size(4);
  if (n == 0) return;
  launch(exec, {.name = "conv3d_fill_bias", .grid = blocks_for(n, kThreads), .block = kThreads}, fill_kernel,
         global(bias.flat()), bias.size(0), n_pixels, n, global(y.flat()));
}

void backward(const Exec& exec, const MaskedGradient<float>& grad_y, View<float, 1> grad_bias) {
  if (grad_bias.data == nullptr || grad_bias.numel() == 0) return;
  launch(exec, {.name = "conv3d_backward_bias", .grid = blocks_for(grad_bias.numel(), 1), .block = kThreads},
         backward_kernel, global(grad_y.grad), mask_of(grad_y), global(grad_bias).data);
}

}  // namespace

const Conv3dBiasKernels conv3d_bias = {fill, backward};

}  // namespace primal::PRIMAL_SIMT
