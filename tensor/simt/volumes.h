// The grid of kernels that do the same to every cell of many volumes: blockIdx.x covers the cells of one
// volume (d, h, w), blockIdx.y the volumes (n, c). A thread finds its cell once and then goes through every
// gridDim.y-th volume, which pays for the divisions and for whatever else depends on the cell alone.
#pragma once

#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

constexpr int kVolumeThreads = 256;

// About `per_thread` volumes for each thread.
inline dim3 volume_grid(int64_t n_cells, int64_t n_volumes, int64_t per_thread) {
  constexpr int64_t kMost = 65535;
  const int64_t groups = (n_volumes + per_thread - 1) / per_thread;
  const int64_t clipped = groups < 1 ? 1 : groups > kMost ? kMost : groups;
  return grid_of(blocks_for(n_cells, kVolumeThreads).x, clipped);
}

struct Cell {
  int64_t d, h, w;
};

// The cell of this thread, and whether there is one.
__device__ inline int64_t cell_of_thread() { return blockIdx.x * int64_t{blockDim.x} + threadIdx.x; }
__device__ inline Cell cell_at(int64_t i, int64_t n_h, int64_t n_w) {
  return {i / n_w / n_h, i / n_w % n_h, i % n_w};
}

}  // namespace primal::PRIMAL_SIMT
