// conv_transpose3d, the adjoint of conv3d in x, with a bias:
//   y[n,o,d,h,w] = bias[o] + sum of weight[c,o,i,j,k] x[n,c,a,b,e] over all c and the taps and inputs with
//                  a sd + i - pd = d, b sh + j - ph = h, e sw + k - pw = w
//
// Shapes:   x [N,C,D,H,W], weight [C,O,kd,kh,kw], bias [O] or none -> y [N,O,D',H',W'],
//           D' = (D - 1) sd - 2 pd + kd + qd, H' and W' likewise; q is the output padding: of the sd extents
//           that conv3d maps to D it names one.
// Saved:    x for the gradient of weight, weight for that of x; each only if that gradient is wanted.
// Adjoint:  with conv3d's letters x and y exchanged,
//           grad_x      += conv3d(grad_y, weight)
//           grad_weight += the gradient of conv3d's weight at input grad_y and upstream gradient x
//           grad_bias[o] += sum over n,d,h,w of grad_y[n,o,d,h,w]
// Errors:   ShapeError for wrong ranks, mixed types, channels that disagree, a stride below 1, a padding
//           below 0, an output padding outside [0, stride), an empty result. DeviceError for
//           inputs on several devices.
// Source:   V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
//           relationship 14.
#pragma once

#include <array>
#include <cstdint>

#include "autograd/variable.h"
#include "nn/conv_transpose3d/conv_transpose3d_params.h"
#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

Variable conv_transpose3d(const Variable& x, const Variable& weight, const Variable& bias = {},
                          const ConvTranspose3dParams& params = {});

// The layer: weight and bias, both uniform in +-1/sqrt(O kd kh kw) at first, as PyTorch has it.
class ConvTranspose3d : public Module {
 public:
  ConvTranspose3d(Initialiser& initialiser, int64_t n_in, int64_t n_out, std::array<int64_t, 3> kernel,
                  const ConvTranspose3dParams& params = {});
  Variable operator()(const Variable& x) const { return conv_transpose3d(x, weight_, bias_, params_); }

 private:
  ConvTranspose3dParams params_;
  Variable weight_;  // [C,O,kd,kh,kw]
  Variable bias_;    // [O]
};

OpInfo conv_transpose3d_info();

}  // namespace primal
