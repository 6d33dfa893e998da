// The gradients of the steps in overlapped tiles: equations in pdhg_kernels.h, the pass that they belong to
// in pdhg_overlapped_adjoint.h.
#pragma once

#include <array>

#include "solvers/pdhg/cuda/pdhg_overlapped.h"
#include "solvers/pdhg/cuda/pdhg_step_sums.h"

namespace primal::PRIMAL_SIMT {

struct OverlappedAdjoint {
  Pictures pictures;
  StepsSource steps;
  int64_t n_iter;
  int n_chunks;
  Global<const float> z, grad_x;
  Tape tape;
  Global<float> c[2], ab[2], ap[2], aq[2];  // by turns
  Global<float> r;
  bool want_z, noisy;
  Global<float> grad_lambda, grad_z;
  bool add_lambda;      // add to grad_lambda instead of overwriting it
  Global<double> sums;  // [3, tiles, warps of a tile]: sigma, tau, theta
  int64_t n_sums;
  StepTargets targets;
};

// A pixel before its step back (c, ab) and after it (ap, av).
struct PixelBack {
  float c, ab, ap, av_h, av_w;
};

// Where the steps are fixed.
struct NoTerms {
  template <class Tile>
  __device__ void begin(const OverlappedAdjoint&, const Column<Tile>&, bool) {}
  template <class Tile>
  __device__ void enter(const OverlappedAdjoint&, const Column<Tile>&, int64_t) {}
  template <class Tile>
  __device__ void begin_iteration(const OverlappedAdjoint&, const Column<Tile>&, int64_t) {}
  template <class Tile>
  __device__ void add(const Steps&, const Divisor&, const Column<Tile>&, int, const PixelBack&) {}
  __device__ void end_iteration() {}
  template <class Tile>
  __device__ void end(const OverlappedAdjoint&, const Steps&, const Column<Tile>&, int64_t, bool, bool) {}
  __device__ void add_up(const OverlappedAdjoint&) {}
};

// What a thread holds of the tape of x, and its sums. Iterates are loaded one iteration ahead.
template <class Tile>
struct StepTerms {
  static constexpr int kRows = Tile::kRows;
  float z[size_t{kRows}], r[size_t{kRows}];  // of the tile's pixels
  // Iterates of the pixels and, last, of the one under them: x^(k+1), x^k, x^(k-1) and x^(k-2).
  float next[size_t{kRows + 1}], now[size_t{kRows + 1}], before[size_t{kRows + 1}], coming[size_t{kRows + 1}];
  double sum_q, sum_p, sum_tau,
      sum_theta;  // of sigma through q and, without its divisor 1 + sigma, through p; tau without tau

  // Begins a tile: in its first chunk, or in each chunk where a block has several tiles.
  __device__ void begin(const OverlappedAdjoint& f, const Column<Tile>& at, bool first) {
    const int64_t i = at.start(f.pictures, 1, 0);
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      if (!at.own(row)) continue;
      z[row] = f.z[i + at.at(f.pictures, row)];
      r[row] = first ? 0.0F : static_cast<float>(f.r[i + at.at(f.pictures, row)]);
    }
    sum_q = sum_p = sum_tau = sum_theta = 0.0;
  }

  // Before iteration k, the first of a chunk.
  __device__ void enter(const OverlappedAdjoint& f, const Column<Tile>& at, int64_t k) {
    load(f, at, k + 1, next);
    load(f, at, k, now);
    load(f, at, k - 1, before);
  }
  __device__ void begin_iteration(const OverlappedAdjoint& f, const Column<Tile>& at, int64_t k) {
    load(f, at, k - 2, coming);
  }
  __device__ void end_iteration() {
#pragma unroll
    for (int row = 0; row <= kRows; ++row)
      next[row] = now[row], now[row] = before[row], before[row] = coming[row];
  }

