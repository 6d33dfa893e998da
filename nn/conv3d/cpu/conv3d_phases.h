// The convolutions that the implementation `phased` computes: kernels (1,kh,kw) with any stride and padding
// along H and W. A convolution, its adjoint in x and the transposed convolution are all of one form:
//
//   out[a ush + u, b usw + v] = start + sum over input channels and the taps of phase (u,v) of
//                               weight(tap) in[(a + dy) psh + r, (b + dx) psw + q]
//
// Phases split rows and columns by their remainder: (u,v) those of the output by the steps (ush,usw), (r,q)
// those of the input by (psh,psw). Forward the input has as many phases as the stride and the output one;
// backward it is the other way round. Within a phase neighbouring outputs read neighbouring inputs, whatever
// the stride.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "nn/conv3d/conv3d_kernels.h"

namespace primal::cpu {

using Pair = std::array<int64_t, 2>;  // along H and W

struct PhaseTap {
  int64_t in_phase;  // of the phases that occur
  int64_t dy, dx;    // how far the input is from the output, both counted within their phases
  int64_t index;     // i kw + j
};

struct PhasedConvolution {
  int64_t n = 0, d = 0, c = 0, o = 0;  // samples, planes of each, channels of the input and of the output
  Pair in_extent{}, out_extent{};      // H and W
  Pair in_steps{1, 1}, out_steps{1, 1};
  std::vector<Pair> in_phases{};                  // (r,q), those that some tap reads
  std::vector<std::vector<PhaseTap>> out_taps{};  // of phase u usw + v
  const float* in = nullptr;                      // [N,C,D,..]
  const float* weight = nullptr;  // weight(o, c, tap) = weight[o stride_o + c stride_c + tap.index]
  int64_t stride_o = 0, stride_c = 0;
  const float* bias = nullptr;  // [O] or null: where the sums start
  bool add = false;             // onto what out holds
  float* out = nullptr;         // [N,O,D,..]

  Pair dy{}, dx{};  // the least and the largest of all taps

  // Outputs of a phase: at most so many rows and columns.
  int64_t n_rows() const { return (out_extent[0] + out_steps[0] - 1) / out_steps[0]; }
  int64_t n_cols() const { return (out_extent[1] + out_steps[1] - 1) / out_steps[1]; }
};

// floor(a / b) for b > 0
inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

inline void add_tap(PhasedConvolution& q, int64_t out_phase, Pair in_phase, PhaseTap tap) {
  auto found = std::find(q.in_phases.begin(), q.in_phases.end(), in_phase);
  tap.in_phase = found - q.in_phases.begin();
  const bool first = q.in_phases.empty();
  if (found == q.in_phases.end()) q.in_phases.push_back(in_phase);
  q.out_taps[static_cast<size_t>(out_phase)].push_back(tap);
  q.dy = first ? Pair{tap.dy, tap.dy} : Pair{std::min(q.dy[0], tap.dy), std::max(q.dy[1], tap.dy)};
  q.dx = first ? Pair{tap.dx, tap.dx} : Pair{std::min(q.dx[0], tap.dx), std::max(q.dx[1], tap.dx)};
}

// y = weight * x: the input at a sh + i - ph = (a + dy) sh + r.
inline PhasedConvolution phased_forward(View5<const float> x, View5<const float> weight,
                                        const Conv3dParams& params, View5<float> y) {
  const int64_t kh = weight.size(3), kw = weight.size(4);
  const int64_t sh = params.stride[1], sw = params.stride[2];
  PhasedConvolution q{x.size(0), x.size(2), x.size(1), y.size(1)};
  q.in_extent = {x.size(3), x.size(4)};
  q.out_extent = {y.size(3), y.size(4)};
  q.in_steps = {sh, sw};
  q.in = x.data;
  q.out = y.data;
  q.weight = weight.data;
  q.stride_c = kh * kw;
  q.stride_o = q.c * kh * kw;
  q.out_taps.resize(1);
  for (int64_t i = 0; i < kh; ++i) {
    for (int64_t j = 0; j < kw; ++j) {
      const int64_t h = i - params.padding[1], w = j - params.padding[2];
      const int64_t dy = floor_div(h, sh), dx = floor_div(w, sw);
      add_tap(q, 0, {h - dy * sh, w - dx * sw}, {0, dy, dx, i * kw + j});
    }
  }
  return q;
}

// Its adjoint in x: row a sh + u of grad_x takes row a + dy of grad_y through tap i where a sh + u + ph - i =
// (a + dy) sh.
inline PhasedConvolution phased_adjoint(View5<const float> grad_y, View5<const float> weight,
                                        const Conv3dParams& params, View5<float> grad_x) {
  const int64_t kh = weight.size(3), kw = weight.size(4);
  const int64_t sh = params.stride[1], sw = params.stride[2];
  PhasedConvolution q{grad_y.size(0), grad_y.size(2), grad_y.size(1), grad_x.size(1)};
  q.in_extent = {grad_y.size(3), grad_y.size(4)};
  q.out_extent = {grad_x.size(3), grad_x.size(4)};
  q.out_steps = {sh, sw};
  q.in = grad_y.data;
  q.out = grad_x.data;
  q.weight = weight.data;
  q.stride_o = kh * kw;
  q.stride_c = q.o * kh * kw;
  q.out_taps.resize(static_cast<size_t>(sh * sw));
  for (int64_t u = 0; u < sh; ++u) {
    for (int64_t v = 0; v < sw; ++v) {
      for (int64_t i = 0; i < kh; ++i) {
        for (int64_t j = 0; j < kw; ++j) {
          const int64_t h = u + params.padding[1] - i, w = v + params.padding[2] - j;
          const int64_t dy = floor_div(h, sh), dx = floor_div(w, sw);
          if (h == dy * sh && w == dx * sw) add_tap(q, u * sw + v, {0, 0}, {0, dy, dx, i * kw + j});
        }
      }
    }
  }
  return q;
}

// Rows of a phase that one task takes, and how the input of a band lies in scratch memory:
// [c][phase][row][column], where a column is (b + dx) for the least dx on. An output at (row, col) of its
// phase is at p = row * row_stride + col, and the input that a tap reads for it is p + offset(tap): one
// number for a whole band.
struct PhaseBand {
  int64_t rows;  // at most
  int64_t row_stride, in_rows, phase_stride, channel_stride;

