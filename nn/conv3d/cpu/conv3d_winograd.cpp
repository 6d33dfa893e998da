// conv3d by Winograd's minimal filtering F(4x4, 3x3): forward and backward-data of (1,3,3) kernels with
// padding (0,1,1), stride 1. A tile of 4 x 4 outputs costs 36 products instead of 144.
//
//   Y = A' [ sum over c of (G g G') o (B' d B) ] A        ' transposes, o multiplies element by element
//
//   d 6 x 6 inputs, g 3 x 3 weights, Y 4 x 4 outputs; the three matrices are in conv3d_winograd-inl.h.
//
// Idea: lanes are neighbouring tiles. A task takes a patch of tiles through all three stages while
// it is in cache: transform all input channels, multiply 36 times [O x C] by [C x tiles], transform
// all output channels back. Sums over channels run in pieces of 64, which keeps their rounding error
// flat where there are many.
// Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_same.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_winograd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/conv3d/cpu/conv3d_winograd-inl.h"
#include "nn/float_vector-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_CONV3D_WINOGRAD_SHARED
#define PRIMAL_NN_CONV3D_WINOGRAD_SHARED
namespace primal::cpu {

// Transformed weights: [point][block of output channels][c][output channel of the block].
struct WeightLayout {
  int64_t block_stride, point_stride;
};

// The tiles of a patch: n_rows x row_tiles of them, rows padded to row_stride, all padded to total.
struct TileGrid {
  int64_t n_rows, row_stride, total;
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kBlockO = kManyRegisters ? 8 : 4;
constexpr int64_t kPieceC = 64;  // channels added up before they join the sum

// g [tap][2 kBlockO]: the taps of the output channels of a block for the input channels c and
// c + 1; zero where they end.
void gather_taps(const SameConvolution& q, int64_t first_o, int64_t c, float (*HWY_RESTRICT g)[2 * kBlockO]) {
  const int64_t n_o = HWY_MIN(int64_t{kBlockO}, q.o - first_o);
  for (int64_t k = 0; k < 2; ++k) {
    const float* const taps = q.weight + first_o * q.stride_o + (c + k) * q.stride_c;
    float* const to = g[0] + k * kBlockO;
    if (c + k < q.c && n_o == kBlockO) {
      transpose_rows<kBlockO>(taps, q.stride_o, 9, to, 2 * kBlockO);
      continue;
    }
    for (int64_t tap = 0; tap < 9; ++tap) {
      for (int64_t o = 0; o < kBlockO; ++o) {
        to[tap * 2 * kBlockO + o] = c + k < q.c && o < n_o ? taps[o * q.stride_o + tap] : 0.0f;
      }
    }
  }
}

// U = G g G' for the blocks [begin, end) of output channels: [point][block][c][kBlockO], an even number of c.
void transform_weights(const SameConvolution& q, int64_t begin, int64_t end, const WeightLayout& layout,
                       float* HWY_RESTRICT weights) {
  const hn::CappedTag<float, 2 * kBlockO> tag;
  using V = hn::Vec<decltype(tag)>;
  HWY_ALIGN float g[9][2 * kBlockO];
  const auto tap = [&](int i) { return g[q.flipped ? 8 - i : i]; };
  for (int64_t block = begin; block < end; ++block) {
    for (int64_t c = 0; c < q.c; c += 2) {
      gather_taps(q, block * kBlockO, c, g);
      float* const to = weights + block * layout.block_stride + c * kBlockO;
      for (int64_t k = 0; k < 2 * kBlockO; k += static_cast<int64_t>(hn::Lanes(tag))) {
        V down[3][6];  // G g, column by column
        HWY_UNROLL(3)
        for (int j = 0; j < 3; ++j) {
          const V column[3] = {hn::Load(tag, tap(j) + k), hn::Load(tag, tap(3 + j) + k),
                               hn::Load(tag, tap(6 + j) + k)};
          transform_filter(column, down[j]);
        }
        HWY_UNROLL(6)
        for (int i = 0; i < 6; ++i) {
          const V row[3] = {down[0][i], down[1][i], down[2][i]};
          V u[6];
          transform_filter(row, u);
          HWY_UNROLL(6)
          for (int j = 0; j < 6; ++j) hn::Store(u[j], tag, to + (i * 6 + j) * layout.point_stride + k);
        }
      }
    }
  }
}

// Six rows of input pixels, pointing at the first column of a row of tiles; whether they go on to its left
// and its right.
struct TileRows {
  const float* row[6];
  bool left, right;
};

// V = B' d B for one row of tiles, a multiple of kCap. to: the first tile at point 0. kCap: lanes to use at
// most.
template <size_t kCap>
HWY_INLINE void transform_tile_row(const TileRows& rows, int64_t n_tiles, float* HWY_RESTRICT to,
                                   int64_t point_stride) {
  const hn::CappedTag<float, kCap> tag;
  using V = hn::Vec<decltype(tag)>;
  constexpr int32_t kN = static_cast<int32_t>(hn::MaxLanes(tag));
  HWY_ALIGN int32_t up[size_t{kN}], down[size_t{kN}];
  for (int32_t k = 0; k < kN; ++k) up[k] = (k + kN - 1) % kN, down[k] = (k + 1) % kN;
  const auto lane_up = hn::SetTableIndices(tag, up), lane_down = hn::SetTableIndices(tag, down);
  const auto first = hn::FirstN(tag, 1), all_but_last = hn::FirstN(tag, kN - 1);

  for (int64_t t = 0; t < n_tiles; t += kN) {
    const bool left = t > 0 || rows.left, right = t + kN < n_tiles || rows.right;
    HWY_ALIGN float along[6][6][size_t{kN}];  // [j][i]: d B
    HWY_UNROLL(6)
    for (int i = 0; i < 6; ++i) {
      const float* const row = rows.row[i] + 4 * t;
      V d[6], r[6];  // columns -1 to 4 of each tile: the outer ones are its neighbours'
      hn::LoadInterleaved4(tag, row, d[1], d[2], d[3], d[4]);
      d[0] = hn::IfThenElse(first, hn::Set(tag, left ? row[-1] : 0.0f), hn::TableLookupLanes(d[4], lane_up));
      d[5] = hn::IfThenElse(all_but_last, hn::TableLookupLanes(d[1], lane_down),
                            hn::Set(tag, right ? row[4 * kN] : 0.0f));
      transform_input(d, r);
      HWY_UNROLL(6)
      for (int j = 0; j < 6; ++j) hn::Store(r[j], tag, along[j][i]);
    }
    HWY_UNROLL(6)
    for (int j = 0; j < 6; ++j) {
      V d[6], r[6];
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) d[i] = hn::Load(tag, along[j][i]);
      transform_input(d, r);
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) hn::StoreU(r[i], tag, to + (i * 6 + j) * point_stride + t);
    }
  }
}

