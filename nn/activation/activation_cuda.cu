// One thread for each element. Each element is read and written once, so the speed is that of the memory;
// neighbouring threads read and write the same sectors.
#include <cmath>

#include "nn/activation/activation_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

// y of x and dy/dx of what is saved, as in activation_reference.cpp.
template <class T>
struct Relu {
  __device__ T value(T x) const { return x > 0 ? x : T(0); }
  __device__ T derivative(T y) const { return y > 0 ? T(1) : T(0); }
};

template <class T>
struct LeakyRelu {
  T slope;
  __device__ T value(T x) const { return x * derivative(x); }
  __device__ T derivative(T y) const { return y > 0 ? T(1) : slope; }
};

template <class T>
struct Sigmoid {
  // exp of a negative number only: no overflow at either end.
  __device__ T value(T x) const {
    const T e = std::exp(-std::abs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
  }
  __device__ T derivative(T y) const { return y * (1 - y); }
};

template <class T>
struct Softplus {
  T beta, threshold;
  // log(1 + exp(b)) = b + log(1 + exp(-b)): any threshold will do.
  __device__ T value(T x) const {
    const T b = beta * x;
    if (b > threshold) return x;
    const T rest = std::log1p(std::exp(-std::abs(b))) / beta;
    return b >= 0 ? x + rest : rest;
  }
  __device__ T derivative(T x) const { return beta * x > threshold ? T(1) : Sigmoid<T>{}.value(beta * x); }
};

template <class T, class F>
__global__ void forward_kernel(F f, Global<const T> x, Global<T> y, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) y[i] = f.value(x[i]);
}

template <class T, class F>
__global__ void backward_kernel(F f, Global<const T> saved, Global<const T> grad_y, Global<T> grad_x,
                                int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) grad_x[i] += grad_y[i] * f.derivative(saved[i]);
}

// Calls `use` with the functions of that kind.
template <class T, class Use>
void with_functions(const ActivationParams& params, const Use& use) {
  const T slope = static_cast<T>(params.slope), beta = static_cast<T>(params.beta);
  switch (params.kind) {
    case ActivationKind::relu:
      return use(Relu<T>{});
    case ActivationKind::leaky_relu:
      return use(LeakyRelu<T>{slope});
    case ActivationKind::sigmoid:
      return use(Sigmoid<T>{});
    case ActivationKind::softplus:
      return use(Softplus<T>{beta, static_cast<T>(params.threshold)});
  }
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, const ActivationParams& params, std::span<T> y) {
  const int64_t n = std::ssize(x);
  if (n == 0) return;
  with_functions<T>(params, [&]<class F>(const F& f) {
    launch(exec, {.name = "activation_forward", .grid = blocks_for(n, kThreads), .block = kThreads},
           forward_kernel<T, F>, f, global(x), global(y), n);
  });
}

template <class T>
void backward(const Exec& exec, std::span<const T> saved, std::span<const T> grad_y,
              const ActivationParams& params, std::span<T> grad_x) {
  const int64_t n = std::ssize(saved);
  if (n == 0) return;
  with_functions<T>(params, [&]<class F>(const F& f) {
    launch(exec, {.name = "activation_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
           backward_kernel<T, F>, f, global(saved), global(grad_y), global(grad_x), n);
  });
}

}  // namespace

const ActivationImplementation<float> activation_elementwise = {
    {"elementwise", "one thread for each element", kDevice}, nullptr, {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
