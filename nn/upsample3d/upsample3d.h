// Upsample3d: y = (A_D x A_H x A_W) x for each (n, c): every axis is resampled by a matrix of its own.
//
//   nearest    row i of A has 1 at                j = min(floor(i s), n - 1)
//   trilinear  row i of A has 1 - f at j and f at min(j + 1, n - 1),  j = floor(r), f = r - j, where
//              r = i (n - 1) / (m - 1)            with align_corners: the outer cells' centres stay in place
//              r = max((i + 1/2) s - 1/2, 0)      without: the outer cells' outer edges stay in place
//   for n cells that become m, s = n / m.
//
// Shapes:   x [N,C,D,H,W] -> y [N,C,D',H',W'],  D' = scale D, or the given size (which may also be smaller).
// Windows:  of a larger volume x may be a part, and y a part of what that volume becomes: the same weights with i, j, n and m
//           of the larger ones, so every cell has the bits that it has in the whole.
// Saved:    the shapes alone; y is linear in x.
// Adjoint:  grad_x += (A_D' x A_H' x A_W') grad_y with the transposed matrices, in gather form: both
//           directions are the same loop over (index, weight) tables.
// Throws ShapeError for a rank other than 5, an empty volume, a scale or size below 1, and align_corners
//          together with nearest, where it has no meaning; for windows outside of their volumes, and a window of x
//           that lacks a cell the one of y is made of (upsample3d_sources tells which).
// Source:   torch.nn.Upsample; its table of source indices is restated above.
#pragma once

#include "autograd/variable.h"
#include "nn/upsample3d/upsample3d_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable upsample3d(const Variable& x, const Upsample3dParams& params);

// 3 for each value an axis interpolates, W before H before D; none for nearest. The adjoint has as many.
PhaseCosts upsample3d_cost(const Shape& x, const Shape& y, UpsampleMode mode);

// The cells of x that the cells `y` of an axis are made of, where n cells become m.
CellRange upsample3d_sources(const CellRange& y, int64_t n, int64_t m, const Upsample3dParams& params);

OpInfo upsample3d_info();

}  // namespace primal