// leaky_relu(A' M A + bias) for one row of tiles: 4 rows of 4 * n_tiles pixels, `stride` apart.
template <size_t kCap>
HWY_INLINE void restore_tile_row(const float* HWY_RESTRICT from, int64_t point_stride, int64_t n_tiles,
                                 float bias, float slope, float* HWY_RESTRICT pixels, int64_t stride) {
  const hn::CappedTag<float, kCap> tag;
  using V = hn::Vec<decltype(tag)>;
  const V add = hn::Set(tag, bias), factor = hn::Set(tag, slope), zero = hn::Zero(tag);
  for (int64_t t = 0; t < n_tiles; t += static_cast<int64_t>(hn::Lanes(tag))) {
    V rows[4][6];
    HWY_UNROLL(6)
    for (int j = 0; j < 6; ++j) {
      V m[6], y[4];
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) m[i] = hn::LoadU(tag, from + (i * 6 + j) * point_stride + t);
      transform_output(m, y);
      HWY_UNROLL(4)
      for (int i = 0; i < 4; ++i) rows[i][j] = y[i];
    }
    HWY_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
      V y[4];
      transform_output(rows[i], y);
      HWY_UNROLL(4)
      for (int j = 0; j < 4; ++j) {
        const V u = hn::Add(y[j], add);
        y[j] = hn::IfThenElse(hn::Gt(u, zero), u, hn::Mul(factor, u));
      }
      hn::StoreInterleaved4(y[0], y[1], y[2], y[3], tag, pixels + i * stride + 4 * t);
    }
  }
}

