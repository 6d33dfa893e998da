// Patches: how the blocked kernels cut images into pieces that fit a cache, and how they copy a piece to
// scratch.
//
// A patch is n_rows x n_cols pixels of one plane (n, d) of a tensor [N,C,D,H,W], for all its channels. Its
// copy has a border of `border` pixels, zero where the border lies outside the image, so that a kernel meets
// no edges; and channels that lie a power of two apart in the tensor no longer compete for the same lines of
// the cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace primal::cpu {

constexpr int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

struct Patch {
  int64_t n, d, h, w;  // of its first pixel
  int64_t n_rows, n_cols;
};

class Patches {
 public:
  Patches(int64_t n, int64_t d, int64_t h, int64_t w, int64_t max_rows, int64_t max_cols)
      : n_(n),
        d_(d),
        h_(h),
        w_(w),
        rows_(std::clamp<int64_t>(h, 1, max_rows)),
        cols_(std::clamp<int64_t>(w, 1, max_cols)) {}

  int64_t rows() const { return rows_; }  // of the largest patch
  int64_t cols() const { return cols_; }
  int64_t count() const { return n_ * d_ * bands() * pieces(); }

  Patch operator[](int64_t index) const {
    Patch patch{};
    patch.w = index % pieces() * cols_;
    index /= pieces();
    patch.h = index % bands() * rows_;
    index /= bands();
    patch.d = index % d_;
    patch.n = index / d_;
    patch.n_rows = std::min(rows_, h_ - patch.h);
    patch.n_cols = std::min(cols_, w_ - patch.w);
    return patch;
  }

 private:
  int64_t bands() const { return (h_ + rows_ - 1) / rows_; }
  int64_t pieces() const { return (w_ + cols_ - 1) / cols_; }
  int64_t n_, d_, h_, w_, rows_, cols_;
};

// A patch's copy: rows of `row_stride` floats that begin with their left border, placed so that column 0 is
// aligned to 64 bytes. A vector that starts in the last columns may read on into the next row, or into the
// slack behind the last.
struct PackedPatch {
  static constexpr int64_t kAlign = 16;  // floats

  int64_t border, row_stride, channel_stride;
  float* data = nullptr;

  PackedPatch(const Patches& patches, int64_t border_pixels)
      : border(border_pixels),
        row_stride(round_up(patches.cols() + 2 * border, kAlign)),
        channel_stride((patches.rows() + 2 * border) * row_stride + 2 * kAlign) {}

  // Row and column count from the first pixel of the patch; the border has negative ones.
  float* at(int64_t c, int64_t row, int64_t col) const {
    return data + c * channel_stride + (row + border) * row_stride + kAlign + col;
  }

  // Copies channel c from its plane of h x w pixels.
  void copy_channel(int64_t c, const float* plane, int64_t h, int64_t w, const Patch& patch) const {
    const int64_t first = std::max<int64_t>(patch.w - border, 0);
    const int64_t n_copy = std::min(patch.w + patch.n_cols + border, w) - first;
    const int64_t n_before = first - (patch.w - border);
    const int64_t n_behind = row_stride - n_before - n_copy;
    for (int64_t row = -border; row < patch.n_rows + border; ++row) {
      float* to = at(c, row, -border);
      const int64_t from = patch.h + row;
      if (from < 0 || from >= h) {
        std::memset(to, 0, sizeof(float) * static_cast<size_t>(row_stride));
        continue;
      }
      std::memset(to, 0, sizeof(float) * static_cast<size_t>(n_before));
      std::memcpy(to + n_before, plane + from * w + first, sizeof(float) * static_cast<size_t>(n_copy));
      std::memset(to + n_before + n_copy, 0, sizeof(float) * static_cast<size_t>(n_behind));
    }
  }
};

}  // namespace primal::cpu
