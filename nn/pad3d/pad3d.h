// Pad3d and crop3d: y[n,c,d,h,w] = x[n,c, s_D(d), s_H(h), s_W(w)], or 0 where an index does not exist.
//
// With j = i - low for output i of an axis of n cells, s(i) = j inside; outside
//   zero      does not exist                  0 0 | a b c d | 0 0
//   edge      min(max(j, 0), n - 1)           a a | a b c d | d d
//   reflect   -j and 2 (n - 1) - j            c b | a b c d | c b      the outer cell is not repeated
//   circular  j mod n                         c d | a b c d | a b
// and s(i) = i + low for crop3d, which takes `low` and `high` cells off the ends: crop3d undoes pad3d.
//
// Shapes:   x [N,C,D,H,W] -> y [N,C,D',H',W'],  D' = low + D + high, or D - low - high for crop3d.
// Saved:    the shapes alone; y is linear in x.
// Adjoint:  grad_x[j] += sum of grad_y[i] over the i with s(i) = j, in the order of i.
// Errors:   ShapeError for a rank other than 5, an empty volume, amounts below zero, a reflection of n cells
//           or more, a circular padding of more than n, and a crop that leaves nothing.
#pragma once

#include "autograd/variable.h"
#include "nn/pad3d/pad3d_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable pad3d(const Variable& x, const Pad3dParams& params);
Variable crop3d(const Variable& x, const Crop3dParams& params);

// Adds part to the cells of whole from `begin` (D, H, W) on: the adjoint of the crop3d that shows them.
// Errors: ShapeError where part does not lie in whole or differs from it in type. DeviceError where they are
// on several devices.
void add_part3d(const Tensor& part, const std::array<int64_t, 3>& begin, const Tensor& whole);

OpInfo pad3d_info();
OpInfo crop3d_info();

}  // namespace primal
