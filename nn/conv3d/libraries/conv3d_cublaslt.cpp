// A 1x1x1 convolution is a matrix product for each image, here by cuBLASLt: with P pixels,
//   y [O,P]           = weight [O,C] x [C,P] + bias
//   grad_x [C,P]      += weight' grad_y
//   grad_weight [O,C] += grad_y x'
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/vendor/cublaslt_api.h"

namespace primal::cuda {
namespace {

template <class V>
int64_t pixels_of(const V& view) {
  return view.size(2) * view.size(3) * view.size(4);
}

void forward(const Exec& exec, const ChannelParts<const float>& parts, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float, View5<float> y) {
  const View5<const float>& x = parts.first;
  if (bias.data != nullptr) conv3d_bias.fill(exec, bias, y);
  const int64_t n_pixels = pixels_of(x), n_in = x.size(1), n_out = y.size(1);
  multiply(exec, {.m = n_out,
                  .n = n_pixels,
                  .k = n_in,
                  .a = weight.data,
                  .b = x.data,
                  .c = y.data,
                  .add = bias.data != nullptr,
                  .batch = x.size(0),
                  .stride_b = n_in * n_pixels,
                  .stride_c = n_out * n_pixels});
}

void backward_data(const Exec& exec, const MaskedGradient<float>& upstream, View5<const float> weight,
                   const Conv3dParams&, bool, const ChannelParts<float>& parts) {
  const View5<const float>& grad_y = upstream.grad;
  const View5<float>& grad_x = parts.first;
  const int64_t n_pixels = pixels_of(grad_x), n_in = grad_x.size(1), n_out = grad_y.size(1);
  multiply(exec, {.m = n_in,
                  .n = n_pixels,
                  .k = n_out,
                  .a = weight.data,
                  .b = grad_y.data,
                  .c = grad_x.data,
                  .transpose_a = true,
                  .add = true,
                  .batch = grad_x.size(0),
                  .stride_b = n_out * n_pixels,
                  .stride_c = n_in * n_pixels});
}

void backward_weights(const Exec& exec, const ChannelParts<const float>& parts,
                      const MaskedGradient<float>& upstream, const Conv3dParams&, View5<float> grad_weight,
                      View<float, 1> grad_bias) {
  const View5<const float>& x = parts.first;
  const View5<const float>& grad_y = upstream.grad;
  conv3d_bias.backward(exec, upstream, grad_bias);
  if (grad_weight.data == nullptr) return;
  const int64_t n_pixels = pixels_of(x), n_in = x.size(1), n_out = grad_y.size(1);
  for (int64_t n = 0; n < x.size(0); ++n) {  // one after another, as they add into the same gradient
    multiply(exec, {.m = n_out,
                    .n = n_in,
                    .k = n_pixels,
                    .a = grad_y.data + n * n_out * n_pixels,
                    .b = x.data + n * n_in * n_pixels,
                    .c = grad_weight.data,
                    .transpose_b = true,
                    .add = true});
  }
}

bool supports(const Conv3dGeometry& g) {
  return g.weight[4] == 1 && cpu::conv3d_blocked_supports(g) && g.x.numel() > 0 && has_cublaslt();
}

}  // namespace

const Conv3dImplementation<float> conv3d_cublaslt{
    {"cublaslt", "NVIDIA's library, a matrix product for each image: 1x1x1", Device::Kind::cuda},
    supports,
    {forward, backward_data, backward_weights, false}};

}  // namespace primal::cuda
