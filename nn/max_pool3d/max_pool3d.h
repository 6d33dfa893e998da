// MaxPool3d: y[n,c,d,h,w] = max over (i,j,k) of x[n,c, d sd + i - pd, h sh + j - ph, w sw + k - pw]
//
// Shapes:   x [N,C,D,H,W] -> y [N,C,D',H',W'],  D' = floor((D + 2 pd - kd) / sd) + 1, H' and W' likewise.
// Padding:  its cells never win: a window takes the maximum of the cells it shares with x.
// Ties:     the first in memory order wins. A NaN wins over every number, the last one of a window.
// Saved:    argmax, int32 offset inside one (D,H,W) volume of x; nothing while nobody wants a gradient.
// Adjoint:  grad_x[n,c, argmax[n,c,d,h,w]] += grad_y[n,c,d,h,w], windows in memory order, so overlapping
//           windows add up the same way for any thread count and on every device.
// Errors:   ShapeError for a rank other than 5, an empty volume, a volume of more than 2^31 - 1 cells, a
//           kernel or stride below 1, a padding below 0 or above half the kernel, and a window larger than
//           the padded volume.
#pragma once

#include "autograd/variable.h"
#include "nn/max_pool3d/max_pool3d_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable max_pool3d(const Variable& x, const MaxPool3dParams& params);

// Each output takes k - 1 comparisons for windows of k cells. Backward adds once for each and reads argmax.
PhaseCosts max_pool3d_cost(const Shape& x, const Shape& y, const MaxPool3dParams& params);

OpInfo max_pool3d_info();

}  // namespace primal