  __device__ void add(const Steps& steps, const Divisor& one_plus_sigma, const Column<Tile>& at, int row,
                      const PixelBack& pixel) {
    if (!at.own_row[row]) return;  // for all lanes of the warp
    const float x_bar = extrapolated(row, steps.theta), under = extrapolated(row + 1, steps.theta);
    const float right = __shfl_down_sync(kAllLanes, x_bar, 1);
    if (!at.own(row)) return;
    const double moved = static_cast<double>(next[row]) - static_cast<double>(now[row]);
    sum_theta += pixel.ab * moved;
    sum_tau += pixel.c * moved;
    sum_q += static_cast<double>(pixel.av_h) * static_cast<double>(under - x_bar);
    sum_q += static_cast<double>(pixel.av_w) * static_cast<double>(right - x_bar);
    const float r_next = r[row];
    r[row] = pixel.ap + one_plus_sigma.divide(r_next);
    sum_p += (static_cast<double>(r[row]) - static_cast<double>(r_next)) *
             (static_cast<double>(x_bar) - static_cast<double>(z[row]));
  }

  // Each warp adds to its cell of the tile; the first time it writes there.
  __device__ void end(const OverlappedAdjoint& f, const Steps& steps, const Column<Tile>& at, int64_t tile,
                      bool first, bool last) {
    const int64_t i = at.start(f.pictures, 1, 0);
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      if (!at.own(row)) continue;
      if (last && f.noisy) sum_p -= static_cast<double>(r[row]) * static_cast<double>(z[row]);
      f.r[i + at.at(f.pictures, row)] = r[row];
    }
    const double sigma = sum_q + sum_p / (1 + static_cast<double>(steps.sigma));
    const double sums[] = {warp_sum(sigma), warp_sum(sum_tau / static_cast<double>(steps.tau)),
                           warp_sum(sum_theta)};
    if (threadIdx.x != 0) return;
    const int64_t cell = tile * Tile::kWarps + threadIdx.y;
#pragma unroll
    for (int step = 0; step < 3; ++step) {
      const double so_far = first ? 0.0 : static_cast<double>(f.sums[step * f.n_sums + cell]);
      f.sums[step * f.n_sums + cell] = so_far + sums[step];
    }
  }

  // After the last tile of the block: once all blocks have written their cells, one block for each step adds
  // them up (cooperative.h says why this is not another launch).
  __device__ void add_up(const OverlappedAdjoint& f) {
    Tile::grid_meets();
    for (int step = static_cast<int>(blockIdx.x); step < 3; step += static_cast<int>(gridDim.x)) {
      if (!f.targets.wanted.of(step)) continue;  // the whole block
      const double sum = block_sum_of_others<double>(f.sums + step * f.n_sums, f.n_sums);
      if (threadIdx.x == 0 && threadIdx.y == 0) f.targets.take(step, sum);
    }
  }

 private:
  // x_bar^k
  __device__ float extrapolated(int row, float theta) const {
    return now[row] + theta * (now[row] - before[row]);
  }

  // x^k of the pixels and of the one under them; x^0 is z, and so is what would be before it.
  static __device__ void load(const OverlappedAdjoint& f, const Column<Tile>& at, int64_t k,
                              float (&to)[size_t{kRows + 1}]) {
    const bool of_z = k <= 0;
    const Global<const float> values = of_z ? f.z : Global<const float>(f.tape.x);
    const int64_t stride = of_z ? f.pictures.W : f.tape.padded;
    const int64_t first_row = of_z ? (int64_t{at.n} * f.pictures.D + at.d) * f.pictures.H
                                   : f.tape.row(f.pictures, at.n, k - 1, at.d, 0);
    const Global<const float> from = values + (first_row * stride + at.w[0]);
#pragma unroll
    for (int row = 0; row < kRows; ++row) to[row] = from[at.row[row] * stride];
    to[kRows] = from[at.row_below * stride];
  }
};

}  // namespace primal::PRIMAL_SIMT
