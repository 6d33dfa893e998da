// What both passes of the overlapped PDHG share: tiles, the pixels of a thread, neighbours, a division in
// three operations. Included by the files of this implementation and by the test that plants faults in it.
//
// Idea:  a block keeps a tile of the picture and a halo around it in registers and iterates k times by
//   itself. Each iteration makes the outermost ring of the halo wrong, since the neighbours beyond are
//   missing; with a halo of k pixels the tile itself is right after k iterations. Then all blocks write their
//   tiles to global memory, the grid synchronises, and each block reads its halo again. Pixels of the halo
//   are computed several times; in return the grid synchronises only once in k iterations, and within these
//   only the codes go through memory.
// Threads: a warp is a row of 32 extended columns, a thread has a column of Tile::kRows pixels. Its
//   neighbours along W are other lanes (shuffles); those along H are its own registers or, above and
//   below, the last and first rows of other warps, exchanged through shared memory with one barrier
//   for each iteration. The dual of the pixel above the first one is not exchanged: its owner's
//   computation is repeated here.
// Ends:  extended coordinates are taken modulo the extent, which is the periodic difference; a picture
//   smaller than a tile is held several times over. Pixels beyond the picture are pixels of its other side,
//   so every size is allowed.
// Cost:  k = 8, tiles of 16 x 32 in 32 x 48 pixels, sm_90 by nvcc 13.0. Instructions of a warp for 32
//        pixels and one iteration:
//
//   pass                                  registers   spills   shared   instructions
//   forward without a tape                       80        0     7 KB           29.2
//   forward with codes                          107        0     7 KB           40.8
//   forward with codes and x                    120        0     7 KB           52.9
//   adjoint, fixed steps                   114, 120        0     7 KB     51.8, 51.5
//   adjoint, learnt steps                  161, 166        0     7 KB   113.8, 117.2
//
//   Two numbers: for one lambda for both axes, and for two.
//   bench/pdhg_device_model.py build/pdhg_overlapped.cubin      predicts times; its docstring
//                                                               says how that file is made
#pragma once

#include "solvers/pdhg/cuda/pdhg_device.h"

namespace primal::PRIMAL_SIMT {

// z and the bounds of a thread's pixels, in registers. A tile names the type that it keeps them in
// (pdhg_clusters.h has another).
template <int pixels>
struct RegisterConstants {
  __device__ float z(int i) const { return z_[i]; }
  __device__ float lambda_h(int i) const { return lambda_h_[i]; }
  __device__ float lambda_w(int i) const { return lambda_w_[i]; }
  __device__ void set(int i, float z, float lambda_h, float lambda_w) {
    z_[i] = z, lambda_h_[i] = lambda_h, lambda_w_[i] = lambda_w;
  }

 private:
  float z_[size_t{pixels}], lambda_h_[size_t{pixels}], lambda_w_[size_t{pixels}];
};

// k iterations between two synchronisations of the grid, and the width of the halo, which must be k for
// correct results.
template <int k, int halo, int warps, int rows>
struct OverlappedTile {
  using Constants = RegisterConstants<rows>;
  static constexpr int kIterations = k, kHalo = halo, kWarps = warps, kThreads = kWarp * warps;
  static constexpr int kRows = rows, kColumns = 1, kPixels = rows * kColumns;         // of a thread
  static constexpr int kWidth = kWarp - 2 * halo, kHeight = rows * warps - 2 * halo;  // without the halo
  static_assert(kWidth > 0 && kHeight > 0, "the halo leaves no tile");

  static __device__ void block_meets() { __syncthreads(); }
  static __device__ void grid_meets() { grid_sync(); }
};

// [N,1,D,H,W] as N D pictures, and how tiles cover them.
struct Pictures {
  int D, H, W;
  int columns, rows;  // of tiles in a picture
  int n_tiles;

  __host__ __device__ int pixels() const { return H * W; }
};

template <class Tile>
Pictures pictures_of(const std::array<int64_t, 5>& extent) {
  Pictures v{};
  v.D = static_cast<int>(extent[2]), v.H = static_cast<int>(extent[3]), v.W = static_cast<int>(extent[4]);
  v.columns = (v.W + Tile::kWidth - 1) / Tile::kWidth;
  v.rows = (v.H + Tile::kHeight - 1) / Tile::kHeight;
  v.n_tiles = static_cast<int>(extent[0] * extent[2] * v.columns * v.rows);
  return v;
}

// Chunks of at most k iterations. Their number is even, so that the last one writes the buffers
// that the first one read.
template <class Tile>
int chunks_of(int64_t n_iter) {
  constexpr int64_t two = 2 * Tile::kIterations;
  return static_cast<int>((n_iter + two - 1) / two * 2);
}
__host__ __device__ inline int64_t first_iteration(int64_t n_iter, int chunk, int n_chunks) {
  return n_iter * chunk / n_chunks;
}

__device__ inline int modulo(int i, int n) {
  const int rest = i % n;
  return rest < 0 ? rest + n : rest;
}

// The pixels of this thread in a tile: kRows rows of kColumns neighbouring columns, row by row.
template <class Tile>
struct Column {
  static constexpr int kColumns = Tile::kColumns;

