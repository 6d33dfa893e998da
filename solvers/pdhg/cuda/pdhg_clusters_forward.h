// The iterations of PDHG with one cluster of blocks for each picture (pdhg_clusters.h).
//
// Bytes: through global memory, once: 20 read for each pixel of a tile and its halo (x, x_bar, p and q of two
//   axes), z and lambda besides, and 20 written for each pixel of the tile; and 1/2 for the codes of each
//   iteration. Through the shared memory of the cluster, 20 for each pixel of a halo in each chunk.
// The operations on a pixel are those of pdhg_forward.cu, so the results have the same bits.
#pragma once

#include "solvers/pdhg/cuda/pdhg_clusters.h"
#include "tensor/simt/capability.h"

namespace primal::PRIMAL_SIMT {

// The same value, but unknown to the compiler: what is computed from it is computed again, and not
// kept in registers meanwhile.
__device__ inline int anew(int value) {
#ifdef __CUDACC__
  asm volatile("" : "+r"(value));
#endif
  return value;
}

template <class Tile, Keep keep>
__global__ void __launch_bounds__(Tile::kThreads, 1) clusters_forward_kernel(OverlappedForward f) {
  PRIMAL_PDHG_EDGES(Tile, edges);
  PRIMAL_DYNAMIC_SHARED(float, memory);
  const SharedFloats rings = memory + Tile::Constants::kFloats;
  const int thread = static_cast<int>(threadIdx.y * kWarp + threadIdx.x);
  const Exchange<Tile> exchange{as<uint32_t>(rings + Tile::kRings * Ring<Tile>::kFloats) + thread};
  const Steps steps = f.steps.get();
  const Divisor one_plus_sigma(1 + steps.sigma);
  const Column<Tile> at(f.pictures, static_cast<int>(blockIdx.x));
  TapePlace<Tile> tape(f.pictures, f.tape, at, 0);
  ForwardPixels<Tile> s = {};
  s.constants.mine = memory + thread;
  exchange.prepare(f.pictures, at);
  load_constants(f, at, s);
  if (f.from_start)
    start_fields(f.noisy, s);
  else
    load_fields(f, at, 0, true, s);
  mark_unusable(steps, s);
  int turn = 0;
  for (int chunk = 0; chunk < f.n_chunks; ++chunk) {
    if (chunk > 0) {
      const SharedFloats ring = rings + chunk % Tile::kRings * Ring<Tile>::kFloats;
      exchange.write(ring, s);
      Tile::cluster_meets();
      exchange.read(ring, s);
    }
    const int left = static_cast<int>(f.n_iter) - chunk * Tile::kIterations;
    const int n_iter = left < Tile::kIterations ? left : Tile::kIterations;
    iterate_chunk<Tile, keep>(f, steps, one_plus_sigma, at, tape, edges, turn, n_iter, s);
  }
  // From here on no block reads the initial fields of the picture, or this block's ring, whose
  // memory ends with the block.
  Tile::cluster_ends();
  store_fields(f, Column<Tile>(f.pictures, anew(static_cast<int>(blockIdx.x))), 0, s);
}

// False where the device has no clusters as large as this picture needs; then nothing has been launched.
template <class Tile>
bool clusters_forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                      const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  OverlappedForward f = overlapped_forward_of<Tile>(problem, params, fields, tape);
  f.n_chunks = static_cast<int>((params.n_iter + Tile::kIterations - 1) / Tile::kIterations);
  if (f.pictures.n_tiles == 0 || f.n_chunks == 0) return true;
  // A tile reads its fields before any tile of the picture is written, so one buffer is enough.
  f.x[1] = f.x[0], f.x_bar[1] = f.x_bar[0], f.p[1] = f.p[0], f.q[1] = f.q[0];
  const auto kernel = tape.codes == nullptr ? clusters_forward_kernel<Tile, Keep::nothing>
                      : tape.x == nullptr   ? clusters_forward_kernel<Tile, Keep::codes>
                                            : clusters_forward_kernel<Tile, Keep::codes_and_x>;
  Launch at{.name = "pdhg_forward",
            .grid = grid_of(f.pictures.n_tiles),
            .block = dim3(kWarp, Tile::kWarps),
            .shared_bytes = shared_bytes_of<Tile>()};
  at.cluster = grid_of(int64_t{f.pictures.columns} * f.pictures.rows);
  if (!clusters_fit(exec, at, kernel)) return false;
  launch(exec, at, kernel, f);
  return true;
}

// Several pictures, each of which fits a cluster. A single one would leave most multiprocessors without work.
template <class Tile>
bool clusters_support(const PdhgGeometry& g) {
  if (!(g.axes == Axes{3, 4}) || g.x[0] * g.x[2] < 2) return false;
  if (g.x[3] > kLargestCluster * Tile::kHeight || g.x[4] > kLargestCluster * Tile::kWidth) return false;
  const Pictures one = pictures_of<Tile>({1, 1, 1, g.x[3], g.x[4]});
  return one.n_tiles <= kLargestCluster;
}

}  // namespace primal::PRIMAL_SIMT
