// PDHG of many pictures at once: each picture is given to one cluster of blocks. What its kernel adds to
// the overlapped tiles of pdhg_overlapped.h: where a tile's constants are, and how the blocks of a
// cluster exchange their halos.
//
// Idea:  pictures of a batch, and one picture with many weights lambda, do not depend on each other. So the
//   whole grid need not meet, only the blocks that share a picture. These are a cluster: at most 16 blocks,
//   each with one tile of the picture. All fields stay in registers for all iterations. After k of them, each
//   block writes the outermost k pixels of its tile to its shared memory, the cluster meets, and each block
//   reads its halo from the shared memory of the others. Nothing but the first and the last values (and the
//   tape) goes through global memory, and a launch takes any number of pictures.
// Tile:  sixteen tiles should cover a picture of 256x256, which sixteen tiles of pdhg_overlapped.cu would
//   not. A lane therefore has two neighbouring columns, and z and the bounds lie in shared memory, where each
//   thread reads its own alone.
// Meets: a cluster once in k iterations. Two rings are used alternately, so that one meeting is enough:
//   before a ring is written again, the cluster has met after its last reads.
#pragma once

#include "solvers/pdhg/cuda/pdhg_overlapped_forward.h"

namespace primal::PRIMAL_SIMT {

// In blocks. More than 8 only where a device has room for them: clusters_fit() of tensor/simt/capability.h.
constexpr int kLargestCluster = 16;

#ifdef __CUDACC__
using SharedFloats = float*;
using SharedWords = uint32_t*;
#else
using SharedFloats = SharedPointer<float>;
using SharedWords = SharedPointer<uint32_t>;
#endif

// As RegisterConstants, in shared memory: [3][pixels][threads].
template <int pixels, int threads>
struct SharedConstants {
  static constexpr int kFloats = 3 * pixels * threads;
  SharedFloats mine;  // of this thread's first pixel

  __device__ float z(int i) const { return mine[i * threads]; }
  __device__ float lambda_h(int i) const { return mine[(pixels + i) * threads]; }
  __device__ float lambda_w(int i) const { return mine[(2 * pixels + i) * threads]; }
  __device__ void set(int i, float z, float lambda_h, float lambda_w) {
    mine[i * threads] = z;
    mine[(pixels + i) * threads] = lambda_h;
    mine[(2 * pixels + i) * threads] = lambda_w;
  }
};

// As OverlappedTile, with `columns` columns for each thread.
template <int k, int halo, int warps, int rows, int columns>
struct ClusterTile {
  static constexpr int kIterations = k, kHalo = halo, kWarps = warps, kThreads = kWarp * warps;
  static constexpr int kRows = rows, kColumns = columns, kPixels = rows * columns;
  static constexpr int kWidth = kWarp * columns - 2 * halo, kHeight = rows * warps - 2 * halo;
  static_assert(kWidth > 0 && kHeight > 0, "the halo leaves no tile");
  using Constants = SharedConstants<kPixels, kThreads>;

  static constexpr int kRings = 2;  // used alternately
  static __device__ void block_meets() { __syncthreads(); }
  static __device__ void cluster_meets() { cluster_sync(); }  // in an exchange
  static __device__ void cluster_ends() { cluster_sync(); }   // after all iterations
};

// Where something is along one axis: in which tile, and where in it.
struct InTile {
  int tile, at, extent;  // extent: of that tile without its halo, which is less for the last one

  __device__ InTile(int coordinate, int size, int whole)
      : tile(coordinate / size), at(coordinate - tile * size) {
    extent = whole - tile * size < size ? whole - tile * size : size;
  }
  // The first `width` coordinates of the tile are 0 to width - 1 and the last ones
  // width to 2 width - 1; -1 between them.
  __device__ int strip(int width) const {
    if (at < width) return at;
    return at >= extent - width ? width + at - (extent - width) : -1;
  }
};

// The pixels of a tile that its neighbours read: the rows at the top and the bottom, and the rest of
// the columns at both sides.
template <class Tile>
struct Ring {
  static constexpr int kStrips = 2 * Tile::kHalo, kOfRows = kStrips * Tile::kWidth;
  static constexpr int kPixels = kOfRows + kStrips * Tile::kHeight, kFields = 5;
  static constexpr int kFloats = kFields * kPixels;

