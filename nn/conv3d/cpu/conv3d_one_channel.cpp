// conv3d, one_channel: the gradient of the weights of a 3x3 or 3x3x3 kernel that sees a picture or
// a volume of one channel.
//
//   grad_weight[o,0,i,j] += sum over pixels p of grad_y[o,p] x[p + (i,j) - 1]
//
// A 3x3x3 kernel is three of 3x3, each of which sees the plane before, at or after that of grad_y.
//
// Idea: blocked has two channels of x in a tile and takes one row of the kernel at a time; with a single
// channel half its multiply-adds are in vain, and it copies grad_y and reads the copy three times. Here
// a band of rows of the picture is copied with a border of zeros and stays in the first-level cache, and
// the sums of all nine taps of kO outputs are registers, so grad_y, the largest tensor of the network,
// is read once, where it lies, and masked on its way into a register (three times for a 3x3x3 kernel,
// twice of them from a cache).
//   - The bands are split into segments (conv3d_segments.h): work for many threads, the same bits for any
//     number.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_one_channel.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

constexpr int kTaps = 9;  // of a plane
// 18 sums in 32 vector registers or 9 in 16.
constexpr int kTileO = kManyRegisters ? 2 : 1;

// A vector of the gradient, of which n pixels belong to the row; zeros behind them.
HWY_INLINE Vector masked(const MaskedGradient<float>& gradient, const float* at, int64_t n) {
  const Tag tag;
  const float* const y = gradient.mask_of(at);
  const Vector g = get(at, n);
  if (y == nullptr) return g;
  return hn::IfThenElse(hn::Gt(get(y, n), hn::Zero(tag)), g, hn::Mul(hn::Set(tag, gradient.slope), g));
}

// Adds the products of a band for kO outputs to weights, 9 for each output and n_taps apart, and to bias [kO]
// unless that is null. grad_y: the first pixel of the band for each output.
template <int kO>
HWY_NOINLINE void add_band(const MaskedGradient<float>& gradient, const float* const* grad_y, int64_t w,
                           const PackedPatch& x, const Patch& band, int64_t n_taps, float* weights,
                           double* bias) {
  const Tag tag;
  Vector sum[size_t{kO}][kTaps], total[size_t{kO}];
  HWY_UNROLL(2)
  for (int o = 0; o < kO; ++o) {
    total[o] = hn::Zero(tag);
    HWY_UNROLL(9)
    for (int k = 0; k < kTaps; ++k) sum[o][k] = hn::Zero(tag);
  }
  for (int64_t row = 0; row < band.n_rows; ++row) {
    const float* const first_tap = x.at(0, row - 1, -1);
    for (int64_t p = 0; p < w; p += kLanes) {
      Vector g[size_t{kO}];
      HWY_UNROLL(2)
      for (int o = 0; o < kO; ++o) {
        g[o] = masked(gradient, grad_y[o] + row * w + p, w - p);
        total[o] = hn::Add(total[o], g[o]);
      }
      HWY_UNROLL(9)
      for (int k = 0; k < kTaps; ++k) {
        const Vector tap = hn::LoadU(tag, first_tap + k / 3 * x.row_stride + p + k % 3);
        HWY_UNROLL(2)
        for (int o = 0; o < kO; ++o) sum[o][k] = hn::MulAdd(g[o], tap, sum[o][k]);
      }
    }
  }
  HWY_UNROLL(2)
  for (int o = 0; o < kO; ++o) {
    if (bias != nullptr) bias[o] += hn::GetLane(hn::SumOfLanes(tag, total[o]));
    HWY_UNROLL(9)
    for (int k = 0; k < kTaps; ++k) weights[o * n_taps + k] += hn::GetLane(hn::SumOfLanes(tag, sum[o][k]));
  }
}

}  // namespace

