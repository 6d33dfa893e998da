// conv3d by Winograd for volumes: forward and backward-data of (3,3,3) kernels with padding (1,1,1),
// stride 1.
//
//   Y(w) = A' [ sum over c and k of (G g_k G') o (B' d(w + k - 1) B) ] A
//
// ' transposes, o multiplies element by element.
// d(w) are the 6 x 6 inputs along D and H at column w, g_k the 3 x 3 weights of tap k along W, Y(w) the 4 x 4
// outputs: F(4x4, 3x3) over D and H (conv3d_winograd-inl.h), and the three taps along W are three more terms
// in the sum over channels. A tile costs 108 products for each pair of channels and column in place of 432.
//
// Idea: lanes are columns, which lie side by side in memory, so both transforms work on whole vectors and
// shuffle nothing, and the taps along W read what is transformed already, one column further on. Between the
// rows of two tiles there is one column of zeros, the border of both; rows shorter than some vectors follow
// one another in a `run`, so that few lanes stay empty. A task transforms all input channels of a piece of
// tiles, then takes some output channels at a time through the 36 products and back. Sums run in pieces of 32
// channels, which keeps their rounding error flat.
//
// Measured rms error, relative to float64, at five shapes of the network for sequences
// (primal_conv3d_error): y 9.4e-7, grad_x 9.3e-7, weights 6.4e-7 at most; blocked has 8.4e-7, 8.2e-7 and
// 1.6e-7 at the shapes of pictures.
// Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_volume.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_winograd_volume.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_volume-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kTileV = 3;        // vectors of a tile of products: 24 sums in 32 registers or 12 in 16
constexpr int64_t kPieceC = 32;  // channels added up before they join the sum

// As many tiles in a run as fill its vectors best.
int64_t tiles_of_run(int64_t n_cols, int64_t max_tiles) {
  const auto lanes_of = [&](int64_t tiles) { return round_up(tiles * (n_cols + 1) - 1, kLanes); };
  int64_t best = 1;
  for (int64_t tiles = 2; tiles <= max_tiles; ++tiles) {
    if (lanes_of(tiles) * best < lanes_of(best) * tiles) best = tiles;
  }
  return best;
}

// V = B' d B for the tiles of a piece in one channel. `next`: the channel after it, which is asked for
// meanwhile.
template <bool kMasked>
HWY_NOINLINE void transform_channel(const SameConvolution& q, const VolumePiece& piece,
                                    const VolumeLayout& layout, const float* volume, const float* next,
                                    float* HWY_RESTRICT v) {
  const Tag tag;
  HWY_ALIGN float along[4 * kMaxVolumeTiles + 2][6][kLanes];  // [row of H][point along D]
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    for (int64_t run = 0; run < layout.n_runs; ++run) {
      float* const zeros = v + point * layout.v_point + run * layout.run_stride;
      for (int64_t tile = 0; tile <= layout.run_tiles; ++tile) zeros[tile * (piece.n_cols + 1)] = 0.0f;
    }
  }
  const int64_t first = HWY_MAX(piece.w - 1, int64_t{0});
  const int64_t n = HWY_MIN(piece.w + piece.n_cols + 1, q.w) - first;
  float* const to = v + first - (piece.w - 1);
  const int64_t n_rows = 4 * piece.n_tiles + 2;
  // The last vector of a row may run over into the next tile, whose first vector is written after it.
  for (int64_t col = round_up(n, kLanes) - kLanes; col >= 0; col -= kLanes) {
    for (int64_t row = 0; row < n_rows; ++row) {
      Vector d[6], r[6];
      const int64_t h = piece.h - 1 + row;
      read_depths<6, kMasked>(q, q.mask, volume, piece.d - 1, h, first + col, n - col, d);
      transform_input(d, r);
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) {
        hn::Store(r[i], tag, along[row][i]);
        __builtin_prefetch(next + ((piece.d - 1 + i) * q.h + h) * q.w + first + col, 0, 2);
      }
    }
    for (int64_t tile = 0; tile < piece.n_tiles; ++tile) {
      float* const at = to + layout.input(tile, piece.n_cols) + col;
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) {
        Vector d[6], r[6];
        HWY_UNROLL(6)
        for (int j = 0; j < 6; ++j) d[j] = hn::Load(tag, along[4 * tile + j][i]);
        transform_input(d, r);
        HWY_UNROLL(6)
        for (int j = 0; j < 6; ++j) hn::StoreU(r[j], tag, at + (i * 6 + j) * layout.v_point);
      }
    }
  }
}