// m [kBlockO, total] = or += u [n_c, kBlockO] times v [n_c, total], for kV vectors of tiles.
template <int kV>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT u, const float* HWY_RESTRICT v, int64_t total,
                              int64_t n_c, bool add, float* HWY_RESTRICT m) {
  const Tag tag;
  hn::Vec<Tag> sum[kBlockO][size_t{kV}];
  HWY_UNROLL(8)
  for (int o = 0; o < kBlockO; ++o) {
    HWY_UNROLL(4)
    for (int k = 0; k < kV; ++k) sum[o][k] = hn::Zero(tag);
  }
  for (int64_t c = 0; c < n_c; ++c, u += kBlockO, v += total) {
    hn::Vec<Tag> x[size_t{kV}];
    HWY_UNROLL(4)
    for (int k = 0; k < kV; ++k) x[k] = hn::Load(tag, v + k * kLanes);
    HWY_UNROLL(8)
    for (int o = 0; o < kBlockO; ++o) {
      const auto weight = hn::Set(tag, u[o]);
      HWY_UNROLL(4)
      for (int k = 0; k < kV; ++k) sum[o][k] = hn::MulAdd(weight, x[k], sum[o][k]);
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kBlockO; ++o) {
    HWY_UNROLL(4)
    for (int k = 0; k < kV; ++k) {
      float* to = m + o * total + k * kLanes;
      hn::Store(add ? hn::Add(hn::Load(tag, to), sum[o][k]) : sum[o][k], tag, to);
    }
  }
}

// M = U V at one point: m [blocks * kBlockO, total], u [block][c][kBlockO], v [c, total].
HWY_NOINLINE void multiply_point(const float* u, int64_t block_stride, const float* v, int64_t n_blocks,
                                 int64_t n_c, int64_t total, float* m) {
  for (int64_t block = 0; block < n_blocks; ++block, u += block_stride, m += kBlockO * total) {
    for (int64_t c = 0; c < n_c; c += kPieceC) {
      const int64_t piece = HWY_MIN(kPieceC, n_c - c);
      int64_t t = 0;
      for (; t + kLanes < total; t += 2 * kLanes) {
        multiply_tile<2>(u + c * kBlockO, v + c * total + t, total, piece, c > 0, m + t);
      }
      if (t < total) multiply_tile<1>(u + c * kBlockO, v + c * total + t, total, piece, c > 0, m + t);
    }
  }
}

// n_rows x n_cols pixels, their rows `stride` apart, go to the image.
void write_pixels(const SameConvolution& q, const float* pixels, int64_t stride, int64_t n_rows,
                  int64_t n_cols, float* to) {
  const Tag tag;
  for (int64_t i = 0; i < n_rows; ++i, pixels += stride, to += q.w) {
    int64_t p = 0;
    for (; p + kLanes <= n_cols; p += kLanes) {
      const auto y = hn::LoadU(tag, pixels + p);
      hn::StoreU(q.add ? hn::Add(hn::LoadU(tag, to + p), y) : y, tag, to + p);
    }
    for (; p < n_cols; ++p) to[p] = (q.add ? to[p] : 0.0f) + pixels[p];
  }
}

// Asks for rows that are about to be written.
void prefetch_rows(const float* rows, int64_t stride, int64_t n_rows, int64_t n_cols) {
  for (int64_t i = 0; i < n_rows; ++i) {
    for (int64_t p = 0; p < n_cols; p += PatchPrefetch::kLine) __builtin_prefetch(rows + i * stride + p, 1);
  }
}

// The blocks [first, last) of output channels for a patch.
template <size_t kCap>
void winograd_patch(const SameConvolution& q, const Patch& patch, int64_t first_block, int64_t last_block,
                    const TileGrid& grid, const float* weights, const WeightLayout& layout,
                    const PackedPatch& packed, float* work, float* v, float* m) {
  const int64_t n_blocks = last_block - first_block;
  const int64_t v_stride = q.c * grid.total + PackedPatch::kAlign;  // of points; not a power of two
  const int64_t m_stride = n_blocks * kBlockO * grid.total + PackedPatch::kAlign;
  const Patch whole{patch.n, patch.d, patch.h, patch.w, 4 * grid.n_rows, 4 * grid.row_stride};
  PatchPrefetch next(q.in, 1, q.c, q.h, q.w, patch, 1, q.mask);
  const int64_t row_lines =
      (4 * grid.n_rows + 2) * (patch.n_cols / PatchPrefetch::kLine + 2) / grid.n_rows + 1;
  // Whole tiles of pixels that need no mask are read where they are; others are copied first, a channel at a
  // time.
  const bool in_place = patch.n_cols == whole.n_cols && q.mask.y == nullptr;
  const float* const zeros = packed.at(0, -1, 0);  // a row of them, for those outside the image
  if (in_place) {
    std::memset(packed.at(0, -1, -1), 0, sizeof(float) * static_cast<size_t>(packed.row_stride));
  } else {
    packed.clear_outside(0, q.h, q.w, whole);
  }
  for (int64_t c = 0; c < q.c; ++c) {
    const float* const plane = q.in.volume(patch.n, c) + patch.d * q.h * q.w;
    if (!in_place) packed.copy_inside(0, plane, q.h, q.w, whole, CopyMasked{q.mask});
    for (int64_t row = 0; row < grid.n_rows; ++row) {
      next.advance(row_lines);
      TileRows rows{{}, !in_place || patch.w > 0, !in_place || patch.w + patch.n_cols < q.w};
      for (int64_t i = 0; i < 6; ++i) {
        const int64_t h = patch.h + 4 * row - 1 + i;
        const float* const pixels = h < 0 || h >= q.h ? zeros : plane + h * q.w + patch.w;
        rows.row[i] = in_place ? pixels : packed.at(0, 4 * row - 1 + i, 0);
      }
      transform_tile_row<kCap>(rows, grid.row_stride, v + c * grid.total + row * grid.row_stride, v_stride);
    }
  }
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    multiply_point(weights + point * layout.point_stride + first_block * layout.block_stride,
                   layout.block_stride, v + point * v_stride, n_blocks, q.c, grid.total,
                   m + point * m_stride);
  }
  const auto rows_of = [&](int64_t o, int64_t row) {  // of the image, four of them
    return q.out.volume(patch.n, o) + (patch.d * q.h + patch.h + 4 * row) * q.w + patch.w;
  };
  const int64_t first_o = first_block * kBlockO, last_o = HWY_MIN(q.o, last_block * kBlockO);
  for (int64_t o = first_o; o < last_o; ++o) {
    const float bias = q.bias != nullptr ? q.bias[o] : 0.0f;
    for (int64_t row = 0; 4 * row < patch.n_rows; ++row) {
      const float* const from = m + (o - first_o) * grid.total + row * grid.row_stride;
      float* const to = rows_of(o, row);
      const int64_t n_rows = HWY_MIN(patch.n_rows - 4 * row, int64_t{4});
      if (o + 1 < last_o) prefetch_rows(rows_of(o + 1, row), q.w, n_rows, patch.n_cols);
      if (!q.add && patch.n_cols == whole.n_cols && n_rows == 4) {  // whole tiles: straight there
        restore_tile_row<kCap>(from, m_stride, grid.row_stride, bias, q.slope, to, q.w);
      } else {
        restore_tile_row<kCap>(from, m_stride, grid.row_stride, bias, q.slope, work, whole.n_cols);
        write_pixels(q, work, whole.n_cols, n_rows, patch.n_cols, to);
      }
    }
  }
}

}  // namespace

