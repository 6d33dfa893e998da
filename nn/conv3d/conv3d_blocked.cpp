// conv3d, blocked: forward and backward-data for the shapes of the U-Net.
//
// Idea: a tile of kO output channels x kV vectors of neighbouring pixels stays in registers while the loop
// over input channels and taps runs. A step loads kV vectors of the input and broadcasts kO weights for kO *
// kV multiply-adds, so the multipliers and not the loads are the limit. NCDHW is kept: vectors lie along w.
//   - The input of a task is first copied to scratch with a border of zeros (conv3d_patch.h).
//   - Weights are packed as [block of kO][c][tap][kO]; channels missing in the last block are zero.
//   - backward_data is the same convolution with the kernel turned around and O and C exchanged.
// A 1x1x1 kernel needs no border, so a channel's whole volume counts as a single long row.
// Source: E. Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD
// architectures", SC 2018.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/conv3d_patch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/conv3d_blocked.cpp"
// These have vectors without a size, of which there are no arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/conv3d_gate-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_CONV3D_BLOCKED_SHARED
#define PRIMAL_NN_CONV3D_BLOCKED_SHARED
namespace primal::cpu {

// out[n,o,d,h,w] = leaky_relu(bias[o] + sum over c and side x side taps of w(o, c, tap) in[n,c,d,...]), or without bias and
// activation added onto what out holds.
struct BlockedConvolution {
  Channels<const float> in;   // [N,C,D,H,W]
  GatedGradient<float> gate;  // in, where that is a gradient
  const float* bias;          // [O] or null
  Channels<float> out;        // [N,O,D,H,W]
  int64_t n, c, o, d, h, w;
  int64_t side;  // 1 or 3
  bool add = false;
  float slope = 1.0f;  // of the activation; 1: none

  const float* weight;
  int64_t stride_o, stride_c;
  bool turned;  // taps in reverse
  float weight_of(int64_t to, int64_t from, int64_t tap) const {
    return weight[to * stride_o + from * stride_c + (turned ? side * side - 1 - tap : tap)];
  }
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
constexpr int64_t kLanes = hn::MaxLanes(Tag());
// The tile: 16 sums in 32 vector registers or 8 in 16, which leaves room for the input and a weight.
constexpr bool kManyRegisters = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int kBlockO = kManyRegisters ? 8 : 4;
constexpr int kNarrowO = 2;  // a last block with no more channels than this: the network's head
constexpr int kBlockV = 2;

int64_t block_width(int64_t n_left) { return n_left <= kNarrowO ? kNarrowO : kBlockO; }

// One tile. in: the first tap of its first pixel; weights [c][tap][kO]; bias [kO]; rows: n_o rows of the output, to be
// written from col on, where n_pixels belong to the image.
template <int kSide, int kO, int kV>
HWY_INLINE void compute_tile(const BlockedConvolution& q, const float* HWY_RESTRICT in, int64_t row_stride,
                             int64_t channel_stride, const float* HWY_RESTRICT weights,
                             const float* HWY_RESTRICT bias, float* const* rows, int64_t col, int64_t n_o,
                             int64_t n_pixels) {
  const Tag tag;
  hn::Vec<Tag> sum[kO][kV];
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
        hn::Vec<Tag> x[kV];
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
HWY_NOINLINE void compute_block(const BlockedConvolution& q, const Patch& patch, const PackedPatch& packed,
                                const float* weights, const float* bias, int64_t first_o) {
  const int64_t n_o = HWY_MIN(int64_t{kO}, q.o - first_o);
  float* out[kO] = {};
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
void compute_patch(const BlockedConvolution& q, const Patch& patch, const PackedPatch& packed,
                   const float* weights, const float* bias, int64_t begin_o, int64_t end_o) {
  for (int64_t c = 0; c < q.c; ++c) {
    packed.copy_channel(c, q.in.volume(patch.n, c) + patch.d * q.h * q.w, q.h, q.w, patch, CopyGated{q.gate});
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
void pack_weights(const BlockedConvolution& q, int64_t begin, int64_t end, float* weights, float* bias) {
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

void blocked_convolution(const Exec& exec, const BlockedConvolution& q) {
  const int64_t n_taps = q.side * q.side;
  const int64_t n_blocks = (q.o + kBlockO - 1) / kBlockO;
  const int64_t n_weights = n_blocks * kBlockO * q.c * n_taps;
  const Scratch weight_scratch(sizeof(float) * static_cast<size_t>(n_weights + n_blocks * kBlockO));
  float* const weights = weight_scratch.as<float>();
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
  const size_t patch_bytes = sizeof(float) * static_cast<size_t>(q.c * layout.channel_stride);
  const int64_t n_tasks = patches.count() * n_groups;
  parallel_for(exec, n_tasks, 1, patch_bytes, [&](int64_t begin, int64_t end, void* patch) {
    PackedPatch packed = layout;
    packed.data = static_cast<float*>(patch);
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

// The shapes of a convolution from `in` to `out`; which way the weights go is the caller's to add.
BlockedConvolution between(const Channels<const float>& in, const Channels<float>& out,
                           View5<const float> weight) {
  BlockedConvolution q{};
  q.in = in;
  q.out = out;
  q.weight = weight.data;
  q.n = in.first.size(0), q.c = in.count(), q.o = out.count();
  q.d = in.first.size(2), q.h = in.first.size(3), q.w = in.first.size(4);
  q.side = weight.size(4);
  if (q.side == 1) {
    q.w *= q.d * q.h;
    q.d = q.h = 1;
  }
  return q;
}

}  // namespace

bool conv3d_blocked_supports(const Conv3dGeometry& g) {
  using Triple = std::array<int64_t, 3>;
  const Triple kernel{g.weight[2], g.weight[3], g.weight[4]};
  const bool pointwise = kernel == Triple{1, 1, 1} && g.params.padding == Triple{0, 0, 0};
  const bool square = kernel == Triple{1, 3, 3} && g.params.padding == Triple{0, 1, 1};
  return (pointwise || square) && g.params.stride == Triple{1, 1, 1};
}

void conv3d_forward_blocked(const Exec& exec, const Channels<const float>& x, View5<const float> weight,
                            View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  BlockedConvolution q = between(x, {y}, weight);  // weight [O,C,1,side,side]
  q.bias = bias.data;
  q.slope = slope;
  q.stride_c = q.side * q.side;
  q.stride_o = q.c * q.stride_c;
  HWY_DYNAMIC_DISPATCH(blocked_convolution)(exec, q);
}

void conv3d_backward_data_blocked(const Exec& exec, const GatedGradient<float>& grad_y,
                                  View5<const float> weight, const Conv3dParams&, bool add,
                                  const Channels<float>& grad_x) {
  BlockedConvolution q = between({grad_y.grad}, grad_x, weight);  // from the O channels of weight to its C
  q.gate = grad_y;
  q.stride_o = q.side * q.side;
  q.stride_c = q.o * q.stride_o;
  q.turned = true;
  q.add = add;
  HWY_DYNAMIC_DISPATCH(blocked_convolution)(exec, q);
}

}  // namespace primal::cpu
#endif
