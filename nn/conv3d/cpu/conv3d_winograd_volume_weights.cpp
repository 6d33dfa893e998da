// conv3d by Winograd for volumes: the gradient of the weights, for the shapes of conv3d_winograd_volume.cpp.
//
//   grad_weight_k += G' [ sum over tiles and w of (A grad_Y(w) A') o (B' d(w + k - 1) B) ] G
//
// with ' for transposes, o for products of elements, d(w) the 6 x 6 inputs and grad_Y(w) the 4 x 4 gradients
// of a tile along D and H at column w, k the tap along W. It is the adjoint of that convolution in its
// weights, with the same matrices (conv3d_winograd-inl.h) and the same saving: 108 products for 432.
//
// Idea: lanes are channels. The transform along D works on rows as they lie in memory; then blocks of
// channels x columns are transposed, and the transform along H works on columns with their channels side by
// side. For each of the 36 points and the three taps M_k [O x C] += W' [O x columns] V [columns x C]
// accumulates in registers, for which a tap is V one column further on. Only at the end of a segment
// (conv3d_segments.h) does M go back to taps.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "nn/conv3d/cpu/conv3d_volume.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_winograd_volume_weights.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_volume-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kTileO = kManyRegisters ? 8 : 4;    // times three taps: 24 sums in 32 registers or 12 in 16
constexpr int64_t kBlock = kLanes * kLanes + 16;  // between blocks of channels x columns; not a power of two
constexpr int64_t kMaxTiles = 4, kMaxCols = 64;   // of a piece
constexpr int64_t kMaxRows = 4 * kMaxTiles + 2;

// One vector of channels at one vector of columns, to planes; adds the numbers of each channel to
// `totals` unless that is null.
template <int kIn, bool kMasked, class Transform>
HWY_INLINE void transform_depth(const SameShape& q, const MaskedGradient<float>& mask,
                                const VolumePiece& piece, const VolumeChannels& channels, int64_t first_c,
                                int64_t first_col, int64_t n, const Transform& transform, float* planes,
                                double* totals) {
  constexpr int64_t kBorder = kIn == 6 ? 1 : 0;
  const Tag tag;
  const int64_t n_rows = 4 * piece.n_tiles + 2 * kBorder;
  for (int64_t k = 0; k < kLanes; ++k) {
    float* const to = planes + k * kLanes;
    if (first_c + k >= channels.count) {
      for (int64_t block = 0; block < 6 * n_rows; ++block) hn::Store(hn::Zero(tag), tag, to + block * kBlock);
      continue;
    }
    const float* const volume = channels.tensor.volume(piece.n, channels.first + first_c + k);
    Vector total = hn::Zero(tag);
    for (int64_t row = 0; row < n_rows; ++row) {
      Vector d[size_t{kIn}], r[6];
      read_depths<kIn, kMasked>(q, mask, volume, piece.d - kBorder, piece.h - kBorder + row, first_col, n, d);
      transform(d, r);
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) hn::Store(r[i], tag, to + (i * n_rows + row) * kBlock);
      HWY_UNROLL(6)
      for (int i = 0; i < kIn; ++i) total = hn::Add(total, d[i]);
    }
    if (totals != nullptr) totals[first_c + k] += hn::GetLane(hn::SumOfLanes(tag, total));
  }
}