void winograd_convolution(const Exec& exec, const SameConvolution& q) {
  const int64_t n_blocks = (q.o + kBlockO - 1) / kBlockO;
  WeightLayout layout{};
  layout.block_stride = round_up(q.c, 2) * kBlockO;
  layout.point_stride = n_blocks * layout.block_stride + PackedPatch::kAlign;  // not a power of two
  const Scratch<float> transformed(exec, kWinogradPoints * layout.point_stride);
  float* const weights = transformed.data();
  parallel_for(exec, n_blocks, 1,
               [&](int64_t begin, int64_t end) { transform_weights(q, begin, end, layout, weights); });

  // Patches of 32 to 64 tiles: more of them where a tile has fewer channels, so that V and M stay near 1 MiB.
  constexpr int64_t kPatchFloats = 300 * 1024;
  const int64_t max_tiles = std::clamp<int64_t>(kPatchFloats / (kWinogradPoints * (q.c + q.o)), 32, 64);
  const int64_t cap = q.w > 32 ? 16 : 8;
  const int64_t row_tiles = round_up((HWY_MIN(q.w, 4 * max_tiles) + 3) / 4, cap);
  const Patches patches(q.n, q.d, q.h, q.w, 4 * HWY_MAX(max_tiles / row_tiles, int64_t{1}), 4 * row_tiles);
  TileGrid grid{};
  grid.n_rows = (patches.rows() + 3) / 4;
  grid.row_stride = row_tiles;
  grid.total = round_up(grid.n_rows * grid.row_stride, PackedPatch::kAlign);

  // Where there are few patches, as in the deepest layers, the outputs are divided too. A thread then reads
  // the weights that it has transformed, several MB that would otherwise come from other cores, and more
  // threads find work; only V is computed by each of them again. The bits do not depend on this.
  constexpr int64_t kFewPatches = 4, kGroupO = 32;
  const int64_t n_groups =
      patches.count() <= kFewPatches ? std::clamp<int64_t>(q.o / kGroupO, 1, exec.n_threads) : 1;
  const int64_t group_o = (n_blocks + n_groups - 1) / n_groups * kBlockO;  // at most

  PackedPatch channel(patches, 1);
  channel.row_stride = round_up(4 * row_tiles + 2, PackedPatch::kAlign);
  channel.channel_stride = (4 * grid.n_rows + 2) * channel.row_stride + 2 * PackedPatch::kAlign;
  const int64_t work_floats = 4 * channel.row_stride;
  const int64_t v_floats = kWinogradPoints * (q.c * grid.total + PackedPatch::kAlign);
  const int64_t m_floats = kWinogradPoints * (group_o * grid.total + PackedPatch::kAlign);
  const int64_t task_floats = channel.channel_stride + v_floats + m_floats + work_floats;
  const int64_t n_tasks = n_groups * patches.count();
  parallel_for<float>(exec, n_tasks, 1, task_floats, [&](int64_t begin, int64_t end, float* scratch) {
    PackedPatch packed = channel;
    packed.data = scratch;
    float* const v = packed.data + packed.channel_stride;
    float* const m = v + v_floats;
    float* const work = m + m_floats;
    for (int64_t task = begin; task < end; ++task) {
      const auto compute = cap == 16 ? winograd_patch<16> : winograd_patch<8>;
      const int64_t group = task / patches.count();  // neighbours in time share weights
      compute(q, patches[task % patches.count()], n_blocks * group / n_groups,
              n_blocks * (group + 1) / n_groups, grid, weights, layout, packed, work, v, m);
    }
  });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(winograd_convolution);
namespace {

bool supports(const Conv3dGeometry& g) {
  // Fewer channels or pixels do not pay for the transforms.
  return conv3d_blocked_supports(g) && g.weight[3] == 3 && std::min(g.weight[0], g.weight[1]) >= 16 &&
         std::min(g.x[3], g.x[4]) >= 8;
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  HWY_DYNAMIC_DISPATCH(winograd_convolution)(exec, forward_convolution(x, weight, bias, slope, y));
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x) {
  HWY_DYNAMIC_DISPATCH(winograd_convolution)(exec, backward_data_convolution(grad_y, weight, add, grad_x));
}

}  // namespace

const Conv3dImplementation<float> conv3d_winograd{
    {.name = "winograd",
     .idea = "F(4x4, 3x3) at 0, 3/4, -3/4, 3/2, -3/2, infinity: 36 products for 144",
     .tolerance_factor = 5.0},
    supports,
    {forward, backward_data, conv3d_winograd_backward_weights, true}};

}  // namespace primal::cpu
#endif
