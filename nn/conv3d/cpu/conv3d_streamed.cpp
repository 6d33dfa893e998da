// conv3d, streamed: 1x1x1 kernels with few output channels, the network's head.
//
// Idea: with a handful of outputs for each input there is little to compute, and the time is that of
// reading x or writing grad_x once. A chunk of pixels of the few channels stays in the first-level cache
// while the many are read, or written, one after the other from front to back, without a copy.
//   - forward: four channels of x at a time are added to the chunk of y;
//   - backward_data: each channel of grad_x is a sum of the few of grad_y;
//   - backward_weights: a vector of partial sums for each weight, over the chunks of a segment
//     (conv3d_segments.h).
// Each pixel is the same sequence of operations wherever it lies.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_streamed.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/float_vector-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_CONV3D_STREAMED_SHARED
#define PRIMAL_NN_CONV3D_STREAMED_SHARED
namespace primal::cpu {

constexpr int kMaxStreamedO = 4;  // output channels

// The pixels [begin, begin + n) of sample `sample`.
struct PixelChunk {
  static constexpr int64_t kPixels = 2048;  // 8 KiB of a channel
  int64_t sample, begin, n;

  PixelChunk(int64_t index, int64_t n_pixels)
      : sample(index / count(n_pixels)),
        begin(index % count(n_pixels) * kPixels),
        n(std::min(kPixels, n_pixels - begin)) {}
  static int64_t count(int64_t n_pixels) { return (n_pixels + kPixels - 1) / kPixels; }
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// Calls body(i, n) for each vector of n_pixels pixels, of which n are left.
template <class Body>
HWY_INLINE void for_each_vector(int64_t n_pixels, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= n_pixels; i += kLanes) body(i, kLanes);
  if (i < n_pixels) body(i, n_pixels - i);
}

// y[o] (+)= the sum over kC channels of weight[o][c] x[c], for a chunk. The first ones start from the bias,
// the last ones apply the activation.
template <int kO, int kC>
void add_channels(const float* const (&x)[size_t{kC}], const float (&weight)[size_t{kO}][size_t{kC}],
                  const float* bias, bool last, float slope, int64_t n_pixels,
                  float* const (&y)[size_t{kO}]) {
  const Tag tag;
  for_each_vector(n_pixels, [&](int64_t i, int64_t n) HWY_ATTR {
    Vector sum[size_t{kO}];
    HWY_UNROLL(4)
    for (int o = 0; o < kO; ++o) sum[o] = bias != nullptr ? hn::Set(tag, bias[o]) : get(y[o] + i, n);
    HWY_UNROLL(4)
    for (int c = 0; c < kC; ++c) {
      const Vector v = get(x[c] + i, n);
      HWY_UNROLL(4)
      for (int o = 0; o < kO; ++o) sum[o] = hn::MulAdd(hn::Set(tag, weight[o][c]), v, sum[o]);
    }
    HWY_UNROLL(4)
    for (int o = 0; o < kO; ++o) {
      const Vector scaled = hn::Mul(hn::Set(tag, slope), sum[o]);
      put(last ? hn::IfThenElse(hn::Gt(sum[o], hn::Zero(tag)), sum[o], scaled) : sum[o], n, y[o] + i);
    }
  });
}

template <int kO, int kC>
void add_channels_from(const ChannelParts<const float>& x, int64_t first, const float* weight,
                       const float* bias, float slope, const PixelChunk& chunk,
                       float* const (&y)[size_t{kO}]) {
  const int64_t n_c = x.count();
  const float* from[size_t{kC}];
  float weights[size_t{kO}][size_t{kC}];
  for (int c = 0; c < kC; ++c) {
    from[c] = x.volume(chunk.sample, first + c) + chunk.begin;
    for (int o = 0; o < kO; ++o) weights[o][c] = weight[o * n_c + first + c];
  }
  add_channels<kO, kC>(from, weights, first == 0 ? bias : nullptr, first + kC == n_c, slope, chunk.n, y);
}

template <int kO>
void forward(const Exec& exec, const ChannelParts<const float>& x, const float* weight, const float* bias,
             float slope, View5<float> y) {
  const int64_t n_pixels = y.size(2) * y.size(3) * y.size(4);
  float start[size_t{kO}] = {};
  if (bias != nullptr) std::copy_n(bias, kO, start);
  parallel_for(exec, y.size(0) * PixelChunk::count(n_pixels), 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const PixelChunk chunk(task, n_pixels);
      float* to[size_t{kO}];
      for (int o = 0; o < kO; ++o) to[o] = y.data + (chunk.sample * kO + o) * n_pixels + chunk.begin;
      int64_t c = 0;
      for (; c + 4 <= x.count(); c += 4) add_channels_from<kO, 4>(x, c, weight, start, slope, chunk, to);
      for (; c < x.count(); ++c) add_channels_from<kO, 1>(x, c, weight, start, slope, chunk, to);
    }
  });
}