  int n, d;
  int w[size_t{kColumns}];  // of its columns
  int tile_w;               // of the first pixel of the tile
  int h;  // of this thread's first pixel, without the modulo: the pixels of the tile itself need none
  int row[size_t{Tile::kRows}], row_above,
      row_below;                      // h of the pixels, of the one before them and of the one after
  unsigned own_pixels;                // a bit for each pixel of the tile itself
  unsigned own_pixels_above;          // the same for those of row_above
  bool own_row[size_t{Tile::kRows}];  // which rows are of the tile itself, and not of the halo

  Column() = default;
  __device__ Column(const Pictures& v, int tile) {
    const int row_of_tiles = tile / v.columns, picture = row_of_tiles / v.rows;
    const int lane = static_cast<int>(threadIdx.x), first = static_cast<int>(threadIdx.y) * Tile::kRows;
    const int first_h = (row_of_tiles - picture * v.rows) * Tile::kHeight;
    n = picture / v.D, d = picture - n * v.D;
    tile_w = (tile - row_of_tiles * v.columns) * Tile::kWidth;
    h = first_h + first - Tile::kHalo;
    row_above = modulo(h - 1, v.H), row_below = modulo(h + Tile::kRows, v.H);
    own_pixels = own_pixels_above = 0;
    const bool own_row_above = first > Tile::kHalo && first <= Tile::kHeight + Tile::kHalo && h <= v.H;
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      row[r] = modulo(h + r, v.H);
      own_row[r] = first + r >= Tile::kHalo && first + r < Tile::kHeight + Tile::kHalo && h + r < v.H;
    }
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      const int in_block = lane * kColumns + c, w_there = tile_w + in_block - Tile::kHalo;
      w[c] = modulo(w_there, v.W);
      const bool own_column =
          in_block >= Tile::kHalo && in_block < Tile::kWidth + Tile::kHalo && w_there < v.W;
      own_pixels_above |= own_column && own_row_above ? 1U << c : 0U;
#pragma unroll
      for (int r = 0; r < Tile::kRows; ++r)
        own_pixels |= own_column && own_row[r] ? 1U << (r * kColumns + c) : 0U;
    }
  }
  __device__ bool own(int i) const { return (own_pixels >> i & 1) != 0; }
  __device__ bool own_above(int c) const { return (own_pixels_above >> c & 1) != 0; }

  // Offsets in the picture: of pixel i, and of the one before the first of column c.
  __device__ int at(const Pictures& v, int i) const { return row[i / kColumns] * v.W + w[i % kColumns]; }
  __device__ int above(const Pictures& v, int c = 0) const { return row_above * v.W + w[c]; }

  // Offset of component a of q, or of anything with C channels, at the start of this picture.
  __device__ int64_t start(const Pictures& v, int C, int channel) const {
    return ((int64_t{n} * C + channel) * v.D + d) * v.pixels();
  }
};

// First and last row of each warp, in two buffers used alternately: before a buffer is written again, a
// barrier follows its last reads. In a row the first columns of all lanes come first, then the second ones,
// so that the lanes of an access are in different banks.
#define PRIMAL_PDHG_EDGES(Tile, name) PRIMAL_SHARED(float, name, [2][Tile::kWarps][2][kWarp * Tile::kColumns])

// The values above and below the pixels of this thread; contains a barrier of the block. At the outer
// edge of the halo there are none, and the warp's own take their place: a pixel there is wrong after
// the iteration in any case.
template <class Tile>
struct Beyond {
  float above[size_t{Tile::kColumns}], below[size_t{Tile::kColumns}];
};
template <class Tile, class Edges>
__device__ Beyond<Tile> exchange_rows(Edges& edges, int turn, const float (&value)[size_t{Tile::kPixels}]) {
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c) {
    edges[turn][warp][0][c * kWarp + lane] = value[c];
    edges[turn][warp][1][c * kWarp + lane] = value[Tile::kPixels - Tile::kColumns + c];
  }
  Tile::block_meets();
  const int warp_above = warp > 0 ? warp - 1 : 0, warp_below = warp < Tile::kWarps - 1 ? warp + 1 : warp;
  Beyond<Tile> beyond;
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c) {
    beyond.above[c] = edges[turn][warp_above][1][c * kWarp + lane];
    beyond.below[c] = edges[turn][warp_below][0][c * kWarp + lane];
  }
  return beyond;
}

// Quotients by one number: the product with its reciprocal, rounded twice, and one correction. With fused
// multiply-adds the result is the correctly rounded quotient, so the bits are those of a division, for
// 2^-100 <= |x| <= 2^100 and x = 0 (otherwise the remainder may underflow or overflow), and
// 2^-20 <= divisor <= 2^20. A division takes nvcc a dozen instructions and a branch.
// Source: P. W. Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor",
// IBM J. Res. Dev. 34 (1990).
struct Divisor {
  float value, reciprocal;

  __device__ explicit Divisor(float divisor) : value(divisor), reciprocal(1.0F / divisor) {}
  __device__ float divide(float x) const {
    const float quotient = __fmul_rn(x, reciprocal);
    return __fmaf_rn(__fmaf_rn(-quotient, value, x), reciprocal, quotient);
  }
};

}  // namespace primal::PRIMAL_SIMT
