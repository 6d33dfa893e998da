// Upsample3d: y = (A_D x A_H x A_W) x for each (n, c): every axis is resampled by its own matrix.
//
//   nearest    row i of A has 1 at                j = min(floor(i s), n - 1)
//   trilinear  row i of A has 1 - f at j and f at min(j + 1, n - 1),  j = floor(r), f = r - j, where
//              r = i (n - 1) / (m - 1)            with align_corners: centres of outer cells stay in place
//              r = max((i + 1/2) s - 1/2, 0)      without it: outer edges of outer cells stay in place
//   for n cells that become m, with s = n / m.
//
// Shapes:   x [N,C,D,H,W] -> y [N,C,D',H',W'],  D' = scale D, or the given size (which may also be smaller).
// Windows:  x may be a part of a larger volume, and y a part of what that volume becomes. The weights are
//           those of the larger volumes, with their i, j, n and m, so every cell has the bits that it has in
//           the whole.
// Saved:    the shapes alone; y is linear in x.
// Adjoint:  grad_x += (A_D' x A_H' x A_W') grad_y with the transposed matrices. It gathers, so that both
//           directions are the same loop over (index, weight) tables.
// Errors:   ShapeError for a rank other than 5, an empty volume, a scale or size below 1, align_corners
//           together with nearest, where it has no meaning, a window outside of its volume, and a window of x
//           that lacks a cell from which the window of y is made (upsample3d_sources tells which).
// Source:   torch.nn.Upsample; its table of source indices is restated above.
#pragma once

#include "autograd/variable.h"
#include "nn/upsample3d/upsample3d_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable upsample3d(const Variable& x, const Upsample3dParams& params);

// 3 for each value that an axis interpolates, W before H before D; 0 for nearest. The adjoint has as many.
PhaseCosts upsample3d_cost(const Shape& x, const Shape& y, UpsampleMode mode);

// The cells of x from which the cells `y` of an axis are made, where n cells become m.
CellRange upsample3d_sources(const CellRange& y, int64_t n, int64_t m, const Upsample3dParams& params);

OpInfo upsample3d_info();

}  // namespace primal
