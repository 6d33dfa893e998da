// The table of an overlapped PDHG with iterations and tiles of its own.
#pragma once

#include "solvers/pdhg/cuda/pdhg_overlapped_adjoint.h"
#include "solvers/pdhg/cuda/pdhg_overlapped_forward.h"

namespace primal::PRIMAL_SIMT {

template <class Tile>
inline constexpr PdhgKernels<float> overlapped_kernels = {.forward = overlapped_forward<Tile>,
                                                          .adjoint = overlapped_adjoint<Tile>,
                                                          .add_reduced = pdhg_add_reduced,
                                                          .overwrites = true,
                                                          .starts = true};

// Pictures of any size, as long as offsets in one fit an int; other axes are left to the
// implementations that keep no tiles.
inline bool overlapped_supports(const PdhgGeometry& g) {
  return g.axes == Axes{3, 4} && g.x[3] * g.x[4] <= int64_t{1} << 28;
}

}  // namespace primal::PRIMAL_SIMT
