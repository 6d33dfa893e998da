// conv3d, phased: forward and backward-data of kernels (1,kh,kw) with any stride and padding.
//
// Idea: the vectors of a strided convolution would gather every second or fourth number. So the input of a
// band of outputs is copied once, its columns and rows sorted by their remainder (conv3d_phases.h); then a
// tile of kBlockO output channels x kBlockV vectors of neighbouring outputs stays in registers while the loop
// over channels and taps runs, as in conv3d_blocked.cpp. Rows follow each other without a gap in the copy, so
// that a tile goes on in the next row: hardly a lane is idle, however narrow the picture. The adjoint is
// computed phase by phase of its result, each with the taps that reach it: no product with a zero, no
// scattered sums. Sums over channels run in pieces whose input stays in cache. Measured in processor time of
// one core, AMD EPYC with AVX2, 2026-11-29, forward and backward, beside PyTorch 1.13's Conv2d: 64 to 128
// channels, stride 2, five pictures of 152 x 152, 197 ms and 254 ms; 1 to 64 channels of 304 x 304, 16 ms and
// 84 ms.
// Source: W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016 (the phases of
// an adjoint).
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_phases.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_phased.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// 12 sums in 16 vector registers or 24 in 32: room for kBlockV inputs and a weight.
constexpr int kBlockO = kManyRegisters ? 8 : 4;
constexpr int kBlockV = 3;
constexpr int kLongV = 8;  // of a single output channel

// Sums of one block of output channels for the pixels of a band, [kO][stride].
struct BlockSums {
  float* sums;
  int64_t stride, n_pixels;
  const float* bias;  // where they start; null: at what they are
};

template <int kO, int kV>
HWY_INLINE void add_tile(const BlockSums& q, const float* HWY_RESTRICT in,
                         const int64_t* HWY_RESTRICT offsets, int64_t n_k, const float* HWY_RESTRICT weights,
                         int64_t pixel) {
  const Tag tag;
  Vector sum[size_t{kO}][size_t{kV}];
  HWY_UNROLL(8)
  for (int o = 0; o < kO; ++o) {
    HWY_UNROLL(8)
    for (int v = 0; v < kV; ++v) {
      sum[o][v] = q.bias != nullptr ? hn::Set(tag, q.bias[o])
                                    : hn::LoadU(tag, q.sums + o * q.stride + pixel + v * kLanes);
    }
  }
  in += pixel;
  for (int64_t k = 0; k < n_k; ++k, weights += kO) {
    const float* const from = in + offsets[k];
    Vector x[size_t{kV}];
    HWY_UNROLL(8)
    for (int v = 0; v < kV; ++v) x[v] = hn::LoadU(tag, from + v * kLanes);
    HWY_UNROLL(8)
    for (int o = 0; o < kO; ++o) {
      const auto weight = hn::Set(tag, weights[o]);
      HWY_UNROLL(8)
      for (int v = 0; v < kV; ++v) sum[o][v] = hn::MulAdd(weight, x[v], sum[o][v]);
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kO; ++o) {
    HWY_UNROLL(8)
    for (int v = 0; v < kV; ++v) hn::StoreU(sum[o][v], tag, q.sums + o * q.stride + pixel + v * kLanes);
  }
}

// Blocks of kO output channels: the weights of one lie weight_stride from those of the next.
struct Blocks {
  const float* weights;
  int64_t count, weight_stride;
};

// A tile of pixels for all blocks: what it reads of the input stays in the first-level cache.
template <int kO, int kV>
HWY_INLINE void add_tiles(BlockSums q, const float* in, const int64_t* offsets, int64_t n_k,
                          const Blocks& blocks, int64_t pixel) {
  const float* weights = blocks.weights;
  for (int64_t block = 0; block < blocks.count; ++block) {
    add_tile<kO, kV>(q, in, offsets, n_k, weights, pixel);
    weights += blocks.weight_stride;
    q.sums += kO * q.stride;
    if (q.bias != nullptr) q.bias += kO;
  }
}

template <int kO, int kV>
HWY_NOINLINE void add_blocks(const BlockSums& q, const float* in, const int64_t* offsets, int64_t n_k,
                             const Blocks& blocks) {
  int64_t p = 0;
  for (; p + (kV - 1) * kLanes < q.n_pixels; p += kV * kLanes)
    add_tiles<kO, kV>(q, in, offsets, n_k, blocks, p);
  for (; p + kLanes < q.n_pixels; p += 2 * kLanes) add_tiles<kO, 2>(q, in, offsets, n_k, blocks, p);
  for (; p < q.n_pixels; p += kLanes) add_tiles<kO, 1>(q, in, offsets, n_k, blocks, p);
}

int64_t block_width(int64_t n_left) { return n_left == 1 ? 1 : kBlockO; }

// Weights of a phase: [block][c][tap][width of the block], blocks n_c n_taps kBlockO apart.
void pack_weights(const PhasedConvolution& q, const std::vector<PhaseTap>& taps, int64_t first_o, float* to) {
  const int64_t width = block_width(q.o - first_o);
  for (int64_t c = 0; c < q.c; ++c) {
    for (const PhaseTap& tap : taps) {
      for (int64_t o = first_o; o < first_o + width; ++o)
        *to++ = o < q.o ? q.weight[o * q.stride_o + c * q.stride_c + tap.index] : 0.0F;
    }
  }
}

// n outputs of a row go to every step-th number there.
void write_row(const float* const* phases, int64_t n_phases, int64_t n, bool add, float* HWY_RESTRICT to) {
  if (n_phases == 1) {
    const float* HWY_RESTRICT from = phases[0];
    if (add) {
      for (int64_t i = 0; i < n; ++i) to[i] += from[i];
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[i];
    }
    return;
  }
  if (n_phases == 2) {
    const float *HWY_RESTRICT even = phases[0], *HWY_RESTRICT odd = phases[1];
    const int64_t pairs = n / 2;
    if (add) {
      for (int64_t i = 0; i < pairs; ++i) to[2 * i] += even[i], to[2 * i + 1] += odd[i];
      if (n % 2 != 0) to[n - 1] += even[pairs];
    } else {
      for (int64_t i = 0; i < pairs; ++i) to[2 * i] = even[i], to[2 * i + 1] = odd[i];
      if (n % 2 != 0) to[n - 1] = even[pairs];
    }
    return;
  }
  for (int64_t v = 0; v < n_phases; ++v) {
    const float* HWY_RESTRICT from = phases[v];
    for (int64_t i = v, b = 0; i < n; i += n_phases, ++b) to[i] = from[b] + (add ? to[i] : 0.0F);
  }
}

}  // namespace

