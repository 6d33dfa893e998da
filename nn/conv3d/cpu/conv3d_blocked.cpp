// conv3d, blocked: forward and backward-data for the shapes of the U-Net.
//
// Idea: a tile of kO output channels x kV vectors of neighbouring pixels stays in registers while the loop
// over input channels and taps runs. A step loads kV vectors of the input and broadcasts kO weights for kO *
// kV multiply-adds, so the multipliers and not the loads are the limit. NCDHW is kept: vectors lie along w.
//   - The input of a task is first copied to scratch with a border of zeros (conv3d_patch.h).
//   - Weights are packed as [block of kO][c][tap][kO]; channels missing in the last block are zero.
//   - backward_data is the same convolution with the kernel flipped and O and C exchanged (conv3d_same.h).
// Source: E. Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD
// architectures", SC 2018.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_same.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_blocked.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// The tile: 16 sums in 32 vector registers or 8 in 16, which leaves room for the input and a weight.
constexpr int kBlockO = kManyRegisters ? 8 : 4;
constexpr int kNarrowO = 2;  // a last block with no more channels than this: the network's head
constexpr int kBlockV = 2;

int64_t block_width(int64_t n_left) { return n_left <= kNarrowO ? kNarrowO : kBlockO; }

// One tile. in: the first tap of its first pixel; weights [c][tap][kO]; bias [kO]; rows: n_o rows of the
// output, to be written from col on, where n_pixels belong to the image.
template <int kSide, int kO, int kV>
HWY_INLINE void compute_tile(const SameConvolution& q, const float* HWY_RESTRICT in, int64_t row_stride,
                             int64_t channel_stride, const float* HWY_RESTRICT weights,
                             const float* HWY_RESTRICT bias, float* const* rows, int64_t col, int64_t n_o,
                             int64_t n_pixels) {
  const Tag tag;
  hn::Vec<Tag> sum[size_t{kO}][size_t{kV}];
  HWY_UNROLL(8)
  for (int o = 0; o < kO; ++o) {
    HWY_UNROLL(8)
    for (int v = 0; v < kV; ++v) sum[o][v] = hn::Set(tag, bias[o]);
  }
  for (int64_t c = 0; c < q.c; ++c, in += channel_stride) {
    HWY_UNROLL(8)
    for (int i = 0; i < kSide; ++i) {
      HWY_UNROLL(8)
      for (int j = 0; j < kSide; ++j, weights += kO) {
        hn::Vec<Tag> x[size_t{kV}];
        HWY_UNROLL(8)
        for (int v = 0; v < kV; ++v) x[v] = hn::LoadU(tag, in + i * row_stride + j + v * kLanes);
        HWY_UNROLL(8)
        for (int o = 0; o < kO; ++o) {
          const auto weight = hn::Set(tag, weights[o]);
          HWY_UNROLL(8)
          for (int v = 0; v < kV; ++v) sum[o][v] = hn::MulAdd(weight, x[v], sum[o][v]);
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kO; ++o) {
    if (o >= n_o) break;
    HWY_UNROLL(8)
    for (int v = 0; v < kV; ++v) {
      float* to = rows[o] + col + v * kLanes;
      const int64_t n_valid = n_pixels - v * kLanes;
      auto y = sum[o][v];
      if (!q.add) y = hn::IfThenElse(hn::Gt(y, hn::Zero(tag)), y, hn::Mul(hn::Set(tag, q.slope), y));
      if (n_valid >= kLanes) {
        hn::StoreU(q.add ? hn::Add(hn::LoadU(tag, to), y) : y, tag, to);
      } else {
        HWY_ALIGN float tail[kLanes];
        hn::Store(y, tag, tail);
        for (int64_t p = 0; p < n_valid; ++p) to[p] = q.add ? to[p] + tail[p] : tail[p];
      }
    }
  }
}

// A block of output channels, from first_o, over a whole patch.
template <int kSide, int kO>
HWY_NOINLINE void compute_block(const SameConvolution& q, const Patch& patch, const PackedPatch& packed,
                                const float* weights, const float* bias, int64_t first_o) {
  const int64_t n_o = HWY_MIN(int64_t{kO}, q.o - first_o);
  float* out[size_t{kO}] = {};
  for (int64_t o = 0; o < n_o; ++o) {
    out[o] = q.out.volume(patch.n, first_o + o) + (patch.d * q.h + patch.h) * q.w + patch.w;
  }
  for (int64_t row = 0; row < patch.n_rows; ++row) {
    const float* in = packed.at(0, row - kSide / 2, -(kSide / 2));
    int64_t col = 0;
    for (; patch.n_cols - col > (kBlockV - 1) * kLanes; col += kBlockV * kLanes) {
      compute_tile<kSide, kO, kBlockV>(q, in + col, packed.row_stride, packed.channel_stride, weights, bias,
                                       out, row * q.w + col, n_o, patch.n_cols - col);
    }
    for (; col < patch.n_cols; col += kLanes) {
      compute_tile<kSide, kO, 1>(q, in + col, packed.row_stride, packed.channel_stride, weights, bias, out,
                                 row * q.w + col, n_o, patch.n_cols - col);
    }
  }
}

template <int kSide>
void compute_patch(const SameConvolution& q, const Patch& patch, const PackedPatch& packed,
                   const float* weights, const float* bias, int64_t begin_o, int64_t end_o) {
  for (int64_t c = 0; c < q.c; ++c) {
    packed.copy_channel(c, q.in.volume(patch.n, c) + patch.d * q.h * q.w, q.h, q.w, patch,
                        CopyMasked{q.mask});
  }
  for (int64_t o = begin_o; o < end_o; o += kBlockO) {
    const float* block = weights + o * q.c * kSide * kSide;
    if (block_width(q.o - o) == kNarrowO) {
      compute_block<kSide, kNarrowO>(q, patch, packed, block, bias + o, o);
    } else {
      compute_block<kSide, kBlockO>(q, patch, packed, block, bias + o, o);
    }
  }
}

// Packs the blocks [begin, end): weights [block][c][tap][width] and bias [block * kBlockO].
void pack_weights(const SameConvolution& q, int64_t begin, int64_t end, float* weights, float* bias) {
  const int64_t n_taps = q.side * q.side;
  for (int64_t first = begin * kBlockO; first < end * kBlockO; first += kBlockO) {
    float* to = weights + first * q.c * n_taps;
    const int64_t width = block_width(q.o - first);
    for (int64_t c = 0; c < q.c; ++c) {
      for (int64_t tap = 0; tap < n_taps; ++tap) {
        for (int64_t o = first; o < first + width; ++o) *to++ = o < q.o ? q.weight_of(o, c, tap) : 0.0f;
      }
    }
    for (int64_t o = first; o < first + kBlockO; ++o)
      bias[o] = q.bias != nullptr && o < q.o ? q.bias[o] : 0.0f;
  }
}

}  // namespace

void blocked_convolution(const Exec& exec, const SameConvolution& q) {
  const int64_t n_taps = q.side * q.side;
  const int64_t n_blocks = (q.o + kBlockO - 1) / kBlockO;
  const int64_t n_weights = n_blocks * kBlockO * q.c * n_taps;
  const Scratch<float> packed_weights(exec, n_weights + n_blocks * kBlockO);
  float* const weights = packed_weights.data();
  float* const bias = weights + n_weights;
  parallel_for(exec, n_blocks, 4,
               [&](int64_t begin, int64_t end) { pack_weights(q, begin, end, weights, bias); });

  // As many rows as keep a patch in half of a second-level cache of 1 MiB, while there is more than one to
  // keep.
  constexpr int64_t kPatchFloats = 96 * 1024;
  constexpr int64_t kPatchCols = 256;
  constexpr int64_t kTaskO = 64;  // output channels of one task: a multiple of kBlockO
  const int64_t border = q.side / 2;
  const int64_t row_floats =
      HWY_MAX(q.c, int64_t{1}) * round_up(HWY_MIN(q.w, kPatchCols) + 2 * border, PackedPatch::kAlign);
  const Patches patches(q.n, q.d, q.h, q.w, HWY_MAX(kPatchFloats / row_floats - 2 * border, int64_t{1}),
                        kPatchCols);
  const int64_t n_groups = (q.o + kTaskO - 1) / kTaskO;
  const PackedPatch layout(patches, border);
  const int64_t n_tasks = patches.count() * n_groups;
  const int64_t patch_floats = q.c * layout.channel_stride;
  parallel_for<float>(exec, n_tasks, 1, patch_floats, [&](int64_t begin, int64_t end, float* patch) {
    PackedPatch packed = layout;
    packed.data = patch;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t begin_o = task % n_groups * kTaskO;
      const int64_t end_o = HWY_MIN(q.o, begin_o + kTaskO);
      const auto compute = q.side == 3 ? compute_patch<3> : compute_patch<1>;
      compute(q, patches[task / n_groups], packed, weights, bias, begin_o, end_o);
    }
  });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(blocked_convolution);
namespace {

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  HWY_DYNAMIC_DISPATCH(blocked_convolution)(exec, forward_convolution(x, weight, bias, slope, y));
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x) {
  HWY_DYNAMIC_DISPATCH(blocked_convolution)(exec, backward_data_convolution(grad_y, weight, add, grad_x));
}

}  // namespace

bool conv3d_blocked_supports(const Conv3dGeometry& g) {
  using Triple = std::array<int64_t, 3>;
  const Triple kernel{g.weight[2], g.weight[3], g.weight[4]};
  const bool pointwise = kernel == Triple{1, 1, 1} && g.params.padding == Triple{0, 0, 0};
  const bool square = kernel == Triple{1, 3, 3} && g.params.padding == Triple{0, 1, 1};
  return (pointwise || square) && g.params.stride == Triple{1, 1, 1};
}

namespace {

// Rows that fill no vector are for phased, where a tile goes on in the next row: 64 to 64 channels of 7 x 7
// pixels, batch of 32, forward and backward, took it 6.0 ms of one core's time and this 10.9 (AMD EPYC with
// AVX2, 2026-11-29).
bool supports(const Conv3dGeometry& g) {
  const bool narrow = g.x[4] < 8 && std::min(g.weight[0], g.weight[1]) >= 16;
  return conv3d_blocked_supports(g) && !narrow;
}

}  // namespace

const Conv3dImplementation<float> conv3d_blocked{
    {"blocked",
     "tiles of 8 output channels x 32 pixels in registers, input patches and weights packed for cache"},
    supports,
    {forward, backward_data, conv3d_blocked_backward_weights, true}};

}  // namespace primal::cpu
#endif
