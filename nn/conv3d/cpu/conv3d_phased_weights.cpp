// conv3d, phased: the gradient of the weights, for the shapes of conv3d_phased.cpp.
//
//   grad_weight[o,c,tap] += sum over pixels p of grad_y[o,p] x[c, where tap reads for p]
//
// Idea: a channel and a tap together are an entry k; the products are [K x pixels] by [pixels x O]. Lanes are
// output channels: grad_y is transposed once for a band of pixels, x is sorted by phases (conv3d_phases.h),
// and a tile of kEntries entries x two vectors of channels stays in registers while the loop runs over the
// pixels, with one number of x for each entry. No lane is idle whatever the width of the picture, and nothing
// is added up across lanes at the end.
//   - The bands are dealt to segments (conv3d_segments.h): work for many threads whatever the shape.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_phases.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_phased_weights.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kEntries = 6;  // 12 sums in 16 vector registers
constexpr int64_t kWidth = 2 * kLanes;

// What one tile runs over: rows of pixels, x at row_stride, gy [pixel][kWidth] without gaps.
struct PixelRows {
  int64_t n_rows, n_cols, row_stride;
};

// sums [kE][stride] += over the pixels; x[e]: where entry e is read for the first pixel.
template <int kE>
HWY_NOINLINE void add_entries(const PixelRows& q, const float* const* entries, const float* HWY_RESTRICT gy,
                              int64_t stride, float* HWY_RESTRICT sums) {
  const Tag tag;
  Vector sum[size_t{kE}][2];
  const float* x[size_t{kE}];
  HWY_UNROLL(8)
  for (int e = 0; e < kE; ++e) {
    sum[e][0] = sum[e][1] = hn::Zero(tag);
    x[e] = entries[e];
  }
  for (int64_t row = 0; row < q.n_rows; ++row) {
    for (int64_t col = 0; col < q.n_cols; ++col, gy += kWidth) {
      const auto low = hn::Load(tag, gy), high = hn::Load(tag, gy + kLanes);
      HWY_UNROLL(8)
      for (int e = 0; e < kE; ++e) {
        const auto factor = hn::Set(tag, x[e][col]);
        sum[e][0] = hn::MulAdd(factor, low, sum[e][0]);
        sum[e][1] = hn::MulAdd(factor, high, sum[e][1]);
      }
    }
    HWY_UNROLL(8)
    for (int e = 0; e < kE; ++e) x[e] += q.row_stride;
  }
  HWY_UNROLL(8)
  for (int e = 0; e < kE; ++e) {
    float* const to = sums + e * stride;
    hn::StoreU(hn::Add(hn::LoadU(tag, to), sum[e][0]), tag, to);
    hn::StoreU(hn::Add(hn::LoadU(tag, to + kLanes), sum[e][1]), tag, to + kLanes);
  }
}

// The numbers of a plane added up: in float along the lanes, in double over pieces.
double plane_sum(const float* from, int64_t n) {
  constexpr int64_t kPiece = 32 * kLanes;
  const Tag tag;
  double total = 0.0;
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t end = HWY_MIN(n, i + kPiece);
    Vector sum = hn::Zero(tag);
    for (int64_t k = i; k < end; k += kLanes) sum = hn::Add(sum, get(from + k, end - k));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
  }
  return total;
}

// to [pixel][kWidth] = n_o channels of n pixels each, `stride` apart; zero for those missing.
void transpose(const float* HWY_RESTRICT from, int64_t stride, int64_t n_o, int64_t n,
               float* HWY_RESTRICT to) {
  for (int64_t o = 0; o < kWidth; ++o) {
    const float* HWY_RESTRICT channel = from + o * stride;
    if (o < n_o) {
      for (int64_t p = 0; p < n; ++p) to[p * kWidth + o] = channel[p];
    } else {
      for (int64_t p = 0; p < n; ++p) to[p * kWidth + o] = 0.0F;
    }
  }
}

}  // namespace