// The gradient of a chunk of each output channel, masked: where it lies, or in `copy` [kO, kPixels].
template <int kO>
void masked_rows(const MaskedGradient<float>& grad_y, const PixelChunk& chunk, float* copy,
                 const float* (&rows)[size_t{kO}]) {
  const ChannelParts<const float> channels{grad_y.grad};
  for (int o = 0; o < kO; ++o) {
    rows[o] = channels.volume(chunk.sample, o) + chunk.begin;
    if (grad_y.y == nullptr) continue;
    CopyMasked{grad_y}(rows[o], chunk.n, copy + o * PixelChunk::kPixels);
    rows[o] = copy + o * PixelChunk::kPixels;
  }
}

template <int kO>
void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, const float* weight, bool add,
                   const ChannelParts<float>& grad_x) {
  const View5<const float>& of = grad_y.grad;
  const int64_t n_pixels = of.size(2) * of.size(3) * of.size(4), n_c = grad_x.count();
  constexpr int64_t kCopyFloats = kO * PixelChunk::kPixels;
  const int64_t n_tasks = of.size(0) * PixelChunk::count(n_pixels);
  parallel_for<float>(exec, n_tasks, 1, kCopyFloats, [&](int64_t begin, int64_t end, float* copy) {
    const Tag tag;
    for (int64_t task = begin; task < end; ++task) {
      const PixelChunk chunk(task, n_pixels);
      const float* rows[size_t{kO}];
      masked_rows<kO>(grad_y, chunk, copy, rows);
      for (int64_t c = 0; c < n_c; ++c) {
        float* const to = grad_x.volume(chunk.sample, c) + chunk.begin;
        Vector weights[size_t{kO}];
        HWY_UNROLL(4)
        for (int o = 0; o < kO; ++o) weights[o] = hn::Set(tag, weight[o * n_c + c]);
        for_each_vector(chunk.n, [&](int64_t i, int64_t n) HWY_ATTR {
          Vector sum = hn::Zero(tag);
          HWY_UNROLL(4)
          for (int o = 0; o < kO; ++o) sum = hn::MulAdd(weights[o], get(rows[o] + i, n), sum);
          put(add ? hn::Add(get(to + i, n), sum) : sum, n, to + i);
        });
      }
    }
  });
}

// sums [kO, n_c] of vectors += the products of a chunk, for kC channels of x from c on.
template <int kO, int kC>
void add_products(const float* const (&rows)[size_t{kO}], const ChannelParts<const float>& x, int64_t c,
                  const PixelChunk& chunk, float* sums) {
  const Tag tag;
  const int64_t n_c = x.count();
  const float* from[size_t{kC}];
  Vector sum[size_t{kO}][size_t{kC}];
  HWY_UNROLL(4)
  for (int k = 0; k < kC; ++k) {
    from[k] = x.volume(chunk.sample, c + k) + chunk.begin;
    HWY_UNROLL(4)
    for (int o = 0; o < kO; ++o) sum[o][k] = hn::Load(tag, sums + (o * n_c + c + k) * kLanes);
  }
  for_each_vector(chunk.n, [&](int64_t i, int64_t n) HWY_ATTR {
    Vector g[size_t{kO}];
    HWY_UNROLL(4)
    for (int o = 0; o < kO; ++o) g[o] = get(rows[o] + i, n);
    HWY_UNROLL(4)
    for (int k = 0; k < kC; ++k) {
      const Vector v = get(from[k] + i, n);
      HWY_UNROLL(4)
      for (int o = 0; o < kO; ++o) sum[o][k] = hn::MulAdd(g[o], v, sum[o][k]);
    }
  });
  HWY_UNROLL(4)
  for (int k = 0; k < kC; ++k) {
    HWY_UNROLL(4)
    for (int o = 0; o < kO; ++o) hn::Store(sum[o][k], tag, sums + (o * n_c + c + k) * kLanes);
  }
}