// All channels of a range at all tiles of a piece. kIn = 6 reads a border of one row and one column, 4 none.
template <int kIn, bool kMasked, class Transform>
HWY_NOINLINE void transform_piece(const SameShape& q, const MaskedGradient<float>& mask,
                                  const VolumePiece& piece, const VolumeChannels& channels,
                                  const VolumeScratch& scratch, const Transform& transform,
                                  const VolumePoints& to, double* totals) {
  constexpr int64_t kBorder = kIn == 6 ? 1 : 0;
  const Tag tag;
  const int64_t first = HWY_MAX(piece.w - kBorder, int64_t{0});
  const int64_t n = HWY_MIN(piece.w + piece.n_cols + kBorder, q.w) - first;
  const int64_t at = first - (piece.w - kBorder);
  const int64_t n_rows = 4 * piece.n_tiles + 2 * kBorder;
  for (int64_t c = 0; c < channels.padded; c += kLanes) {
    for (int64_t col = 0; col < n; col += kLanes) {
      transform_depth<kIn, kMasked>(q, mask, piece, channels, c, first + col, n - col, transform,
                                    scratch.planes, totals);
      const int64_t n_now = HWY_MIN(kLanes, n - col);
      for (int64_t i = 0; i < 6; ++i) {
        for (int64_t row = 0; row < n_rows; ++row) {
          transpose_rows<kLanes>(scratch.planes + (i * n_rows + row) * kBlock, kLanes, n_now,
                                 scratch.pixels + row * kBlock, kLanes);
        }
        for (int64_t tile = 0; tile < piece.n_tiles; ++tile) {
          const float* from = scratch.pixels + 4 * tile * kBlock;
          float* points =
              to.data + i * 6 * to.point_stride + tile * to.tile_stride + (at + col) * channels.padded + c;
          for (int64_t k = 0; k < n_now; ++k, from += kLanes, points += channels.padded) {
            Vector d[size_t{kIn}], r[6];
            HWY_UNROLL(6)
            for (int j = 0; j < kIn; ++j) d[j] = hn::Load(tag, from + j * kBlock);
            transform(d, r);
            HWY_UNROLL(6)
            for (int j = 0; j < 6; ++j) hn::Store(r[j], tag, points + j * to.point_stride);
          }
        }
      }
    }
  }
}

// The columns left and right of the volume.
void clear_borders(const VolumePiece& piece, int64_t padded, const VolumePoints& v) {
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    for (int64_t tile = 0; tile < piece.n_tiles; ++tile) {
      float* const row = v.data + point * v.point_stride + tile * v.tile_stride;
      std::fill_n(row, padded, 0.0f);
      std::fill_n(row + (piece.n_cols + 1) * padded, padded, 0.0f);
    }
  }
}

// m [tap][padded_o][padded_c] = or += W' V at one point.
HWY_NOINLINE void multiply_point(const VolumePiece& piece, int64_t padded_o, int64_t padded_c,
                                 const VolumePoints& w, const VolumePoints& v, bool add, float* m) {
  const Tag tag;
  const int64_t m_tap = padded_o * padded_c;
  for (int64_t o = 0; o < padded_o; o += kTileO) {
    for (int64_t c = 0; c < padded_c; c += kLanes) {
      float* const to = m + o * padded_c + c;
      Vector sum[kTileO][3];
      HWY_UNROLL(8)
      for (int i = 0; i < kTileO; ++i) {
        HWY_UNROLL(3)
        for (int k = 0; k < 3; ++k)
          sum[i][k] = add ? hn::Load(tag, to + k * m_tap + i * padded_c) : hn::Zero(tag);
      }
      for (int64_t tile = 0; tile < piece.n_tiles; ++tile) {
        const float* HWY_RESTRICT x = v.data + tile * v.tile_stride + c;
        const float* HWY_RESTRICT g = w.data + tile * w.tile_stride + o;
        for (int64_t col = 0; col < piece.n_cols; ++col, x += padded_c, g += padded_o) {
          Vector tap[3];
          HWY_UNROLL(3)
          for (int k = 0; k < 3; ++k) tap[k] = hn::Load(tag, x + k * padded_c);
          HWY_UNROLL(8)
          for (int i = 0; i < kTileO; ++i) {
            const Vector factor = hn::Set(tag, g[i]);
            HWY_UNROLL(3)
            for (int k = 0; k < 3; ++k) sum[i][k] = hn::MulAdd(factor, tap[k], sum[i][k]);
          }
        }
      }
      HWY_UNROLL(8)
      for (int i = 0; i < kTileO; ++i) {
        HWY_UNROLL(3)
        for (int k = 0; k < 3; ++k) hn::Store(sum[i][k], tag, to + k * m_tap + i * padded_c);
      }
    }
  }
}

