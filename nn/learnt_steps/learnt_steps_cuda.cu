// Three numbers, each with a thread: what counts is that it is one launch.
#include "nn/learnt_steps/learnt_steps_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 32;

// One value each for sigma, tau and theta. Not an array: an index that is not known when it is compiled would
// move it to local memory.
template <class T>
struct Three {
  T sigma, tau, theta;
  __device__ T of(int i) const { return i == 0 ? sigma : i == 1 ? tau : theta; }
};
template <class T>
struct Grads {
  Three<Global<T>> to;
  Three<bool> wanted;  // `to` is empty where nobody wants a gradient
};

template <class T>
__global__ void forward_kernel(Three<Global<const T>> raw, T a, Global<T> y) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= 3) return;
  const Global<const T> at = raw.of(i);
  const T s = sigmoid_of_step<T>(at[0]);
  y[i] = i < 2 ? a * s : s;
}

template <class T>
__global__ void backward_kernel(Three<Global<const T>> raw, Global<const T> grad_y, T a, Grads<T> grads) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= 3 || !grads.wanted.of(i)) return;
  const Global<const T> at = raw.of(i);
  const Global<T> to = grads.to.of(i);
  to[0] += gradient_of_step<T>(at[0], i < 2 ? a : T(1), grad_y[i]);
}

template <class T>
Three<Global<const T>> raw_of(const std::array<const T*, 3>& raw) {
  const auto at = [&](size_t i) { return global(std::span(raw[i], 1)); };
  return {at(0), at(1), at(2)};
}

template <class T>
void forward(const Exec& exec, const std::array<const T*, 3>& raw, double a, T* y) {
  launch(exec, {.name = "learnt_steps_forward", .grid = dim3(1), .block = dim3(kThreads)}, forward_kernel<T>,
         raw_of<T>(raw), static_cast<T>(a), global(std::span(y, 3)));
}

template <class T>
void backward(const Exec& exec, const std::array<const T*, 3>& raw, const T* grad_y, double a,
              const std::array<T*, 3>& grads) {
  const auto wanted = [&](size_t i) { return grads[i] != nullptr; };
  const auto to = [&](size_t i) { return global(std::span(grads[i], wanted(i) ? 1 : 0)); };
  const Grads<T> all{{to(0), to(1), to(2)}, {wanted(0), wanted(1), wanted(2)}};
  launch(exec, {.name = "learnt_steps_backward", .grid = dim3(1), .block = dim3(kThreads)},
         backward_kernel<T>, raw_of<T>(raw), global(std::span(grad_y, 3)), static_cast<T>(a), all);
}

}  // namespace

const LearntStepsImplementation<float> learnt_steps_threads = {
    {"threads", "a thread for each of the three", kDevice}, nullptr, {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
