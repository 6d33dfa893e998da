// conv_transpose3d, phased: conv3d's kernels of that name with x and y exchanged. The forward pass is the
// adjoint of a strided convolution, computed phase by phase of y; the gradient of x is that convolution.
#include "nn/conv3d/cpu/conv3d_phases.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"

namespace primal::cpu {
namespace {

bool supports(const ConvTranspose3dGeometry& g) {
  return conv3d_phased.supports({g.x, g.weight, transposed(g.params)});
}

void forward(const Exec& exec, View5<const float> x, View5<const float> weight, View<const float, 1> bias,
             const ConvTranspose3dParams& params, View5<float> y) {
  PhasedConvolution q = phased_adjoint(x, weight, transposed(params), y);
  q.bias = bias.data;
  conv3d_phased_run(exec, q);
}

void backward_data(const Exec& exec, View5<const float> grad_y, View5<const float> weight,
                   const ConvTranspose3dParams& params, View5<float> grad_x) {
  PhasedConvolution q = phased_forward(grad_y, weight, transposed(params), grad_x);
  q.add = true;
  conv3d_phased_run(exec, q);
}

void backward_weights(const Exec& exec, View5<const float> x, View5<const float> grad_y,
                      const ConvTranspose3dParams& params, View5<float> grad_weight,
                      View<float, 1> grad_bias) {
  if (grad_weight.data != nullptr)
    conv3d_phased_backward_weights(exec, {grad_y}, {x}, transposed(params), grad_weight, {});
  if (grad_bias.data != nullptr)  // the sum over the upstream gradient: here that of y
    conv3d_phased_backward_weights(exec, {}, {grad_y}, transposed(params), {}, grad_bias);
}

}  // namespace

const ConvTranspose3dImplementation<float> conv_transpose3d_phased{
    {"phased", "conv3d's phased kernels with x and y exchanged"},
    supports,
    {forward, backward_data, backward_weights}};

}  // namespace primal::cpu