float sum_of(const float* row, int64_t n_pixels) {
  const Tag tag;
  Vector sum = hn::Zero(tag);
  for_each_vector(n_pixels, [&](int64_t i, int64_t n) HWY_ATTR { sum = hn::Add(sum, get(row + i, n)); });
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

template <int kO>
void backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                      const MaskedGradient<float>& grad_y, float* grad_weight, float* grad_bias) {
  const View5<const float>& of = grad_y.grad;
  const int64_t n_pixels = of.size(2) * of.size(3) * of.size(4);
  const int64_t n_c = grad_weight != nullptr ? x.count() : 0, n_weights = kO * n_c, n_sums = n_weights + kO;
  constexpr int64_t kTasks = 16;
  const Segments segments = Segments::split(of.size(0) * PixelChunk::count(n_pixels), 1, kTasks);
  const Scratch<float> of_segments(exec, segments.count * n_sums);
  float* const all = of_segments.data();  // [segment, n_sums]: the weights, then the bias
  const int64_t n_lanes = n_weights * kLanes;
  const int64_t task_floats = n_lanes + kO * PixelChunk::kPixels;
  parallel_for<float>(exec, segments.count, 1, task_floats, [&](int64_t begin, int64_t end, float* sums) {
    float* const copy = sums + n_lanes;
    for (int64_t segment = begin; segment < end; ++segment) {
      std::fill_n(sums, n_lanes, 0.0F);
      double bias[size_t{kO}] = {};  // of chunks: gradients of a bias cancel more than others
      for (int64_t index = segments.first(segment); index < segments.last(segment); ++index) {
        const PixelChunk chunk(index, n_pixels);
        const float* rows[size_t{kO}];
        masked_rows<kO>(grad_y, chunk, copy, rows);
        int64_t c = 0;
        for (; c + 4 <= n_c; c += 4) add_products<kO, 4>(rows, x, c, chunk, sums);
        for (; c < n_c; ++c) add_products<kO, 1>(rows, x, c, chunk, sums);
        for (int o = 0; o < kO && grad_bias != nullptr; ++o) bias[o] += sum_of(rows[o], chunk.n);
      }
      float* const to = all + segment * n_sums;
      for (int64_t k = 0; k < n_weights; ++k)
        to[k] = hn::GetLane(hn::SumOfLanes(Tag(), hn::Load(Tag(), sums + k * kLanes)));
      for (int o = 0; o < kO; ++o) to[n_weights + o] = static_cast<float>(bias[o]);
    }
  });
  add_segments(exec, segments, all, n_sums, n_weights, grad_weight);
  if (grad_bias != nullptr) add_segments(exec, segments, all + n_weights, n_sums, kO, grad_bias);
}

// Calls f.template operator()<O>().
template <class F>
void with_outputs(int64_t n_o, const F& f) {
  static_assert(kMaxStreamedO == 4);
  if (n_o == 1) return f.template operator()<1>();
  if (n_o == 2) return f.template operator()<2>();
  if (n_o == 3) return f.template operator()<3>();
  f.template operator()<4>();
}

}  // namespace

void streamed_forward(const Exec& exec, const ChannelParts<const float>& x, const float* weight,
                      const float* bias, float slope, View5<float> y) {
  with_outputs(y.size(1), [&]<int kO>() { forward<kO>(exec, x, weight, bias, slope, y); });
}

void streamed_backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, const float* weight,
                            bool add, const ChannelParts<float>& grad_x) {
  with_outputs(grad_y.grad.size(1), [&]<int kO>() { backward_data<kO>(exec, grad_y, weight, add, grad_x); });
}

void streamed_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                               const MaskedGradient<float>& grad_y, float* grad_weight, float* grad_bias) {
  with_outputs(grad_y.grad.size(1),
               [&]<int kO>() { backward_weights<kO>(exec, x, grad_y, grad_weight, grad_bias); });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(streamed_forward);
HWY_EXPORT(streamed_backward_data);
HWY_EXPORT(streamed_backward_weights);
namespace {

bool supports(const Conv3dGeometry& g) {
  return g.weight[4] == 1 && conv3d_blocked_supports(g) && g.weight[0] <= kMaxStreamedO;
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  HWY_DYNAMIC_DISPATCH(streamed_forward)(exec, x, weight.data, bias.data, slope, y);
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x) {
  HWY_DYNAMIC_DISPATCH(streamed_backward_data)(exec, grad_y, weight.data, add, grad_x);
}

void backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                      const MaskedGradient<float>& grad_y, const Conv3dParams&, View5<float> grad_weight,
                      View<float, 1> grad_bias) {
  HWY_DYNAMIC_DISPATCH(streamed_backward_weights)(exec, x, grad_y, grad_weight.data, grad_bias.data);
}

}  // namespace

const Conv3dImplementation<float> conv3d_streamed{
    {"streamed", "few outputs in the first-level cache, channels of x one after the other past them"},
    supports,
    {forward, backward_data, backward_weights, true}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
