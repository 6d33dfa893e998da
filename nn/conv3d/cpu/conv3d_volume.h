// How conv3d_winograd_volume divides a volume into pieces; forward and both gradients share this geometry.
//
// A tile is 4 x 4 rows of outputs, 4 along D and 4 along H. A piece consists of several consecutive tiles
// along H, at n_cols columns of W.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/conv3d/cpu/conv3d_same.h"

namespace primal::cpu {

constexpr int64_t kTileRows = 4;

struct VolumePiece {
  int64_t n, d, h, w;  // of its first output
  int64_t n_tiles, n_cols;
};

class VolumePieces {
 public:
  VolumePieces(const SameShape& shape, int64_t max_tiles, int64_t max_cols)
      : shape_(shape),
        tiles_(std::clamp<int64_t>(along_h(), 1, max_tiles)),
        cols_(std::clamp<int64_t>(shape.w, 1, max_cols)) {}

  int64_t tiles() const { return tiles_; }  // of the largest piece
  int64_t cols() const { return cols_; }
  int64_t count() const { return shape_.n * along_d() * bands() * strips(); }

  VolumePiece operator[](int64_t index) const {
    VolumePiece piece{};
    piece.w = index % strips() * cols_;
    index /= strips();
    const int64_t first = index % bands() * tiles_;
    index /= bands();
    piece.h = first * kTileRows;
    piece.d = index % along_d() * kTileRows;
    piece.n = index / along_d();
    piece.n_tiles = std::min(tiles_, along_h() - first);
    piece.n_cols = std::min(cols_, shape_.w - piece.w);
    return piece;
  }

 private:
  int64_t along_d() const { return (shape_.d + kTileRows - 1) / kTileRows; }
  int64_t along_h() const { return (shape_.h + kTileRows - 1) / kTileRows; }
  int64_t bands() const { return (along_h() + tiles_ - 1) / tiles_; }
  int64_t strips() const { return (shape_.w + cols_ - 1) / cols_; }
  SameShape shape_;
  int64_t tiles_, cols_;
};

// conv3d_winograd_volume.cpp

constexpr int64_t kMaxVolumeTiles = 8;  // of a piece
constexpr int64_t kMaxVolumeCols = 256;

// Where a piece's tiles lie in the transformed inputs [point][c][row] and products
// [point][output of a block][m_row].
struct VolumeLayout {
  int64_t run_tiles, n_runs;
  int64_t run_cols;          // products of a run: whole vectors
  int64_t run_stride;        // inputs of a run
  int64_t v_point, m_point;  // between points; not powers of two
  int64_t row() const { return n_runs * run_stride; }
  int64_t m_row() const { return n_runs * run_cols; }
  // The column of zeros left of a tile, and the first product of a tile, for pieces of n_cols columns.
  int64_t input(int64_t tile, int64_t n_cols) const {
    return tile / run_tiles * run_stride + tile % run_tiles * (n_cols + 1);
  }
  int64_t product(int64_t tile, int64_t n_cols) const {
    return tile / run_tiles * run_cols + tile % run_tiles * (n_cols + 1);
  }
};

// conv3d_winograd_volume_weights.cpp

// The channels [first, first + count) of a tensor, padded to whole tiles of the products.
struct VolumeChannels {
  ChannelParts<const float> tensor;
  int64_t first, count, padded;
};

// One tensor of a piece, transformed: [point][tile][column][padded channel].
struct VolumePoints {
  float* data;
  int64_t point_stride, tile_stride;
};

// The memory in which one task transforms its pieces.
struct VolumeScratch {
  float* planes;  // [point along D][row of H][channel][column]: a vector of channels at a vector of columns
  float* pixels;  // [row of H][column][channel]: the same at one point along D
};

}  // namespace primal::cpu
