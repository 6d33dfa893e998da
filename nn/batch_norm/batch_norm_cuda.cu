// A channel is cut into chunks, each a block's, so that a few channels of many pixels keep the device busy. A
// block holds its chunk in registers, takes the mean and then the squares around it, so nothing cancels; a
// block for each channel puts the chunks together (Chan's formula) and finishes the channel. Backward sums
// the same way. All sums are trees in double, cut by the shape alone.
#include <cmath>

#include "nn/batch_norm/batch_norm_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int kValues = 8;  // of a thread
constexpr int64_t kChunk = kValues * kThreads;

// Where the M = N S values of a channel lie in [N,C,S], and the chunks that they are cut into.
struct Layout {
  int64_t n_batch, n_channels, n_pixels;

  __host__ __device__ int64_t count() const { return n_batch * n_pixels; }
  __host__ __device__ int64_t n_chunks() const { return (count() + kChunk - 1) / kChunk; }
  __device__ int64_t element(int64_t c, int64_t m) const {
    return (m / n_pixels * n_channels + c) * n_pixels + m % n_pixels;
  }
  // Value `u` of this thread in its block's chunk.
  __device__ int64_t value(int u) const { return blockIdx.x * kChunk + u * kThreads + threadIdx.x; }
  dim3 chunks_and_channels() const {
    constexpr int64_t kMost = 65535;
    return grid_of(n_chunks(), n_channels < kMost ? n_channels : kMost);
  }
};

template <class T>
Layout layout_of(const View<T, 3>& x) {
  return {x.size(0), x.size(1), x.size(2)};
}

// What finishes a channel, as arrays over the channels.
template <class T>
struct Channels {
  Global<const T> weight, bias;
  Global<T> running_mean, running_var;
  Global<double> mean, r, weight_out, scale, shift;
  bool has_weight, has_bias;
  double eps;

  __device__ void finish(int64_t c, double centre, double var) const {
    const double gain = has_weight ? static_cast<double>(weight[c]) : 1.0;
    const double inverse = 1.0 / std::sqrt(var + eps);
    mean[c] = centre;
    r[c] = inverse;
    weight_out[c] = gain;
    scale[c] = gain * inverse;
    shift[c] = (has_bias ? static_cast<double>(bias[c]) : 0.0) - gain * inverse * centre;
  }
};

template <class T>
Channels<T> channels_of(const BatchNormState<T>& state, const BatchNormParams& params,
                        const BatchNormChannels& out) {
  Channels<T> channels;
  channels.weight = global(state.weight);
  channels.bias = global(state.bias);
  channels.running_mean = global(state.running_mean);
  channels.running_var = global(state.running_var);
  channels.mean = global(out.mean);
  channels.r = global(out.r);
  channels.weight_out = global(out.weight);
  channels.scale = global(out.scale);
  channels.shift = global(out.shift);
  channels.has_weight = !state.weight.empty();
  channels.has_bias = !state.bias.empty();
  channels.eps = params.eps;
  return channels;
}

// partial [C,n_chunks,2]: mean of a chunk and the sum of its squared differences from it.
template <class T>
__global__ void chunk_statistics_kernel(Global<const T> x, Layout at, Global<double> partial) {
  const int64_t left = at.count() - blockIdx.x * kChunk, n = left < kChunk ? left : kChunk;
  for (int64_t c = blockIdx.y; c < at.n_channels; c += gridDim.y) {
    double values[kValues], sum = 0.0;
#pragma unroll
    for (int u = 0; u < kValues; ++u) {
      const int64_t m = at.value(u);
      values[u] = m < at.count() ? static_cast<double>(x[at.element(c, m)]) : 0.0;
      sum += values[u];
    }
    const double centre = block_sum(sum) / static_cast<double>(n);
    double squares = 0.0;
#pragma unroll
    for (int u = 0; u < kValues; ++u) {
      const double difference = values[u] - centre;
      if (at.value(u) < at.count()) squares += difference * difference;
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
      const int64_t chunk = 2 * (c * at.n_chunks() + blockIdx.x);
      partial[chunk] = centre;
      partial[chunk + 1] = squares;
    }
  }
}

