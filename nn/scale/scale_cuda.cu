// One thread for each element.
#include "nn/scale/scale_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void forward_kernel(Global<const T> x, T a, Global<T> y, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) y[i] = a * x[i];
}

template <class T>
__global__ void backward_kernel(Global<const T> grad_y, T a, Global<T> grad_x, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) grad_x[i] += a * grad_y[i];
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, double a, std::span<T> y) {
  const int64_t n = std::ssize(x);
  if (n == 0) return;
  launch(exec, {.name = "scale_forward", .grid = blocks_for(n, kThreads), .block = kThreads},
         forward_kernel<T>, global(x), static_cast<T>(a), global(y), n);
}

template <class T>
void backward(const Exec& exec, std::span<const T> grad_y, double a, std::span<T> grad_x) {
  const int64_t n = std::ssize(grad_y);
  if (n == 0) return;
  launch(exec, {.name = "scale_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_kernel<T>, global(grad_y), static_cast<T>(a), global(grad_x), n);
}

}  // namespace

const ScaleImplementation<float> scale_elementwise = {
    {"elementwise", "one thread for each element", kDevice}, nullptr, {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