  // The place of a pixel, -1 if it is not one of them.
  static __device__ int place(const InTile& row, const InTile& column) {
    const int of_row = row.strip(Tile::kHalo), of_column = column.strip(Tile::kHalo);
    if (of_row >= 0) return of_row * Tile::kWidth + column.at;
    return of_column >= 0 ? kOfRows + row.at * kStrips + of_column : -1;
  }
};

// What a thread does with its pixels at an exchange: kPixels words, and one for the dual above each of its
// columns. They are worked out once and kept in shared memory, where each thread reads its own alone:
// registers have no room for them.
template <class Tile>
struct Exchange {
  static constexpr int kWords = (Tile::kPixels + Tile::kColumns) * Tile::kThreads;
  // A word: the place in a ring, the rank of the block whose ring it is, and whether the thread writes or
  // reads there.
  static constexpr unsigned kRankShift = 16, kWrites = 1U << 30, kReads = 1U << 31,
                            kPlaces = 1U << kRankShift;
  static_assert(Ring<Tile>::kPixels <= int{kPlaces}, "a place has 16 bits");
  SharedWords mine;  // of this thread's first pixel

  __device__ void prepare(const Pictures& v, const Column<Tile>& at) const {
#pragma unroll
    for (int c = 0; c < Tile::kColumns; ++c) {
      const InTile column(at.w[c], Tile::kWidth, v.W);
#pragma unroll
      for (int r = 0; r < Tile::kRows; ++r) {
        const int i = r * Tile::kColumns + c;
        set(i, v, InTile(at.row[r], Tile::kHeight, v.H), column, at.own(i) ? kWrites : kReads);
      }
      set(Tile::kPixels + c, v, InTile(at.row_above, Tile::kHeight, v.H), column,
          at.own_above(c) ? 0U : kReads);
    }
  }

  // To the ring of this block, after the iterations of a chunk.
  __device__ void write(const SharedFloats& ring, const ForwardPixels<Tile>& s) const {
    constexpr int n = Ring<Tile>::kPixels;
#pragma unroll
    for (int i = 0; i < Tile::kPixels; ++i) {
      const unsigned word = mine[i * Tile::kThreads];
      if ((word & kWrites) == 0) continue;
      const SharedFloats to = ring + static_cast<int>(word % kPlaces);
      to[0] = s.x[i], to[n] = s.x_bar[i], to[2 * n] = s.p[i], to[3 * n] = s.q_h[i], to[4 * n] = s.q_w[i];
    }
  }

  // From the rings of the blocks of this picture, after a meeting: the pixels of the halo. Pixels beyond the
  // picture's last column or row that are in no ring are farther from every pixel of this tile than the halo
  // is wide, and stay as they are.
  __device__ void read(const SharedFloats& ring, ForwardPixels<Tile>& s) const {
    constexpr int n = Ring<Tile>::kPixels;
#pragma unroll
    for (int i = 0; i < Tile::kPixels; ++i) {
      const unsigned word = mine[i * Tile::kThreads];
      if ((word & kReads) == 0) continue;
      const SharedFloats from = of(ring, word);
      s.x[i] = from[0], s.x_bar[i] = from[n], s.p[i] = from[2 * n], s.q_h[i] = from[3 * n],
      s.q_w[i] = from[4 * n];
    }
#pragma unroll
    for (int c = 0; c < Tile::kColumns; ++c) {
      const unsigned word = mine[(Tile::kPixels + c) * Tile::kThreads];
      if ((word & kReads) != 0) s.q_above[c] = of(ring, word)[3 * n];
    }
  }

 private:
  __device__ void set(int i, const Pictures& v, const InTile& row, const InTile& column,
                      unsigned what) const {
    const int place = Ring<Tile>::place(row, column);
    const auto rank = static_cast<unsigned>(row.tile * v.columns + column.tile);
    mine[i * Tile::kThreads] = place < 0 ? 0U : what | rank << kRankShift | static_cast<unsigned>(place);
  }
  static __device__ SharedFloats of(const SharedFloats& ring, unsigned word) {
    return map_shared(ring, word >> kRankShift & (kLargestCluster - 1)) + static_cast<int>(word % kPlaces);
  }
};

// The dynamic shared memory: constants, two rings, and the words of the exchange.
template <class Tile>
constexpr size_t shared_bytes_of() {
  return sizeof(float) * (Tile::Constants::kFloats + Tile::kRings * size_t{Ring<Tile>::kFloats} +
                          size_t{Exchange<Tile>::kWords});
}

}  // namespace primal::PRIMAL_SIMT
