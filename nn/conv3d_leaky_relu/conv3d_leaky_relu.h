// conv3d_leaky_relu: a convolution of one or two tensors and a LeakyReLU, as one op.
//
//   u = conv3d([x_1, x_2], weight, bias)        [.,.]: one after the other along the channels
//   y = u where u > 0, else slope u
//
// Shapes:   x_i [N,C_i,D,H,W], weight [O,C_1+C_2,kd,kh,kw], bias [O] or none -> y [N,O,D',H',W'] as in
//           conv3d.h.
// Saved:    x_i, weight and y, which the next op saves too; the concatenation and u never exist. (cuDNN wants
//           one tensor, so for the time of a call its scratch memory holds the x_i joined.)
// Adjoint:  grad_u = grad_y where y > 0, else slope grad_y; then conv3d's, each part of grad_x into its own
//           x_i.
// Chooses:  among conv3d's implementations (`--impl conv3d=winograd`). One that has no fused kernels
//           (`direct`, say) runs the chain leaky_relu(conv3d(concat(x_1, x_2))), which is also the reference.
// Errors:   ShapeError where conv3d, concat or leaky_relu have one.
#pragma once

#include <vector>

#include "nn/conv3d/conv3d.h"

namespace primal {

Variable conv3d_leaky_relu(const std::vector<Variable>& xs, const Variable& weight, const Variable& bias,
                           const Conv3dParams& params, double slope);

// The layer's convolution of xs, followed by the activation.
Variable conv3d_leaky_relu(const std::vector<Variable>& xs, const Conv3d& layer, double slope);

OpInfo conv3d_leaky_relu_info();

}  // namespace primal
