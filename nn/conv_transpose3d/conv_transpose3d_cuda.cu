// conv_transpose3d from the two sums of conv3d's direct kernels (conv3d_direct.h), with x and y exchanged:
// weight [C,O,kd,kh,kw] is the weight of the conv3d that maps y's O channels to x's C. One thread for each
// element of y or grad_x, neighbours along w; the gradients of weight and bias are conv3d's own.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_direct.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"

namespace primal::PRIMAL_SIMT {
namespace {

__global__ void forward_kernel(DirectConv3d conv, GlobalView<const float, 5> x, Global<const float> bias,
                               bool has_bias, GlobalView<float, 5> y) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n_elements(y)) return;
  const Element5 element = element_of(y, i);
  y.data[i] = (has_bias ? bias[element.c] : 0.0f) + input_sum(conv, x, element);
}

__global__ void backward_data_kernel(DirectConv3d conv, GlobalView<const float, 5> grad_y,
                                     GlobalView<float, 5> grad_x) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n_elements(grad_x)) grad_x.data[i] += output_sum(conv, grad_y, element_of(grad_x, i));
}

void forward(const Exec& exec, View5<const float> x, View5<const float> weight, View<const float, 1> bias,
             const ConvTranspose3dParams& params, View5<float> y) {
  if (y.numel() == 0) return;
  const dim3 grid = blocks_for(y.numel(), kThreads);
  launch(exec, {.name = "conv_transpose3d_forward", .grid = grid, .block = kThreads}, forward_kernel,
         direct_conv3d(weight, transposed(params)), global(x), global(bias).data, bias.data != nullptr,
         global(y));
}

void backward_data(const Exec& exec, View5<const float> grad_y, View5<const float> weight,
                   const ConvTranspose3dParams& params, View5<float> grad_x) {
  if (grad_x.numel() == 0) return;
  const dim3 grid = blocks_for(grad_x.numel(), kThreads);
  launch(exec, {.name = "conv_transpose3d_backward_data", .grid = grid, .block = kThreads},
         backward_data_kernel, direct_conv3d(weight, transposed(params)), global(grad_y), global(grad_x));
}

void backward_weights(const Exec& exec, View5<const float> x, View5<const float> grad_y,
                      const ConvTranspose3dParams& params, View5<float> grad_weight,
                      View<float, 1> grad_bias) {
  if (grad_weight.data != nullptr)
    conv3d_direct.kernels.backward_weights(exec, {grad_y}, {x}, transposed(params), grad_weight, {});
  if (grad_bias.data != nullptr)  // the sum over the upstream gradient: here that of y
    conv3d_direct.kernels.backward_weights(exec, {}, {grad_y}, transposed(params), {}, grad_bias);
}

bool anything(const ConvTranspose3dGeometry&) { return true; }

}  // namespace

const ConvTranspose3dImplementation<float> conv_transpose3d_direct = {
    {"direct", "conv3d's direct kernels with x and y exchanged", kDevice},
    anything,
    {forward, backward_data, backward_weights}};

}  // namespace primal::PRIMAL_SIMT