// One block for each channel.
template <class T>
__global__ void channel_statistics_kernel(Global<const double> partial, Layout at, double momentum,
                                          Channels<T> channels) {
  const int64_t c = blockIdx.x, n_chunks = at.n_chunks();
  const double count = static_cast<double>(at.count());
  const auto size_of_chunk = [&](int64_t k) {
    const int64_t left = at.count() - k * kChunk;
    return static_cast<double>(left < kChunk ? left : kChunk);
  };
  double sum = 0.0;
  for (int64_t k = threadIdx.x; k < n_chunks; k += kThreads)
    sum += size_of_chunk(k) * partial[2 * (c * n_chunks + k)];
  const double centre = block_sum(sum) / count;
  double squares = 0.0;
  for (int64_t k = threadIdx.x; k < n_chunks; k += kThreads) {
    const int64_t chunk = 2 * (c * n_chunks + k);
    const double difference = partial[chunk] - centre;
    squares += partial[chunk + 1] + size_of_chunk(k) * difference * difference;
  }
  const double var = block_sum(squares) / count;
  if (threadIdx.x != 0) return;
  const double before_mean = static_cast<double>(channels.running_mean[c]);
  const double before_var = static_cast<double>(channels.running_var[c]);
  channels.running_mean[c] = static_cast<T>((1.0 - momentum) * before_mean + momentum * centre);
  channels.running_var[c] =
      static_cast<T>((1.0 - momentum) * before_var + momentum * (count / (count - 1.0)) * var);
  channels.finish(c, centre, var);
}

template <class T>
__global__ void running_kernel(int64_t n_channels, Channels<T> channels) {
  const int64_t c = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (c >= n_channels) return;
  channels.finish(c, static_cast<double>(channels.running_mean[c]),
                  static_cast<double>(channels.running_var[c]));
}

template <class T>
__global__ void forward_kernel(Global<const T> x, Layout at, Global<const double> scale,
                               Global<const double> shift, Global<T> y, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const int64_t c = i / at.n_pixels % at.n_channels;
  y[i] = static_cast<T>(scale[c] * static_cast<double>(x[i]) + shift[c]);
}

// partial [C,n_chunks,2]: sums of grad_y and of grad_y u over a chunk, u = (x - mean) r.
template <class T>
__global__ void chunk_gradients_kernel(Global<const T> x, Global<const T> grad_y, Layout at,
                                       Global<const double> mean, Global<const double> r,
                                       Global<double> partial) {
  for (int64_t c = blockIdx.y; c < at.n_channels; c += gridDim.y) {
    const double centre = mean[c], inverse = r[c];
    double sum_g = 0.0, sum_gu = 0.0;
#pragma unroll
    for (int u = 0; u < kValues; ++u) {
      const int64_t m = at.value(u);
      if (m >= at.count()) continue;
      const int64_t i = at.element(c, m);
      const double g = static_cast<double>(grad_y[i]);
      sum_g += g;
      sum_gu += g * ((static_cast<double>(x[i]) - centre) * inverse);
    }
    sum_g = block_sum(sum_g);
    sum_gu = block_sum(sum_gu);
    if (threadIdx.x == 0) {
      const int64_t chunk = 2 * (c * at.n_chunks() + blockIdx.x);
      partial[chunk] = sum_g;
      partial[chunk + 1] = sum_gu;
    }
  }
}

// One block for each channel; sums [C,2] as partial.
template <class T>
__global__ void channel_gradients_kernel(Global<const double> partial, Layout at, bool has_grad_weight,
                                         Global<T> grad_weight, bool has_grad_bias, Global<T> grad_bias,
                                         Global<double> sums) {
  const int64_t c = blockIdx.x, n_chunks = at.n_chunks();
  double sum_g = 0.0, sum_gu = 0.0;
  for (int64_t k = threadIdx.x; k < n_chunks; k += kThreads) {
    sum_g += partial[2 * (c * n_chunks + k)];
    sum_gu += partial[2 * (c * n_chunks + k) + 1];
  }
  sum_g = block_sum(sum_g);
  sum_gu = block_sum(sum_gu);
  if (threadIdx.x != 0) return;
  sums[2 * c] = sum_g;
  sums[2 * c + 1] = sum_gu;
  if (has_grad_weight) grad_weight[c] += static_cast<T>(sum_gu);
  if (has_grad_bias) grad_bias[c] += static_cast<T>(sum_g);
}