// sums [O][27][padded C], at the channels of the ranges, = G' M G.
void write_sums(const VolumeChannels& from_y, const VolumeChannels& from_x, const float* m, int64_t m_point,
                int64_t sums_c, float* sums) {
  const Tag tag;
  for (int64_t o = 0; o < from_y.count; ++o) {
    for (int64_t c = 0; c < from_x.count; c += kLanes) {
      float* const to = sums + (from_y.first + o) * 27 * sums_c + from_x.first + c;
      for (int64_t k = 0; k < 3; ++k) {
        const float* const of_tap = m + (k * from_y.padded + o) * from_x.padded + c;
        Vector down[3][6];
        for (int j = 0; j < 6; ++j) {
          Vector column[6], g[3];
          for (int i = 0; i < 6; ++i) column[i] = hn::Load(tag, of_tap + (i * 6 + j) * m_point);
          transform_grad_filter(column, g);
          for (int i = 0; i < 3; ++i) down[i][j] = g[i];
        }
        for (int i = 0; i < 3; ++i) {
          Vector g[3];
          transform_grad_filter(down[i], g);
          for (int j = 0; j < 3; ++j) hn::Store(g[j], tag, to + (i * 9 + j * 3 + k) * sums_c);
        }
      }
    }
  }
}

// grad_weight [O,C,27] += the sums of all segments, in double.
void add_sums(const Exec& exec, const SameWeightGradient& q, const Segments& segments, const float* sums,
              int64_t n_sums, int64_t sums_c) {
  parallel_for(exec, q.o * 27, 9, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t o = row / 27, tap = row % 27;
      for (int64_t c = 0; c < q.c; ++c) {
        double total = 0.0;
        for (int64_t s = 0; s < segments.count; ++s) total += sums[s * n_sums + row * sums_c + c];
        q.grad_weight[(o * q.c + c) * 27 + tap] += static_cast<float>(total);
      }
    }
  });
}

}  // namespace