void one_channel_weight_gradient(const Exec& exec, const ChannelParts<const float>& x,
                                 const MaskedGradient<float>& grad_y, int64_t n_planes, float* grad_weight,
                                 float* grad_bias) {
  const ChannelParts<const float> gradient{grad_y.grad};
  const View5<const float>& of = grad_y.grad;
  const int64_t n_o = of.size(1), d = of.size(2), h = of.size(3), w = of.size(4);
  const int64_t n_taps = n_planes * kTaps;
  constexpr int64_t kBandPixels = 4096;  // 16 KiB
  constexpr int64_t kBandRows = 16;      // more bands than threads in small pictures too
  const Patches bands(of.size(0), of.size(2), h, w,
                      std::clamp<int64_t>(kBandPixels / std::max<int64_t>(w, 1), 1, kBandRows), w);
  constexpr int64_t kTasks = 16;
  const Segments segments = Segments::split(bands.count(), 1, kTasks);
  const int64_t n_weights = n_o * n_taps, n_sums = n_weights + n_o;
  const Scratch<float> of_segments(exec, segments.count * n_sums);
  float* const all = of_segments.data();  // [segment, n_sums]: the weights, then the bias
  const PackedPatch layout(bands, 1);
  // A vector that starts in the last columns of the last row reads on into the slack.
  const int64_t n_packed = layout.channel_stride + kLanes;
  const int64_t bias_bytes = int64_t{sizeof(double)} * round_up(n_o, 8);
  const int64_t task_bytes = bias_bytes + int64_t{sizeof(float)} * n_packed;
  parallel_for<std::byte>(
      exec, segments.count, 1, task_bytes, [&](int64_t begin, int64_t end, std::byte* task) {
        double* const bias = reinterpret_cast<double*>(task);
        PackedPatch packed = layout;
        packed.data = reinterpret_cast<float*>(task + bias_bytes);
        for (int64_t segment = begin; segment < end; ++segment) {
          float* const weights = all + segment * n_sums;
          std::fill_n(weights, n_weights, 0.0F);
          std::fill_n(bias, n_o, 0.0);
          std::fill_n(packed.data, n_packed, 0.0F);
          for (int64_t index = segments.first(segment); index < segments.last(segment); ++index) {
            const Patch band = bands[index];
            const auto start = [&](int64_t o) {
              return gradient.volume(band.n, o) + (band.d * h + band.h) * w;
            };
            for (int64_t i = 0; i < n_planes; ++i) {
              const int64_t plane = band.d + i - n_planes / 2;
              const bool own = plane == band.d;  // whose sweep over grad_y also gives the bias
              if (plane < 0 || plane >= d) continue;
              packed.copy_channel(0, x.volume(band.n, 0) + plane * h * w, h, w, band, CopyPixels());
              int64_t o = 0;
              for (; o + kTileO <= n_o; o += kTileO) {
                const float* const from[] = {start(o), start(o + kTileO - 1)};
                add_band<kTileO>(grad_y, from, w, packed, band, n_taps, weights + o * n_taps + i * kTaps,
                                 own ? bias + o : nullptr);
              }
              for (; o < n_o; ++o) {
                const float* const from = start(o);
                add_band<1>(grad_y, &from, w, packed, band, n_taps, weights + o * n_taps + i * kTaps,
                            own ? bias + o : nullptr);
              }
            }
          }
          for (int64_t o = 0; o < n_o; ++o) weights[n_weights + o] = static_cast<float>(bias[o]);
        }
      });
  add_segments(exec, segments, all, n_sums, n_weights, grad_weight);
  if (grad_bias != nullptr) add_segments(exec, segments, all + n_weights, n_sums, n_o, grad_bias);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(one_channel_weight_gradient);
namespace {

bool supports(const Conv3dGeometry& g) {
  return g.weight[1] == 1 && g.weight[4] == 3 && conv3d_blocked_supports(g);
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams& params, float slope, View5<float> y) {
  conv3d_blocked.kernels.forward(exec, x, weight, bias, params, slope, y);
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool add, const ChannelParts<float>& grad_x) {
  conv3d_blocked.kernels.backward_data(exec, grad_y, weight, params, add, grad_x);
}

}  // namespace

void conv3d_one_channel_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                         const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                         View5<float> grad_weight, View<float, 1> grad_bias) {
  if (grad_weight.data == nullptr)  // the bias alone
    return conv3d_blocked_backward_weights(exec, x, grad_y, params, grad_weight, grad_bias);
  HWY_DYNAMIC_DISPATCH(one_channel_weight_gradient)
  (exec, x, grad_y, grad_weight.size(2), grad_weight.data, grad_bias.data);
}

const Conv3dImplementation<float> conv3d_one_channel{
    {"one_channel",
     "blocked, but all nine taps of a picture's weights in registers, their gradient read once"},
    supports,
    {forward, backward_data, conv3d_one_channel_backward_weights, true}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
