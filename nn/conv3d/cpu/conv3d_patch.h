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

#include "nn/conv3d/conv3d_channel_parts.h"

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

// Asks for the pixels of a patch in some channels before they are copied, a few lines of the cache at a
// time, so that memory is busy while the kernel computes. Rows of a patch lie far apart: the hardware
// does not see them coming.
class PatchPrefetch {
 public:
  static constexpr int64_t kLine = 16;  // floats

  // The channels [first, end) of `from`, planes of h x w pixels; the patch and its border.
  PatchPrefetch(const ChannelParts<const float>& from, int64_t first, int64_t end, int64_t h, int64_t w,
                const Patch& patch, int64_t border, const MaskedGradient<float>& mask = {})
      : from_(from),
        mask_(mask),
        channel_(first),
        end_(end),
        n_(patch.n),
        plane_(patch.d * h * w),
        w_(w),
        row_(std::max<int64_t>(patch.h - border, 0)),
        rows_begin_(row_),
        rows_end_(std::min(patch.h + patch.n_rows + border, h)),
        cols_begin_(std::max<int64_t>(patch.w - border, 0)),
        cols_end_(std::min(patch.w + patch.n_cols + border, w)),
        col_(cols_begin_) {}

  // Asks for the next n_lines, row by row and channel by channel; after the last for nothing.
  void advance(int64_t n_lines) {
    while (n_lines > 0 && channel_ < end_) {
      const float* const row = from_.volume(n_, channel_) + plane_ + row_ * w_;
      for (; n_lines > 0 && col_ < cols_end_; col_ += kLine, --n_lines) {
        __builtin_prefetch(row + col_, 0, 2);
        if (mask_.y != nullptr) __builtin_prefetch(mask_.mask_of(row + col_), 0, 2);
      }
      if (col_ < cols_end_) return;
      col_ = cols_begin_;
      if (++row_ < rows_end_) continue;
      row_ = rows_begin_;
      ++channel_;
    }
  }

 private:
  ChannelParts<const float> from_;
  MaskedGradient<float> mask_;
  int64_t channel_, end_, n_, plane_, w_, row_, rows_begin_, rows_end_, cols_begin_, cols_end_, col_;
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

  // Copies channel c from its plane of h x w pixels. copy_row(from, n, to) copies some pixels of a row.
  template <class CopyRow>
  void copy_channel(int64_t c, const float* plane, int64_t h, int64_t w, const Patch& patch,
                    const CopyRow& copy_row) const {
    clear_outside(c, h, w, patch);
    copy_inside(c, plane, h, w, patch, copy_row);
  }

  // The two halves of that. What lies outside the image is the same for all channels of a patch: where they
  // are copied to the same place one after the other, it needs to be cleared only once.
  void clear_outside(int64_t c, int64_t h, int64_t w, const Patch& patch) const {
    const Inside inside = inside_of(h, w, patch);
    for (int64_t row = -border; row < patch.n_rows + border; ++row) {
      float* const to = at(c, row, -border);
      const bool all = row < inside.first_row || row >= inside.end_row;
      std::fill(to, to + (all ? row_stride : inside.col), 0.0f);
      if (!all) std::fill(to + inside.col + inside.n_cols, to + row_stride, 0.0f);
    }
  }
  template <class CopyRow>
  void copy_inside(int64_t c, const float* plane, int64_t h, int64_t w, const Patch& patch,
                   const CopyRow& copy_row) const {
    const Inside inside = inside_of(h, w, patch);
    for (int64_t row = inside.first_row; row < inside.end_row; ++row) {
      const float* const from = plane + (patch.h + row) * w + patch.w - border + inside.col;
      copy_row(from, inside.n_cols, at(c, row, -border) + inside.col);
    }
  }

 private:
  // The rows of the copy that lie in the image, and of them the columns, counted from the left border.
  struct Inside {
    int64_t first_row, end_row, col, n_cols;
  };
  Inside inside_of(int64_t h, int64_t w, const Patch& patch) const {
    const int64_t left = std::max<int64_t>(patch.w - border, 0);
    return {std::max(-border, -patch.h), std::min(patch.n_rows + border, h - patch.h),
            left - (patch.w - border), std::min(patch.w + patch.n_cols + border, w) - left};
  }
};

}  // namespace primal::cpu