  PhaseBand(const PhasedConvolution& q, int64_t max_pixels, int64_t slack) {
    const int64_t cols = q.n_cols();
    row_stride = cols + q.dx[1] - q.dx[0];
    const int64_t most = std::clamp<int64_t>(max_pixels / row_stride, 1, q.n_rows());
    const int64_t n_bands = (q.n_rows() + most - 1) / most;
    rows = (q.n_rows() + n_bands - 1) / n_bands;  // bands of one size, as far as that goes
    in_rows = rows + q.dy[1] - q.dy[0];
    phase_stride = in_rows * row_stride;
    // Vectors that begin in the last columns read on into what follows.
    channel_stride = static_cast<int64_t>(q.in_phases.size()) * phase_stride + slack;
  }
  int64_t offset(const PhasedConvolution& q, const PhaseTap& tap) const {
    return tap.in_phase * phase_stride + (tap.dy - q.dy[0]) * row_stride + tap.dx - q.dx[0];
  }
};

// Copies what the outputs in the rows [first_row, first_row + n_rows) of every phase read of one channel's
// plane, by phases; zeros where that lies outside of it.
inline void pack_phases(const PhasedConvolution& q, const PhaseBand& band, const float* plane,
                        int64_t first_row, int64_t n_rows, float* to) {
  const int64_t h = q.in_extent[0], w = q.in_extent[1], sh = q.in_steps[0], sw = q.in_steps[1];
  const int64_t in_rows = n_rows + q.dy[1] - q.dy[0];
  for (const auto& [r, c] : q.in_phases) {
    // Columns (b + dx) sw + c inside [0, w).
    const int64_t least = q.dx[0] * sw + c;
    const int64_t begin = std::clamp<int64_t>(-floor_div(least, sw), 0, band.row_stride);
    const int64_t end = std::clamp<int64_t>(floor_div(w - 1 - least, sw) + 1, begin, band.row_stride);
    for (int64_t row = 0; row < in_rows; ++row) {
      float* const line = to + row * band.row_stride;
      const int64_t y = (first_row + row + q.dy[0]) * sh + r;
      if (y < 0 || y >= h) {
        std::fill(line, line + band.row_stride, 0.0F);
        continue;
      }
      const float* const from = plane + y * w + least;
      std::fill(line, line + begin, 0.0F);
      if (sw == 1) {
        std::copy(from + begin, from + end, line + begin);
      } else if (sw == 2) {
        for (int64_t b = begin; b < end; ++b) line[b] = from[2 * b];
      } else {
        for (int64_t b = begin; b < end; ++b) line[b] = from[b * sw];
      }
      std::fill(line + end, line + band.row_stride, 0.0F);
    }
    to += band.phase_stride;
  }
}

void conv3d_phased_run(const Exec&, const PhasedConvolution&);  // conv3d_phased.cpp

// grad_weight[o,c,i,j] += ..., grad_bias[o] += ... of conv3d.h; either may have null data.
// conv3d_phased_weights.cpp
void conv3d_phased_backward_weights(const Exec&, const ChannelParts<const float>& x,
                                    const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                    View5<float> grad_weight, View<float, 1> grad_bias);

}  // namespace primal::cpu