void phased_convolution(const Exec& exec, const PhasedConvolution& q) {
  constexpr int64_t kPixels = 288;           // of a phase in a band, at least a row
  constexpr int64_t kPieceFloats = 32768;    // of the input at a time: 128 KiB
  constexpr int64_t kSumFloats = 24 * 1024;  // of the sums of a task
  constexpr int64_t kSlack = kLongV * kLanes;
  const auto n_phases = static_cast<int64_t>(q.out_taps.size());
  const PhaseBand band(q, kPixels, kSlack);
  const int64_t n_bands = (q.n_rows() + band.rows - 1) / band.rows;
  const int64_t sum_stride = round_up(band.rows * band.row_stride, kLanes) + kSlack;
  const int64_t piece_c = std::clamp<int64_t>(kPieceFloats / band.channel_stride, 1, q.c);
  const int64_t group_o = std::clamp<int64_t>(kSumFloats / (n_phases * sum_stride) / kBlockO * kBlockO,
                                              kBlockO, round_up(q.o, kBlockO));
  const int64_t n_groups = (q.o + group_o - 1) / group_o, n_blocks = (q.o + kBlockO - 1) / kBlockO;

  // Where the weights and the offsets of each phase begin.
  std::vector<int64_t> first_weight, offsets;
  std::vector<size_t> first_offset;
  int64_t n_weights = 0;
  for (const auto& taps : q.out_taps) {
    first_weight.push_back(n_weights);
    n_weights += n_blocks * kBlockO * q.c * static_cast<int64_t>(taps.size());
    first_offset.push_back(offsets.size());
    for (int64_t c = 0; c < piece_c; ++c) {
      for (const PhaseTap& tap : taps) offsets.push_back(c * band.channel_stride + band.offset(q, tap));
    }
  }
  const Scratch<float> packed_weights(exec, n_weights + n_blocks * kBlockO);
  float* const weights = packed_weights.data();
  float* const bias = weights + n_weights;
  parallel_for(exec, n_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      for (int64_t phase = 0; phase < n_phases; ++phase) {
        const auto& taps = q.out_taps[static_cast<size_t>(phase)];
        pack_weights(q, taps, block * kBlockO,
                     weights + first_weight[static_cast<size_t>(phase)] +
                         block * kBlockO * q.c * static_cast<int64_t>(taps.size()));
      }
      for (int64_t o = block * kBlockO; o < (block + 1) * kBlockO; ++o)
        bias[o] = q.bias != nullptr && o < q.o ? q.bias[o] : 0.0F;
    }
  });

  const int64_t in_plane = q.in_extent[0] * q.in_extent[1], out_plane = q.out_extent[0] * q.out_extent[1];
  const int64_t in_floats = piece_c * band.channel_stride + kSlack;
  const int64_t sum_floats = n_phases * group_o * sum_stride;
  parallel_for<float>(
      exec, q.n * q.d * n_bands * n_groups, 1, in_floats + sum_floats,
      [&](int64_t begin, int64_t end, float* in) {
        float* const sums = in + in_floats;
        std::fill(in, in + in_floats, 0.0F);  // the slack too
        std::vector<const float*> columns(static_cast<size_t>(q.out_steps[1]));
        for (int64_t task = begin; task < end; ++task) {
          const int64_t first_o = task % n_groups * group_o, end_o = HWY_MIN(q.o, first_o + group_o);
          const int64_t first_row = task / n_groups % n_bands * band.rows;
          const int64_t plane = task / (n_groups * n_bands), n = plane / q.d, d = plane % q.d;
          const int64_t n_rows = HWY_MIN(band.rows, q.n_rows() - first_row);
          const int64_t n_pixels = (n_rows - 1) * band.row_stride + q.n_cols();
          for (int64_t c = 0; c < q.c; c += piece_c) {
            const int64_t n_c = HWY_MIN(piece_c, q.c - c);
            for (int64_t k = 0; k < n_c; ++k) {
              pack_phases(q, band, q.in + ((n * q.c + c + k) * q.d + d) * in_plane, first_row, n_rows,
                          in + k * band.channel_stride);
            }
            for (int64_t phase = 0; phase < n_phases; ++phase) {
              const auto at = static_cast<size_t>(phase);
              const auto n_taps = static_cast<int64_t>(q.out_taps[at].size());
              const auto add = [&](int64_t o, int64_t count, int64_t width) {
                const BlockSums block{sums + (phase * group_o + o - first_o) * sum_stride, sum_stride,
                                      n_pixels, c == 0 ? bias + o : nullptr};
                const Blocks blocks{weights + first_weight[at] + o * q.c * n_taps + c * n_taps * width, count,
                                    kBlockO * q.c * n_taps};
                (width == 1 ? add_blocks<1, kLongV>
                            : add_blocks<kBlockO, kBlockV>)(block, in, offsets.data() + first_offset[at],
                                                            n_c * n_taps, blocks);
              };
              const bool single = end_o == q.o && q.o % kBlockO == 1;  // a last block of one channel
              const int64_t end_wide = single ? end_o - 1 : end_o;
              if (first_o < end_wide) add(first_o, (end_wide - first_o + kBlockO - 1) / kBlockO, kBlockO);
              if (single) add(end_wide, 1, 1);
            }
          }
          for (int64_t o = first_o; o < end_o; ++o) {
            for (int64_t row = 0; row < n_rows; ++row) {
              for (int64_t u = 0; u < q.out_steps[0]; ++u) {
                const int64_t h = (first_row + row) * q.out_steps[0] + u;
                if (h >= q.out_extent[0]) break;
                for (int64_t v = 0; v < q.out_steps[1]; ++v) {
                  const int64_t phase = u * q.out_steps[1] + v;
                  columns[static_cast<size_t>(v)] =
                      sums + (phase * group_o + o - first_o) * sum_stride + row * band.row_stride;
                }
                write_row(columns.data(), q.out_steps[1], q.out_extent[1], q.add,
                          q.out + ((n * q.o + o) * q.d + d) * out_plane + h * q.out_extent[1]);
              }
            }
          }
        }
      });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(phased_convolution);

void conv3d_phased_run(const Exec& exec, const PhasedConvolution& q) {
  HWY_DYNAMIC_DISPATCH(phased_convolution)(exec, q);
}

namespace {

// More phases than this leave each with hardly a pixel.
constexpr int64_t kMaxStride = 8;

bool supports(const Conv3dGeometry& g) {
  return g.weight[2] == 1 && g.params.stride[0] == 1 && g.params.padding[0] == 0 &&
         std::max(g.params.stride[1], g.params.stride[2]) <= kMaxStride && g.x.numel() > 0 &&
         g.weight.numel() > 0;
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams& params, float, View5<float> y) {
  PhasedConvolution q = phased_forward(x.first, weight, params, y);
  q.bias = bias.data;
  conv3d_phased_run(exec, q);
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool, const ChannelParts<float>& grad_x) {
  PhasedConvolution q = phased_adjoint(grad_y.grad, weight, params, grad_x.first);
  q.add = true;
  conv3d_phased_run(exec, q);
}

}  // namespace

const Conv3dImplementation<float> conv3d_phased{
    {"phased", "blocked, with rows and columns sorted by their remainder modulo the stride"},
    supports,
    {forward, backward_data, conv3d_phased_backward_weights, false}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