// m [kBlockO, m_row] = or += the sum over n_c channels and three taps of u [n_c, 3, kBlockO] times
// v [n_c, row], kV vectors.
template <int kV>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT u, const float* HWY_RESTRICT v, int64_t row,
                              int64_t n_c, bool add, float* HWY_RESTRICT m, int64_t m_row) {
  const Tag tag;
  Vector sum[kBlockO][size_t{kV}];
  HWY_UNROLL(8)
  for (int o = 0; o < kBlockO; ++o) {
    HWY_UNROLL(4)
    for (int i = 0; i < kV; ++i) sum[o][i] = hn::Zero(tag);
  }
  for (int64_t c = 0; c < n_c; ++c, v += row) {
    HWY_UNROLL(3)
    for (int k = 0; k < 3; ++k, u += kBlockO) {
      Vector x[size_t{kV}];
      HWY_UNROLL(4)
      for (int i = 0; i < kV; ++i) x[i] = hn::LoadU(tag, v + k + i * kLanes);
      HWY_UNROLL(8)
      for (int o = 0; o < kBlockO; ++o) {
        const Vector weight = hn::Set(tag, u[o]);
        HWY_UNROLL(4)
        for (int i = 0; i < kV; ++i) sum[o][i] = hn::MulAdd(weight, x[i], sum[o][i]);
      }
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kBlockO; ++o) {
    HWY_UNROLL(4)
    for (int i = 0; i < kV; ++i) {
      float* const to = m + o * m_row + i * kLanes;
      hn::Store(add ? hn::Add(hn::Load(tag, to), sum[o][i]) : sum[o][i], tag, to);
    }
  }
}

// M = U V at one point for a block of output channels.
HWY_NOINLINE void multiply_point(const VolumeLayout& layout, int64_t n_runs, const float* u, const float* v,
                                 int64_t n_c, float* m) {
  const int64_t row = layout.row(), m_row = layout.m_row();
  for (int64_t c = 0; c < n_c; c += kPieceC, u += kPieceC * 3 * kBlockO, v += kPieceC * row) {
    const int64_t piece = HWY_MIN(kPieceC, n_c - c);
    for (int64_t run = 0; run < n_runs; ++run) {
      const float* const from = v + run * layout.run_stride;
      float* const to = m + run * layout.run_cols;
      int64_t col = 0;
      for (; col + kTileV * kLanes <= layout.run_cols; col += kTileV * kLanes)
        multiply_tile<kTileV>(u, from + col, row, piece, c > 0, to + col, m_row);
      if (col + kLanes < layout.run_cols) {
        multiply_tile<2>(u, from + col, row, piece, c > 0, to + col, m_row);
      } else if (col < layout.run_cols) {
        multiply_tile<1>(u, from + col, row, piece, c > 0, to + col, m_row);
      }
    }
  }
}

// leaky_relu(A' M A + bias) for one tile of one output channel; `to`: its first output.
HWY_INLINE void restore_tile(const SameConvolution& q, const float* HWY_RESTRICT m, int64_t m_point,
                             float bias, int64_t n_d, int64_t n_h, int64_t n_cols, float* to) {
  const Tag tag;
  const Vector add = hn::Set(tag, bias), slope = hn::Set(tag, q.slope), zero = hn::Zero(tag);
  for (int64_t col = 0; col < n_cols; col += kLanes) {
    Vector rows[4][6];
    HWY_UNROLL(6)
    for (int j = 0; j < 6; ++j) {
      Vector of[6], y[4];
      HWY_UNROLL(6)
      for (int i = 0; i < 6; ++i) of[i] = hn::LoadU(tag, m + (i * 6 + j) * m_point + col);
      transform_output(of, y);
      HWY_UNROLL(4)
      for (int i = 0; i < 4; ++i) rows[i][j] = y[i];
    }
    HWY_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
      Vector y[4];
      transform_output(rows[i], y);
      HWY_UNROLL(4)
      for (int j = 0; j < 4; ++j) {
        if (i >= n_d || j >= n_h) continue;
        float* const at = to + (i * q.h + j) * q.w + col;
        const Vector u = hn::Add(y[j], add);
        const Vector active = hn::IfThenElse(hn::Gt(u, zero), u, hn::Mul(slope, u));
        write_first(q.add ? hn::Add(read_first(at, n_cols - col), active) : active, n_cols - col, at);
      }
    }
  }
}

