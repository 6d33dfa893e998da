// The sum in two launches, as mse_loss_cuda.cu has it: every block adds the terms of its own kChunk elements
// in double, then one block adds the blocks' sums, so that the bits do not change from run to run. Backward
// takes one thread for each element, and reads the gradient of the loss, sigma and eps on the device.
#include "nn/sure_loss/sure_loss_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 4 * kThreads;  // elements of a block

template <class T>
struct Pictures {
  Global<const T> f, h, z, b;  // [n] each
};

template <class T>
struct Noise {
  Global<const T> sigma, eps;  // [N] or [1]
  int64_t sigma_each, eps_each;

  __device__ double sigma_at(int64_t i) const { return static_cast<double>(sigma[i / sigma_each]); }
  __device__ double eps_at(int64_t i) const { return static_cast<double>(eps[i / eps_each]); }
};

template <class T>
__global__ void terms_kernel(Pictures<T> p, Noise<T> noise, Global<double> partial, int64_t n) {
  const int64_t begin = blockIdx.x * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
  double sum = 0.0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const double sigma = noise.sigma_at(i), here = static_cast<double>(p.f[i]);
    const double residual = here - static_cast<double>(p.z[i]);
    const double along = static_cast<double>(p.b[i]) * (static_cast<double>(p.h[i]) - here) / noise.eps_at(i);
    sum += residual * residual + sigma * sigma * (2.0 * along - 1.0);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class T>
__global__ void backward_f_kernel(Global<const T> f, Global<const T> z, Global<const T> b, Noise<T> noise,
                                  double two_by_n, Global<const T> grad_y, Global<T> grad_f, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const double sigma = noise.sigma_at(i);
  const double residual = static_cast<double>(f[i]) - static_cast<double>(z[i]);
  const double slope = residual - sigma * sigma / noise.eps_at(i) * static_cast<double>(b[i]);
  grad_f[i] += static_cast<T>(two_by_n * static_cast<double>(grad_y[0]) * slope);
}

template <class T>
__global__ void backward_h_kernel(Global<const T> b, Noise<T> noise, double two_by_n, Global<const T> grad_y,
                                  Global<T> grad_h, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const double sigma = noise.sigma_at(i);
  const double slope = sigma * sigma / noise.eps_at(i) * static_cast<double>(b[i]);
  grad_h[i] += static_cast<T>(two_by_n * static_cast<double>(grad_y[0]) * slope);
}

template <class T>
Noise<T> on_device(const SureNoise<T>& noise) {
  return {global(noise.sigma), global(noise.eps), noise.sigma_each, noise.eps_each};
}

template <class T>
void forward(const Exec& exec, const SurePictures<T>& p, const SureNoise<T>& noise, std::span<T> y) {
  const int64_t n = std::ssize(p.f);
  const dim3 blocks = blocks_for(n, kChunk);
  const Scratch<double> partial(exec, blocks.x);
  launch(exec, {.name = "sure_loss_terms", .grid = blocks, .block = kThreads}, terms_kernel<T>,
         Pictures<T>{global(p.f), global(p.h), global(p.z), global(p.b)}, on_device(noise),
         global(partial.span()), n);
  finish_sums(exec, "sure_loss_mean", partial.span(), y, n);
}

template <class T>
void backward_f(const Exec& exec, const SurePictures<T>& p, const SureNoise<T>& noise,
                std::span<const T> grad_y, std::span<T> grad_f) {
  const int64_t n = std::ssize(grad_f);
  launch(exec, {.name = "sure_loss_backward_f", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_f_kernel<T>, global(p.f), global(p.z), global(p.b), on_device(noise),
         2.0 / static_cast<double>(n), global(grad_y), global(grad_f), n);
}

template <class T>
void backward_h(const Exec& exec, std::span<const T> b, const SureNoise<T>& noise, std::span<const T> grad_y,
                std::span<T> grad_h) {
  const int64_t n = std::ssize(grad_h);
  launch(exec, {.name = "sure_loss_backward_h", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_h_kernel<T>, global(b), on_device(noise), 2.0 / static_cast<double>(n), global(grad_y),
         global(grad_h), n);
}

}  // namespace

const SureLossImplementation<float> sure_loss_two_sums = {
    {"two_sums", "sums of blocks in double, then their sum, in a fixed order", kDevice},
    nullptr,
    {forward<float>, backward_f<float>, backward_h<float>}};

}  // namespace primal::PRIMAL_SIMT