void winograd_volume_weight_gradient(const Exec& exec, const SameWeightGradient& q) {
  constexpr int64_t kGroup = 64;                // channels of grad_y and of x in one task
  constexpr int64_t kTasks = 16;                // at least, where there are pieces enough
  constexpr int64_t kPieceFloats = 176 * 1024;  // of V and W: most of a second-level cache of 1 MiB
  const int64_t groups_o = (q.o + kGroup - 1) / kGroup, groups_c = (q.c + kGroup - 1) / kGroup;
  const int64_t padded_o = round_up(HWY_MIN(q.o, kGroup), HWY_MAX(kLanes, int64_t{kTileO}));
  const int64_t padded_c = round_up(HWY_MIN(q.c, kGroup), kLanes);
  const int64_t n_cols = HWY_MIN(q.w, kMaxCols);
  const int64_t tile_floats = kWinogradPoints * (padded_o + padded_c) * (n_cols + 1);
  const VolumePieces pieces(q, std::clamp<int64_t>(kPieceFloats / tile_floats, 1, kMaxTiles), n_cols);
  const Segments segments = Segments::split(pieces.count(), groups_o * groups_c, kTasks);
  const int64_t sums_c = round_up(q.c, HWY_MAX(kLanes, PackedPatch::kAlign));
  const int64_t n_weights = q.o * 27 * sums_c;
  const int64_t n_sums =
      n_weights + round_up(q.o, PackedPatch::kAlign);  // weights [O][27][sums_c], then bias [O]
  const Scratch<float> all_sums(exec, segments.count * n_sums);
  float* const sums = all_sums.data();

  const int64_t v_tile = (n_cols + 2) * padded_c, w_tile = n_cols * padded_o;
  const int64_t v_point = pieces.tiles() * v_tile + PackedPatch::kAlign;  // not powers of two
  const int64_t w_point = pieces.tiles() * w_tile + PackedPatch::kAlign;
  const int64_t m_point = 3 * padded_o * padded_c + PackedPatch::kAlign;
  constexpr int64_t kPlaneFloats = 6 * kMaxRows * kBlock, kPixelFloats = kMaxRows * kBlock;
  const int64_t task_floats = kPlaneFloats + kPixelFloats + kWinogradPoints * (v_point + w_point + m_point);
  const int64_t n_tasks = segments.count * groups_o * groups_c;
  parallel_for<float>(exec, n_tasks, 1, task_floats, [&](int64_t begin, int64_t end, float* memory) {
    const VolumeScratch scratch{memory, memory + kPlaneFloats};
    const VolumePoints v{scratch.pixels + kPixelFloats, v_point, v_tile};
    const VolumePoints w{v.data + kWinogradPoints * v_point, w_point, w_tile};
    float* const m = w.data + kWinogradPoints * w_point;
    const auto transform_gradient = [](const auto* d, auto* r) { transform_grad_output(d, r); };
    for (int64_t index = begin; index < end; ++index) {
      const int64_t segment = index / (groups_o * groups_c);
      const int64_t o = index % (groups_o * groups_c) / groups_c * kGroup, c = index % groups_c * kGroup;
      const VolumeChannels from_y{{q.grad_y.grad}, o, HWY_MIN(kGroup, q.o - o), padded_o};
      const VolumeChannels from_x{q.x, c, HWY_MIN(kGroup, q.c - c), padded_c};
      double bias[kGroup] = {};
      for (int64_t p = segments.first(segment); p < segments.last(segment); ++p) {
        const VolumePiece piece = pieces[p];
        clear_borders(piece, padded_c, v);
        transform_piece<6, false>(
            q, q.grad_y, piece, from_x, scratch, [](const auto* d, auto* r) { transform_input(d, r); }, v,
            nullptr);
        const auto transform_y = q.grad_y.y != nullptr
                                     ? transform_piece<4, true, decltype(transform_gradient)>
                                     : transform_piece<4, false, decltype(transform_gradient)>;
        transform_y(q, q.grad_y, piece, from_y, scratch, transform_gradient, w, c == 0 ? bias : nullptr);
        for (int64_t point = 0; point < kWinogradPoints; ++point) {
          multiply_point(piece, padded_o, padded_c, {w.data + point * w_point, w_point, w_tile},
                         {v.data + point * v_point, v_point, v_tile}, p > segments.first(segment),
                         m + point * m_point);
        }
      }
      float* const to = sums + segment * n_sums;
      write_sums(from_y, from_x, m, m_point, sums_c, to);
      if (c > 0) continue;
      for (int64_t k = 0; k < from_y.count; ++k) to[n_weights + o + k] = static_cast<float>(bias[k]);
    }
  });
  add_sums(exec, q, segments, sums, n_sums, sums_c);
  if (q.grad_bias != nullptr) add_segments(exec, segments, sums + n_weights, n_sums, q.o, q.grad_bias);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(winograd_volume_weight_gradient);

void conv3d_winograd_volume_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                             const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                             View5<float> grad_weight, View<float, 1> grad_bias) {
  if (grad_weight.data == nullptr) {  // a bias needs no transform
    return conv3d_blocked_backward_weights(exec, x, grad_y, params, grad_weight, grad_bias);
  }
  if (x.count() == 1)  // a vector of channels would be empty but for one
    return conv3d_one_channel_backward_weights(exec, x, grad_y, params, grad_weight, grad_bias);
  HWY_DYNAMIC_DISPATCH(winograd_volume_weight_gradient)
  (exec, weight_gradient(x, grad_y, grad_weight, grad_bias));
}

}  // namespace primal::cpu
#endif
