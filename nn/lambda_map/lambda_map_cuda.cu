// There is one launch for each map, and one thread for each of its cells. Maps that share a head channel add
// to its gradient one launch after the other, in the order of the maps. If there is no gradient yet, the
// first launch writes all channels.
#include <cmath>

#include "nn/lambda_map/lambda_map_kernels.h"
#include "tensor/simt/volumes.h"

namespace primal::PRIMAL_SIMT {
namespace {

// f of h and f' of f(h), as in lambda_map_reference.cpp.
template <class T>
struct Softplus {
  T scale;
  __device__ T value(T h) const { return scale * (h > 20 ? h : std::log1p(std::exp(h))); }
  __device__ T gradient(T grad_map, T map) const { return -(grad_map * scale * std::expm1(-map / scale)); }
};

template <class T>
struct Sigmoid {
  T up_bound;
  __device__ T value(T h) const {
    const T e = std::exp(-std::abs(h));
    return up_bound * (h >= 0 ? 1 / (1 + e) : e / (1 + e));
  }
  __device__ T gradient(T grad_map, T map) const { return grad_map * map * (1 - map / up_bound); }
};

// Which volume of head [N,C,..] belongs to one of Lambda [N,n_maps,..].
struct Channels {
  int64_t n_batch, volume, n_channels, channel, n_maps, map;
  __device__ int64_t head(int64_t n) const { return (n * n_channels + channel) * volume; }
  __device__ int64_t lambda(int64_t n) const { return (n * n_maps + map) * volume; }
};

template <class T, class F>
__global__ void forward_kernel(F f, Global<const T> head, Channels at, Global<T> lambda) {
  const int64_t i = cell_of_thread();
  if (i >= at.volume) return;
  for (int64_t n = blockIdx.y; n < at.n_batch; n += gridDim.y)
    lambda[at.lambda(n) + i] = f.value(head[at.head(n) + i]);
}

template <class T, class F>
__global__ void backward_kernel(F f, Global<const T> lambda, Global<const T> grad_lambda, Channels at,
                                bool add, Global<T> grad_head) {
  const int64_t i = cell_of_thread();
  if (i >= at.volume) return;
  for (int64_t n = blockIdx.y; n < at.n_batch; n += gridDim.y) {
    const int64_t from = at.lambda(n) + i;
    const T gradient = f.gradient(grad_lambda[from], lambda[from]);
    if (add) {
      grad_head[at.head(n) + i] += gradient;
      continue;
    }
    for (int64_t c = 0; c < at.n_channels; ++c)
      grad_head[(n * at.n_channels + c) * at.volume + i] = c == at.channel ? T(0) + gradient : T(0);
  }
}

// Calls use(f, channels, grid) for each map with the function that makes it.
template <class T, class Head, class Use>
void for_each_map(View5<Head> head, const LambdaMapParams& params, const Use& use) {
  const int64_t n_batch = head.size(0), volume = head.size(2) * head.size(3) * head.size(4);
  if (n_batch * volume == 0) return;
  const int64_t n_maps = std::ssize(params.channel);
  for (int64_t a = 0; a < n_maps; ++a) {
    const Channels at = {n_batch, volume, head.size(1), params.channel[static_cast<size_t>(a)], n_maps, a};
    const dim3 grid = volume_grid(volume, n_batch, 1);
    if (params.up_bound > 0.0) {
      use(Sigmoid<T>{static_cast<T>(params.up_bound)}, at, grid);
    } else {
      use(Softplus<T>{static_cast<T>(params.scale)}, at, grid);
    }
  }
}

template <class T>
void forward(const Exec& exec, View5<const T> head, const LambdaMapParams& params, View5<T> lambda) {
  for_each_map<T>(head, params, [&]<class F>(const F& f, const Channels& at, const dim3& grid) {
    launch(exec, {.name = "lambda_map_forward", .grid = grid, .block = kVolumeThreads}, forward_kernel<T, F>,
           f, global(head.flat()), at, global(lambda.flat()));
  });
}

template <class T>
void add_gradient(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                  const LambdaMapParams& params, bool anew, View5<T> grad_head) {
  for_each_map<T>(grad_head, params, [&]<class F>(const F& f, const Channels& at, const dim3& grid) {
    launch(exec, {.name = "lambda_map_backward", .grid = grid, .block = kVolumeThreads},
           backward_kernel<T, F>, f, global(lambda.flat()), global(grad_lambda.flat()), at,
           !anew || at.map > 0, global(grad_head.flat()));
  });
}

template <class T>
void backward(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
              const LambdaMapParams& params, View5<T> grad_head) {
  add_gradient(exec, lambda, grad_lambda, params, false, grad_head);
}
template <class T>
void backward_anew(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                   const LambdaMapParams& params, View5<T> grad_head) {
  add_gradient(exec, lambda, grad_lambda, params, true, grad_head);
}

bool anything(const LambdaMapGeometry&) { return true; }

}  // namespace

const LambdaMapImplementation<float> lambda_map_elementwise = {
    {"elementwise", "one thread for each cell of a map", kDevice},
    anything,
    {forward<float>, backward<float>, backward_anew<float>}};

}  // namespace primal::PRIMAL_SIMT
