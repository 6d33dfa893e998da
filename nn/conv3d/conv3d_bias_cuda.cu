// Every pixel of y [N,O,...] becomes its channel's bias: what a library's product then adds to. One thread for each pixel.
#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

__global__ void fill_bias_kernel(Global<const float> bias, int64_t n_channels, int64_t n_pixels, int64_t n,
                                 Global<float> y) {
  const int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x;
  if (i < n) y[i] = bias[i / n_pixels % n_channels];
}

void fill(const Exec& exec, View<const float, 1> bias, View5<float> y) {
  const int64_t n = y.numel(), n_pixels = y.size(2) * y.size(3) * y.size(4);
  if (n == 0) return;
  launch(exec, {.name = "conv3d_fill_bias", .grid = blocks_for(n, kThreads), .block = kThreads},
         fill_bias_kernel, global(bias.flat()), bias.size(0), n_pixels, n, global(y.flat()));
}

}  // namespace

const Conv3dFillBias conv3d_fill_bias = {fill};

}  // namespace primal::PRIMAL_SIMT