// q reads x where the gradient of the weights does, and its result is grad_y.
void phased_weight_gradient(const Exec& exec, const PhasedConvolution& q, float* grad_weight) {
  constexpr int64_t kPixels = 256;         // of a band, at least a row
  constexpr int64_t kPieceFloats = 16384;  // of x at a time: 64 KiB
  constexpr int64_t kGroupO = 64;          // channels of grad_y in one task
  constexpr int64_t kTasks = 32;           // at least, where there are pixels enough
  constexpr int64_t kSegmentPixels =
      256;  // at least: a segment's sums are cleared before and added up afterwards
  const PhaseBand band(q, kPixels, PackedPatch::kAlign);
  const std::vector<PhaseTap>& taps = q.out_taps[0];
  const auto n_taps = static_cast<int64_t>(taps.size());
  const int64_t rows = q.n_rows(), cols = q.n_cols(), n_bands = (rows + band.rows - 1) / band.rows;
  const int64_t piece_c = std::clamp<int64_t>(kPieceFloats / band.channel_stride, 1, q.c);
  const int64_t padded_o = round_up(q.o, kWidth), group_o = HWY_MIN(HWY_MAX(kGroupO, kWidth), padded_o);
  const int64_t n_pieces = (q.c + piece_c - 1) / piece_c, n_groups_o = (padded_o + group_o - 1) / group_o;
  const int64_t n_groups = n_pieces * n_groups_o;
  const int64_t n_segments = HWY_MAX(q.n * q.d * rows * cols / kSegmentPixels, int64_t{1});
  const Segments segments =
      Segments::split(q.n * q.d * n_bands, n_groups, HWY_MIN(kTasks, n_segments * n_groups));

  // A sum for each segment: [entry][padded_o].
  const int64_t n_entries = q.c * n_taps, n_sums = n_entries * padded_o;
  const Scratch<float> of_segments(exec, segments.count * n_sums);
  float* const all = of_segments.data();
  const int64_t in_plane = q.in_extent[0] * q.in_extent[1], out_plane = rows * cols;
  const int64_t gy_floats = kWidth * band.rows * cols, x_floats = piece_c * band.channel_stride;
  parallel_for<float>(
      exec, segments.count * n_groups, 1, gy_floats + x_floats, [&](int64_t begin, int64_t end, float* gy) {
        float* const x = gy + gy_floats;
        std::vector<const float*> entries(static_cast<size_t>(piece_c * n_taps + kEntries), x);
        for (int64_t k = 0; k < piece_c * n_taps; ++k) {
          entries[static_cast<size_t>(k)] =
              x + k / n_taps * band.channel_stride + band.offset(q, taps[static_cast<size_t>(k % n_taps)]);
        }
        for (int64_t task = begin; task < end; ++task) {
          const int64_t segment = task / n_groups, c = task % n_groups / n_groups_o * piece_c;
          const int64_t first_o = task % n_groups_o * group_o, end_o = HWY_MIN(padded_o, first_o + group_o);
          const int64_t n_c = HWY_MIN(piece_c, q.c - c), n_k = n_c * n_taps;
          float* const sums = all + segment * n_sums + c * n_taps * padded_o;
          for (int64_t k = 0; k < n_k; ++k)
            std::fill(sums + k * padded_o + first_o, sums + k * padded_o + end_o, 0.0F);
          for (int64_t index = segments.first(segment); index < segments.last(segment); ++index) {
            const int64_t first_row = index % n_bands * band.rows, plane = index / n_bands;
            const int64_t n = plane / q.d, d = plane % q.d, n_rows = HWY_MIN(band.rows, rows - first_row);
            const PixelRows pixels{n_rows, cols, band.row_stride};
            for (int64_t k = 0; k < n_c; ++k) {
              pack_phases(q, band, q.in + ((n * q.c + c + k) * q.d + d) * in_plane, first_row, n_rows,
                          x + k * band.channel_stride);
            }
            for (int64_t o = first_o; o < end_o; o += kWidth) {
              transpose(q.out + ((n * q.o + o) * q.d + d) * out_plane + first_row * cols, q.d * out_plane,
                        q.o - o, n_rows * cols, gy);
              int64_t k = 0;
              float* to = sums + o;
              for (; k + kEntries <= n_k; k += kEntries, to += kEntries * padded_o)
                add_entries<kEntries>(pixels, entries.data() + k, gy, padded_o, to);
              for (; k + 3 <= n_k; k += 3, to += 3 * padded_o)
                add_entries<3>(pixels, entries.data() + k, gy, padded_o, to);
              for (; k < n_k; ++k, to += padded_o)
                add_entries<1>(pixels, entries.data() + k, gy, padded_o, to);
            }
          }
        }
      });

  parallel_for<double>(exec, n_entries, 8, padded_o, [&](int64_t begin, int64_t end, double* totals) {
    for (int64_t entry = begin; entry < end; ++entry) {
      std::fill(totals, totals + q.o, 0.0);
      for (int64_t k = 0; k < segments.count; ++k) {
        const float* const from = all + k * n_sums + entry * padded_o;
        for (int64_t o = 0; o < q.o; ++o) totals[o] += static_cast<double>(from[o]);
      }
      float* const to =
          grad_weight + entry / n_taps * q.stride_c + taps[static_cast<size_t>(entry % n_taps)].index;
      for (int64_t o = 0; o < q.o; ++o) to[o * q.stride_o] += static_cast<float>(totals[o]);
    }
  });
}

// grad_bias[o] += grad_y [N,O,..] added up
void bias_gradient(const Exec& exec, View5<const float> grad_y, float* grad_bias) {
  const int64_t n_o = grad_y.size(1), volume = grad_y.size(2) * grad_y.size(3) * grad_y.size(4);
  parallel_for(exec, n_o, 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      double sum = 0.0;
      for (int64_t n = 0; n < grad_y.size(0); ++n)
        sum += plane_sum(grad_y.data + (n * n_o + o) * volume, volume);
      grad_bias[o] += static_cast<float>(sum);
    }
  });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(phased_weight_gradient);
HWY_EXPORT(bias_gradient);

void conv3d_phased_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                    const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                    View5<float> grad_weight, View<float, 1> grad_bias) {
  const View5<const float>& from = grad_y.grad;
  if (grad_weight.data != nullptr) {
    const View5<float> result{const_cast<float*>(from.data), from.extent};  // read only, here
    const View5<const float> kernel{grad_weight.data, grad_weight.extent};
    const PhasedConvolution q = phased_forward(x.first, kernel, params, result);
    HWY_DYNAMIC_DISPATCH(phased_weight_gradient)(exec, q, grad_weight.data);
  }
  if (grad_bias.data != nullptr) HWY_DYNAMIC_DISPATCH(bias_gradient)(exec, from, grad_bias.data);
}

}  // namespace primal::cpu
#endif  // HWY_ONCE
