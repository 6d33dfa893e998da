// conv3d: y[n,o,a,b,e] = bias[o] + sum over c,i,j,k of
//                        weight[o,c,i,j,k] x[n, c, a sd + i - pd, b sh + j - ph, e sw + k - pw]
//
// Shapes:   x [N,C,D,H,W], weight [O,C,kd,kh,kw], bias [O] or none -> y [N,O,D',H',W'],
//           D' = floor((D + 2 pd - kd) / sd) + 1, H' and W' likewise. Outside its extents x is zero.
// Saved:    x for the gradient of weight, weight for that of x; each only if that gradient is wanted.
// Adjoint:  grad_x[n,c,d,h,w]      += sum of weight[o,c,i,j,k] grad_y[n,o,a,b,e] over all o and the taps and
//                                     outputs with a sd + i - pd = d, b sh + j - ph = h, e sw + k - pw = w
//           grad_weight[o,c,i,j,k] += sum over n,a,b,e of
//                                     grad_y[n,o,a,b,e] x[n, c, a sd + i - pd, b sh + j - ph, e sw + k - pw]
//           grad_bias[o]           += sum over n,a,b,e of grad_y[n,o,a,b,e]
// Errors:   ShapeError for wrong ranks, mixed types, channels that disagree, a stride below 1, a padding
//           below 0, a kernel larger than the padded input. DeviceError for inputs on several devices.
// Source:   V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
//           relationships 6 and 13.
#pragma once

#include <array>
#include <cstdint>

#include "autograd/variable.h"
#include "nn/conv3d/conv3d_params.h"
#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

// A correlation, as everywhere in deep learning: the kernel is not flipped.
Variable conv3d(const Variable& x, const Variable& weight, const Variable& bias = {},
                const Conv3dParams& params = {});

// The shape of y for an x of this shape and type; ShapeError where the call has an error.
Shape conv3d_shape(const Shape& x, DType dtype, const Variable& weight, const Variable& bias,
                   const Conv3dParams& params);

// The layer: weight and bias, both uniform in +-1/sqrt(C kd kh kw) at first.
class Conv3d : public Module {
 public:
  Conv3d(Initialiser& initialiser, int64_t n_in, int64_t n_out, std::array<int64_t, 3> kernel,
         const Conv3dParams& params = {});
  Variable operator()(const Variable& x) const;

  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }
  const Conv3dParams& params() const { return params_; }

 private:
  Conv3dParams params_;
  Variable weight_;  // [O,C,kd,kh,kw]
  Variable bias_;    // [O]
};

OpInfo conv3d_info();

}  // namespace primal
