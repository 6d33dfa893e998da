// Three numbers, each with a thread: what counts is that it is one launch.
#include "nn/learnt_steps/learnt_steps_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 32;

template <class T>
struct Raw {
  Global<const T> of[3];
};
// Empty where nobody wants a gradient.
template <class T>
struct Grads {
  Global<T> of[3];
  bool wanted[3];
};

template <class T>
__global__ void forward_kernel(Raw<T> raw, T a, Global<T> y) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= 3) return;
  const Global<const T> at = raw.of[i];
  const T s = sigmoid_of_step<T>(at[0]);
  y[i] = i < 2 ? a * s : s;
}

template <class T>
__global__ void backward_kernel(Raw<T> raw, Global<const T> grad_y, T a, Grads<T> grads) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= 3 || !grads.wanted[i]) return;
  const Global<const T> at = raw.of[i];
  const Global<T> to = grads.of[i];
  to[0] += gradient_of_step<T>(at[0], i < 2 ? a : T(1), grad_y[i]);
}

template <class T>
Raw<T> raw_of(const std::array<const T*, 3>& raw) {
  Raw<T> all;
  for (size_t i = 0; i < 3; ++i) all.of[i] = global(std::span(raw[i], 1));
  return all;
}

template <class T>
void forward(const Exec& exec, const std::array<const T*, 3>& raw, double a, T* y) {
  launch(exec, {.name = "learnt_steps_forward", .grid = dim3(1), .block = dim3(kThreads)}, forward_kernel<T>,
         raw_of<T>(raw), static_cast<T>(a), global(std::span(y, 3)));
}

template <class T>
void backward(const Exec& exec, const std::array<const T*, 3>& raw, const T* grad_y, double a,
              const std::array<T*, 3>& grads) {
  Grads<T> all{};
  for (size_t i = 0; i < 3; ++i) {
    all.wanted[i] = grads[i] != nullptr;
    all.of[i] = global(std::span(grads[i], all.wanted[i] ? 1 : 0));
  }
  launch(exec, {.name = "learnt_steps_backward", .grid = dim3(1), .block = dim3(kThreads)},
         backward_kernel<T>, raw_of<T>(raw), global(std::span(grad_y, 3)), static_cast<T>(a), all);
}

}  // namespace

const LearntStepsImplementation<float> learnt_steps_threads = {
    {"threads", "a thread for each of the three", kDevice}, nullptr, {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
