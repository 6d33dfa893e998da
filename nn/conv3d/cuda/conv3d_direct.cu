// conv3d, direct: the sums of conv3d.h in gather form, for any kernel, stride and padding.
//
// Idea: one thread for each element of y or grad_x, neighbours along w, so that a warp reads
// neighbouring pixels and one weight. Nothing is kept between threads but what the caches keep: each
// multiply-add loads two numbers, so this reaches a few per cent of the peak and is here for the shapes
// that no faster one takes.
//   - backward_weights: one warp for each weight. Lane l adds the outputs l, l + 32, ... in double, then the
//     lanes are added in a tree: the same order each time.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_direct.h"
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kLanes = 32, kWarps = 8;

__global__ void forward_kernel(DirectConv3d conv, GlobalView<const float, 5> x, Global<const float> bias,
                               bool has_bias, GlobalView<float, 5> y) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n_elements(y)) return;
  const Element5 element = element_of(y, i);
  y.data[i] = (has_bias ? bias[element.c] : 0.0f) + output_sum(conv, x, element);
}

__global__ void backward_data_kernel(DirectConv3d conv, GlobalView<const float, 5> grad_y,
                                     GlobalView<float, 5> grad_x) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n_elements(grad_x)) grad_x.data[i] += input_sum(conv, grad_y, element_of(grad_x, i));
}

// blockDim (kLanes, kWarps); conv.weight is not read: its extents are those of grad_weight.
__global__ void backward_weights_kernel(DirectConv3d conv, GlobalView<const float, 5> x,
                                        GlobalView<const float, 5> grad_y, GlobalView<float, 5> grad_weight) {
  const int64_t i = blockIdx.x * int64_t{kWarps} + threadIdx.y;
  if (i >= n_elements(grad_weight)) return;  // the whole warp
  const Element5 tap = element_of(grad_weight, i);
  const int o = static_cast<int>(tap.n), c = tap.c;
  const int *stride = conv.stride, *padding = conv.padding;
  const int64_t od = grad_y.extent[2], oh = grad_y.extent[3], ow = grad_y.extent[4];
  const int64_t n_outputs = grad_y.extent[0] * od * oh * ow;
  double sum = 0.0;
  for (int64_t at = threadIdx.x; at < n_outputs; at += kLanes) {
    const int e = static_cast<int>(at % ow), b = static_cast<int>(at / ow % oh),
              a = static_cast<int>(at / (ow * oh) % od);
    const int64_t n = at / (ow * oh * od);
    const int d = a * stride[0] + tap.at[0] - padding[0], h = b * stride[1] + tap.at[1] - padding[1],
              w = e * stride[2] + tap.at[2] - padding[2];
    if (d >= 0 && d < x.extent[2] && h >= 0 && h < x.extent[3] && w >= 0 && w < x.extent[4])
      sum += static_cast<double>(grad_y(n, o, a, b, e) * x(n, c, d, h, w));
  }
  sum = warp_sum(sum);
  if (threadIdx.x == 0) grad_weight.data[i] += static_cast<float>(sum);
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams& params, float, View5<float> y) {
  if (y.numel() == 0) return;
  launch(exec, {.name = "conv3d_forward_direct", .grid = blocks_for(y.numel(), kThreads), .block = kThreads},
         forward_kernel, direct_conv3d(weight, params), global(x.first), global(bias).data,
         bias.data != nullptr, global(y));
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool, const ChannelParts<float>& parts) {
  const View5<float>& grad_x = parts.first;
  if (grad_x.numel() == 0) return;
  launch(exec,
         {.name = "conv3d_backward_data_direct",
          .grid = blocks_for(grad_x.numel(), kThreads),
          .block = kThreads},
         backward_data_kernel, direct_conv3d(weight, params), global(grad_y.grad), global(grad_x));
}

void backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                      const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                      View5<float> grad_weight, View<float, 1> grad_bias) {
  if (grad_weight.data != nullptr && grad_weight.numel() > 0) {
    const dim3 block(kLanes, kWarps);
    launch(exec,
           {.name = "conv3d_backward_weights_direct",
            .grid = blocks_for(grad_weight.numel(), kWarps),
            .block = block},
           backward_weights_kernel, direct_conv3d(grad_weight, params), global(x.first), global(grad_y.grad),
           global(grad_weight));
  }
  conv3d_bias.backward(exec, grad_y, grad_bias);
}

bool anything(const Conv3dGeometry&) { return true; }

}  // namespace

const Conv3dImplementation<float> conv3d_direct = {
    {"direct", "one thread for each output, one warp for each weight", kDevice},
    anything,
    {forward, backward_data, backward_weights, false}};

}  // namespace primal::PRIMAL_SIMT