template <class T>
__global__ void backward_kernel(Global<const T> x, Global<const T> grad_y, Layout at,
                                Global<const double> mean, Global<const double> r,
                                Global<const double> weight, bool training, Global<const double> sums,
                                Global<T> grad_x, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const int64_t c = i / at.n_pixels % at.n_channels;
  const double count = static_cast<double>(at.count());
  const double mean_g = training ? sums[2 * c] / count : 0.0;
  const double mean_gu = training ? sums[2 * c + 1] / count : 0.0;
  const double u = (static_cast<double>(x[i]) - mean[c]) * r[c];
  grad_x[i] += static_cast<T>(weight[c] * r[c] * (static_cast<double>(grad_y[i]) - mean_g - u * mean_gu));
}

template <class T>
void prepare(const Exec& exec, View<const T, 3> x, const BatchNormState<T>& state,
             const BatchNormParams& params, const BatchNormChannels& out) {
  const Layout at = layout_of(x);
  if (at.n_channels == 0) return;
  const Channels<T> channels = channels_of(state, params, out);
  if (!params.training) {
    launch(exec,
           {.name = "batch_norm_running", .grid = blocks_for(at.n_channels, kThreads), .block = kThreads},
           running_kernel<T>, at.n_channels, channels);
    return;
  }
  const Scratch<double> partial(exec, 2 * at.n_channels * at.n_chunks());
  launch(exec, {.name = "batch_norm_chunks", .grid = at.chunks_and_channels(), .block = kThreads},
         chunk_statistics_kernel<T>, global(x.flat()), at, global(partial.span()));
  launch(exec, {.name = "batch_norm_channels", .grid = grid_of(at.n_channels), .block = kThreads},
         channel_statistics_kernel<T>, global(partial.span()), at, params.momentum, channels);
}

template <class T>
void forward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, View<T, 3> y) {
  const int64_t n = x.numel();
  if (n == 0) return;
  launch(exec, {.name = "batch_norm_forward", .grid = blocks_for(n, kThreads), .block = kThreads},
         forward_kernel<T>, global(x.flat()), layout_of(x), global(channels.scale), global(channels.shift),
         global(y.flat()), n);
}

template <class T>
void backward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, bool training,
              View<const T, 3> grad_y, View<T, 3> grad_x, std::span<T> grad_weight, std::span<T> grad_bias) {
  const Layout at = layout_of(x);
  const int64_t n = x.numel();
  if (n == 0) return;  // the sums are 0
  const Scratch<double> partial(exec, 2 * at.n_channels * at.n_chunks()), sums(exec, 2 * at.n_channels);
  launch(exec, {.name = "batch_norm_chunk_sums", .grid = at.chunks_and_channels(), .block = kThreads},
         chunk_gradients_kernel<T>, global(x.flat()), global(grad_y.flat()), at, global(channels.mean),
         global(channels.r), global(partial.span()));
  launch(exec, {.name = "batch_norm_channel_sums", .grid = grid_of(at.n_channels), .block = kThreads},
         channel_gradients_kernel<T>, global(partial.span()), at, !grad_weight.empty(), global(grad_weight),
         !grad_bias.empty(), global(grad_bias), global(sums.span()));
  if (grad_x.data == nullptr) return;
  launch(exec, {.name = "batch_norm_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_kernel<T>, global(x.flat()), global(grad_y.flat()), at, global(channels.mean),
         global(channels.r), global(channels.weight), training, global(sums.span()), global(grad_x.flat()),
         n);
}

bool anything(const OnlyShape&) { return true; }

}  // namespace

const BatchNormImplementation<float> batch_norm_chunks = {
    {"chunks", "a block for each chunk of a channel, sums in double, in a tree", kDevice},
    anything,
    {prepare<float>, forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