template <bool kMasked>
void volume_piece(const SameConvolution& q, const VolumePiece& piece, const VolumeLayout& layout,
                  const float* weights, int64_t weight_point, float* v, float* m) {
  for (int64_t c = 0; c < q.c; ++c) {
    const float* const next = q.in.volume(piece.n, HWY_MIN(c + 1, q.c - 1));
    transform_channel<kMasked>(q, piece, layout, q.in.volume(piece.n, c), next, v + c * layout.row());
  }
  const int64_t n_runs = (piece.n_tiles + layout.run_tiles - 1) / layout.run_tiles;
  for (int64_t first = 0; first < q.o; first += kBlockO) {
    for (int64_t point = 0; point < kWinogradPoints; ++point) {
      multiply_point(layout, n_runs, weights + point * weight_point + first * q.c * 3,
                     v + point * layout.v_point, q.c, m + point * layout.m_point);
    }
    for (int64_t o = first; o < HWY_MIN(first + kBlockO, q.o); ++o) {
      const float bias = q.bias != nullptr ? q.bias[o] : 0.0f;
      float* const volume = q.out.volume(piece.n, o);
      for (int64_t tile = 0; tile < piece.n_tiles; ++tile) {
        const int64_t h = piece.h + kTileRows * tile;
        restore_tile(q, m + (o - first) * layout.m_row() + layout.product(tile, piece.n_cols), layout.m_point,
                     bias, q.d - piece.d, q.h - h, piece.n_cols,
                     volume + (piece.d * q.h + h) * q.w + piece.w);
      }
    }
  }
}

}  // namespace

void winograd_volume_convolution(const Exec& exec, const SameConvolution& q) {
  const int64_t n_blocks = (q.o + kBlockO - 1) / kBlockO;
  const int64_t weight_point = n_blocks * q.c * 3 * kBlockO + PackedPatch::kAlign;  // not a power of two
  const Scratch<float> transformed(exec, kWinogradPoints * weight_point);
  float* const weights = transformed.data();
  parallel_for(exec, n_blocks, 1, [&](int64_t begin, int64_t end) {
    transform_volume_weights(q, begin, end, weight_point, weights);
  });

  // As many tiles as keep V within most of a second-level cache of 1 MiB, and one run at least.
  constexpr int64_t kPieceFloats = 160 * 1024;
  const int64_t n_cols = HWY_MIN(q.w, kMaxVolumeCols);
  const int64_t along_h = (q.h + kTileRows - 1) / kTileRows;
  const int64_t fitting = kPieceFloats / (kWinogradPoints * HWY_MAX(q.c, int64_t{1}) * (n_cols + 1));
  VolumeLayout layout{};
  layout.run_tiles = q.w > n_cols ? 1 : tiles_of_run(n_cols, HWY_MIN(along_h, kMaxVolumeTiles));
  layout.n_runs =
      q.w > n_cols ? 1
                   : std::clamp<int64_t>(fitting / layout.run_tiles, 1, kMaxVolumeTiles / layout.run_tiles);
  const VolumePieces pieces(q, layout.n_runs * layout.run_tiles, n_cols);
  layout.run_cols = round_up(layout.run_tiles * (n_cols + 1) - 1, kLanes);
  layout.run_stride = round_up(layout.run_cols + 2, PackedPatch::kAlign) + PackedPatch::kAlign;
  layout.v_point = q.c * layout.row() + PackedPatch::kAlign;
  layout.m_point = kBlockO * layout.m_row() + PackedPatch::kAlign;
  const int64_t v_floats = kWinogradPoints * layout.v_point + PackedPatch::kAlign;
  const int64_t task_floats = v_floats + kWinogradPoints * layout.m_point;
  parallel_for<float>(exec, pieces.count(), 1, task_floats, [&](int64_t begin, int64_t end, float* scratch) {
    const auto compute = q.mask.y != nullptr ? volume_piece<true> : volume_piece<false>;
    for (int64_t index = begin; index < end; ++index)
      compute(q, pieces[index], layout, weights, weight_point, scratch, scratch + v_floats);
  });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(winograd_volume_convolution);
namespace {

bool supports(const Conv3dGeometry& g) {
  using Triple = std::array<int64_t, 3>;
  constexpr int64_t kFewCells = 64;  // do not pay for the transforms
  return g.x[2] * g.x[3] * g.x[4] >= kFewCells &&
         Triple{g.weight[2], g.weight[3], g.weight[4]} == Triple{3, 3, 3} &&
         g.params.padding == Triple{1, 1, 1} && g.params.stride == Triple{1, 1, 1};
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  HWY_DYNAMIC_DISPATCH(winograd_volume_convolution)(exec, forward_convolution(x, weight, bias, slope, y));
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x) {
  HWY_DYNAMIC_DISPATCH(winograd_volume_convolution)
  (exec, backward_data_convolution(grad_y, weight, add, grad_x));
}

}  // namespace

const Conv3dImplementation<float> conv3d_winograd_volume{
    {.name = "winograd_volume",
     .idea = "(3,3,3): F(4x4, 3x3) over D and H, the taps along W summed like channels: 108 products for 432",
     .tolerance_factor = 5.0},
    supports,
    {forward, backward_data, conv3d_winograd_volume_backward_weights, true}};

}  // namespace primal::cpu
#endif
