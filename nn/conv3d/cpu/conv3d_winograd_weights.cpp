// conv3d by Winograd: the gradient of the weights, for the shapes of conv3d_winograd.cpp.
//
//   grad_weight += G' [ sum over tiles of (A grad_Y A') o (B' d B) ] G
//
// ' transposes, o multiplies element by element.
// d 6 x 6 inputs and grad_Y 4 x 4 gradients of a tile; this is the adjoint of F(4x4, 3x3) in its weights,
// with the same matrices (conv3d_winograd-inl.h) and the same saving: 36 products for 144.
//
// Idea: lanes are channels. A patch is flipped from planes to pixels, each with its channels side by side;
// its tiles are transformed; then for each of the 36 points M [O x C] += W' [O x tiles] V [tiles x C]
// accumulates in registers. Only at the end of a segment (conv3d_segments.h) does M go back to 3 x 3 taps.
//
// Measured rms error, relative to float64, at five shapes of the U-Net on 256 x 256 pixels: at most
// 1.5e-6 (blocked 4.6e-7; 5e-6 is allowed). AMD EPYC with AVX-512, November 2026, nine shapes: 2.5 to 3.2
// times as fast as blocked.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_same.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_winograd_weights.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/conv3d/cpu/conv3d_winograd-inl.h"
#include "nn/float_vector-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_CONV3D_WINOGRAD_WEIGHTS_SHARED
#define PRIMAL_NN_CONV3D_WINOGRAD_WEIGHTS_SHARED
namespace primal::cpu {

// The channels [first, first + count) of a tensor.
struct ChannelRange {
  ChannelParts<const float> tensor;
  int64_t first, count;
};

// The tiles of a patch and the scratch of a task. Channel counts are padded to whole tiles of the products.
struct WinogradTask {
  int64_t n_rows, row_tiles;  // tiles: n_rows x row_tiles
  int64_t padded_o, padded_c;
  float* planes;  // one vector of channels as planes
  float* pixels;  // the rows of some tiles as pixels
  float* v;       // [point][tile][padded_c]
  float* w;       // [point][tile][padded_o]
  float* m;       // [point][padded_o][padded_c]
  int64_t n_tiles() const { return n_rows * row_tiles; }
  // Between points: not powers of two, for then the points would compete for the same cache lines.
  int64_t point_stride(int64_t padded) const { return n_tiles() * padded + PackedPatch::kAlign; }
  int64_t m_stride() const { return padded_o * padded_c + PackedPatch::kAlign; }
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kTileO = kManyRegisters ? 8 : 4;
constexpr int kTileV = 2;            // vectors of input channels
constexpr int64_t kPixelTiles = 16;  // flipped to pixels at once: 25 KiB

// One tile of kIn x kIn pixels, kLanes channels each, to its 36 points, point_stride apart.
template <int kIn, class Transform>
HWY_INLINE void transform_tile(const float* HWY_RESTRICT pixels, int64_t row_stride,
                               const Transform& transform, float* HWY_RESTRICT to, int64_t point_stride) {
  const Tag tag;
  hn::Vec<Tag> down[6][size_t{kIn}];
  HWY_UNROLL(6)
  for (int j = 0; j < kIn; ++j) {
    hn::Vec<Tag> column[size_t{kIn}], r[6];
    HWY_UNROLL(6)
    for (int i = 0; i < kIn; ++i) column[i] = hn::Load(tag, pixels + i * row_stride + j * kLanes);
    transform(column, r);
    HWY_UNROLL(6)
    for (int i = 0; i < 6; ++i) down[i][j] = r[i];
  }
  HWY_UNROLL(6)
  for (int i = 0; i < 6; ++i) {
    hn::Vec<Tag> r[6];
    transform(down[i], r);
    HWY_UNROLL(6)
    for (int j = 0; j < 6; ++j) hn::Store(r[j], tag, to + (i * 6 + j) * point_stride);
  }
}

// Sum over the pixels of channel c of a copied patch, border aside; outside the image they are zero.
double sum_of_pixels(const PackedPatch& packed, int64_t c, int64_t n_rows, int64_t n_cols) {
  const hn::CappedTag<float, 4> tag;  // n_cols is a multiple of 4
  double total = 0.0;                 // of rows: gradients of a bias cancel more than others
  for (int64_t row = 0; row < n_rows; ++row) {
    auto sum = hn::Zero(tag);
    for (int64_t p = 0; p < n_cols; p += static_cast<int64_t>(hn::Lanes(tag))) {
      sum = hn::Add(sum, hn::LoadU(tag, packed.at(c, row, p)));
    }
    total += hn::GetLane(hn::SumOfLanes(tag, sum));
  }
  return total;
}

// All channels of a range at all tiles of a patch, to [point][tile][padded]; the sums over their pixels are
// added to `totals`, unless that is null. The range is read through `mask` where it is a gradient. kIn = 6
// reads a border of one pixel, 4 none.
template <int kIn, class Transform>
HWY_NOINLINE void transform_patch(const SameWeightGradient& q, const WinogradTask& task, const Patch& whole,
                                  PackedPatch packed, const ChannelRange& range,
                                  const MaskedGradient<float>& mask, const Transform& transform,
                                  int64_t padded, float* to, double* totals) {
  constexpr int64_t kBorder = kIn == 6 ? 1 : 0;
  constexpr int64_t kRowPixels = 4 * (kPixelTiles + kBorder);
  packed.data = task.planes;
  const int64_t channel_lines = (whole.n_rows + 2 * kBorder) * (whole.n_cols / PatchPrefetch::kLine + 1);
  for (int64_t k = 0; k < kLanes; ++k) packed.clear_outside(k, q.h, q.w, whole);
  for (int64_t c = 0; c < padded; c += kLanes) {
    // One channel ahead and no more: planes a power of two apart compete for the same cache lines.
    PatchPrefetch next(range.tensor, range.first + HWY_MIN(c + 1, range.count),
                       range.first + HWY_MIN(c + kLanes, range.count), q.h, q.w, whole, kBorder, mask);
    for (int64_t k = 0; k < kLanes; ++k) {
      if (c + k < range.count) {
        next.advance(channel_lines);
        const float* const volume = range.tensor.volume(whole.n, range.first + c + k);
        packed.copy_inside(k, volume + whole.d * q.h * q.w, q.h, q.w, whole, CopyMasked{mask});
        if (totals != nullptr) totals[c + k] += sum_of_pixels(packed, k, whole.n_rows, whole.n_cols);
      } else {
        const int64_t n_floats = (whole.n_rows + 2 * kBorder) * packed.row_stride;
        std::memset(packed.at(k, -kBorder, -kBorder), 0, sizeof(float) * static_cast<size_t>(n_floats));
      }
    }
    for (int64_t row = 0; row < task.n_rows; ++row) {
      for (int64_t first = 0; first < task.row_tiles; first += kPixelTiles) {
        const int64_t n_tiles = HWY_MIN(kPixelTiles, task.row_tiles - first);
        for (int64_t i = 0; i < kIn; ++i) {
          transpose_rows<kLanes>(packed.at(0, 4 * row + i - kBorder, 4 * first - kBorder),
                                 packed.channel_stride, 4 * (n_tiles + kBorder),
                                 task.pixels + i * kRowPixels * kLanes, kLanes);
        }
        for (int64_t t = 0; t < n_tiles; ++t) {
          transform_tile<kIn>(task.pixels + 4 * t * kLanes, kRowPixels * kLanes, transform,
                              to + (row * task.row_tiles + first + t) * padded + c,
                              task.point_stride(padded));
        }
      }
    }
  }
}

// m [padded_o, padded_c] = or += W' V at one point.
HWY_NOINLINE void multiply_point(const WinogradTask& task, const float* HWY_RESTRICT w,
                                 const float* HWY_RESTRICT v, bool add, float* HWY_RESTRICT m) {
  const Tag tag;
  for (int64_t o = 0; o < task.padded_o; o += kTileO) {
    for (int64_t c = 0; c < task.padded_c; c += kTileV * kLanes) {
      hn::Vec<Tag> sum[kTileO][kTileV];
      HWY_UNROLL(8)
      for (int i = 0; i < kTileO; ++i) {
        HWY_UNROLL(4)
        for (int k = 0; k < kTileV; ++k)
          sum[i][k] = add ? hn::Load(tag, m + (o + i) * task.padded_c + c + k * kLanes) : hn::Zero(tag);
      }
      for (int64_t t = 0; t < task.n_tiles(); ++t) {
        hn::Vec<Tag> x[kTileV];
        HWY_UNROLL(4)
        for (int k = 0; k < kTileV; ++k) x[k] = hn::Load(tag, v + t * task.padded_c + c + k * kLanes);
        HWY_UNROLL(8)
        for (int i = 0; i < kTileO; ++i) {
          const auto g = hn::Set(tag, w[t * task.padded_o + o + i]);
          HWY_UNROLL(4)
          for (int k = 0; k < kTileV; ++k) sum[i][k] = hn::MulAdd(g, x[k], sum[i][k]);
        }
      }
      HWY_UNROLL(8)
      for (int i = 0; i < kTileO; ++i) {
        HWY_UNROLL(4)
        for (int k = 0; k < kTileV; ++k)
          hn::Store(sum[i][k], tag, m + (o + i) * task.padded_c + c + k * kLanes);
      }
    }
  }
}

// weights [O,C,3,3], at the channels of the ranges, = G' M G.
void write_weights(const SameWeightGradient& q, const WinogradTask& task, const ChannelRange& from_y,
                   const ChannelRange& from_x, float* weights) {
  const Tag tag;
  for (int64_t o = 0; o < from_y.count; ++o) {
    for (int64_t c = 0; c < from_x.count; c += kLanes) {
      const float* m = task.m + o * task.padded_c + c;
      hn::Vec<Tag> down[3][6];
      for (int j = 0; j < 6; ++j) {
        hn::Vec<Tag> column[6], g[3];
        for (int i = 0; i < 6; ++i) column[i] = hn::Load(tag, m + (i * 6 + j) * task.m_stride());
        transform_grad_filter(column, g);
        for (int i = 0; i < 3; ++i) down[i][j] = g[i];
      }
      HWY_ALIGN float taps[9][kLanes];
      for (int i = 0; i < 3; ++i) {
        hn::Vec<Tag> g[3];
        transform_grad_filter(down[i], g);
        for (int j = 0; j < 3; ++j) hn::Store(g[j], tag, taps[3 * i + j]);
      }
      float* const to = weights + ((from_y.first + o) * q.c + from_x.first + c) * 9;
      const int64_t n = HWY_MIN(kLanes, from_x.count - c);
      transpose_rows<8>(taps[0], kLanes, n, to, 9);
      for (int64_t k = 0; k < n; ++k) to[9 * k + 8] = taps[8][k];
    }
  }
}

}  // namespace

void winograd_weight_gradient(const Exec& exec, const SameWeightGradient& q) {
  constexpr int64_t kTiles = 64;   // of a patch: a whole row of 256 pixels
  constexpr int64_t kGroup = 128;  // channels of grad_y and of x in one task
  constexpr int64_t kTasks = 16;   // at least, where there are patches enough
  const int64_t row_tiles = HWY_MIN((q.w + 3) / 4, kTiles);
  const Patches patches(q.n, q.d, q.h, q.w, 4 * (kTiles / row_tiles), 4 * row_tiles);
  const int64_t groups_o = (q.o + kGroup - 1) / kGroup, groups_c = (q.c + kGroup - 1) / kGroup;
  const Segments segments = Segments::split(patches.count(), groups_o * groups_c, kTasks);
  const int64_t n_weights = q.o * q.c * 9;
  const int64_t n_sums = n_weights + q.o;  // weights [O,C,3,3], then bias [O]
  const Scratch<float> all_sums(exec, segments.count * n_sums);
  float* const sums = all_sums.data();

  PackedPatch packed_x(patches, 1), packed_y(patches, 0);
  WinogradTask shape{};
  shape.n_rows = (patches.rows() + 3) / 4;
  shape.row_tiles = row_tiles;
  packed_x.row_stride = round_up(4 * row_tiles + 2, PackedPatch::kAlign);
  packed_x.channel_stride = (4 * shape.n_rows + 2) * packed_x.row_stride + 2 * PackedPatch::kAlign;
  packed_y.row_stride = round_up(4 * row_tiles, PackedPatch::kAlign);
  packed_y.channel_stride = 4 * shape.n_rows * packed_y.row_stride + 2 * PackedPatch::kAlign;
  const int64_t group_o = HWY_MIN(q.o, kGroup), group_c = HWY_MIN(q.c, kGroup);
  shape.padded_o = round_up(group_o, HWY_MAX(kLanes, int64_t{kTileO}));
  shape.padded_c = round_up(group_c, kTileV * kLanes);

  const int64_t planes_floats = kLanes * packed_x.channel_stride;
  const int64_t pixels_floats = 6 * 4 * (kPixelTiles + 1) * round_up(kLanes, 4);
  const int64_t v_floats =
      kWinogradPoints * shape.point_stride(round_up(shape.padded_c, PackedPatch::kAlign));
  const int64_t w_floats =
      kWinogradPoints * shape.point_stride(round_up(shape.padded_o, PackedPatch::kAlign));
  const int64_t m_floats = kWinogradPoints * shape.m_stride();
  const int64_t task_floats = planes_floats + pixels_floats + v_floats + w_floats + m_floats;
  const int64_t n_tasks = segments.count * groups_o * groups_c;
  parallel_for<float>(exec, n_tasks, 1, task_floats, [&](int64_t begin, int64_t end, float* scratch) {
    WinogradTask task = shape;
    task.planes = scratch;
    task.pixels = task.planes + planes_floats;
    task.v = task.pixels + pixels_floats;
    task.w = task.v + v_floats;
    task.m = task.w + w_floats;
    for (int64_t index = begin; index < end; ++index) {
      const int64_t segment = index / (groups_o * groups_c);
      const int64_t o = index % (groups_o * groups_c) / groups_c * kGroup, c = index % groups_c * kGroup;
      const ChannelRange from_y{{q.grad_y.grad}, o, HWY_MIN(kGroup, q.o - o)};
      const ChannelRange from_x{q.x, c, HWY_MIN(kGroup, q.c - c)};
      double bias[kGroup] = {};
      for (int64_t p = segments.first(segment); p < segments.last(segment); ++p) {
        const Patch patch = patches[p];
        const Patch whole{patch.n, patch.d, patch.h, patch.w, 4 * task.n_rows, 4 * task.row_tiles};
        transform_patch<6>(
            q, task, whole, packed_x, from_x, MaskedGradient<float>{},
            [](const auto* d, auto* r) { transform_input(d, r); }, task.padded_c, task.v, nullptr);
        transform_patch<4>(
            q, task, whole, packed_y, from_y, q.grad_y,
            [](const auto* d, auto* r) { transform_grad_output(d, r); }, task.padded_o, task.w,
            c == 0 ? bias : nullptr);
        for (int64_t point = 0; point < kWinogradPoints; ++point) {
          multiply_point(task, task.w + point * task.point_stride(task.padded_o),
                         task.v + point * task.point_stride(task.padded_c), p > segments.first(segment),
                         task.m + point * task.m_stride());
        }
      }
      float* const weights = sums + segment * n_sums;
      write_weights(q, task, from_y, from_x, weights);
      if (c > 0) continue;
      for (int64_t k = 0; k < from_y.count; ++k) weights[n_weights + o + k] = static_cast<float>(bias[k]);
    }
  });
  add_segments(exec, segments, sums, n_sums, n_weights, q.grad_weight);
  if (q.grad_bias != nullptr) add_segments(exec, segments, sums + n_weights, n_sums, q.o, q.grad_bias);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(winograd_weight_gradient);

void conv3d_winograd_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                      const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                      View5<float> grad_weight, View<float, 1> grad_bias) {
  if (grad_weight.data == nullptr) {  // a bias needs no transform
    return conv3d_blocked_backward_weights(exec, x, grad_y, params, grad_weight, grad_bias);
  }
  HWY_DYNAMIC_DISPATCH(winograd_weight_gradient)(exec, weight_gradient(x, grad_y, grad_weight, grad_bias));
}

}  // namespace primal::cpu
#endif
