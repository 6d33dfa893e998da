// The sum in one cooperative launch (cooperative.h says why): the blocks add the squares of each chunk of
// kChunk elements in double, the grid meets, and one block adds the sums of the chunks. Which elements are
// added in which order depends on n alone, so the bits are always the same. The result stays on the device,
// and backward reads the gradient of the loss there.
#include "nn/mse_loss/mse_loss_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/cooperative.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 4 * kThreads;

template <class T>
__global__ void forward_kernel(Global<const T> x, Global<const T> target, int64_t n, Global<double> sums,
                               int64_t n_chunks, Global<T> y) {
  for (int64_t chunk = blockIdx.x; chunk < n_chunks; chunk += gridDim.x) {
    const int64_t begin = chunk * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
    double sum = 0.0;
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
      sum += difference * difference;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[chunk] = sum;
  }
  grid_sync();
  if (blockIdx.x > 0) return;
  const double sum = block_sum_of_others<double>(sums, n_chunks);
  if (threadIdx.x == 0) y[0] = static_cast<T>(sum / static_cast<double>(n));
}

template <class T>
__global__ void backward_kernel(Global<const T> x, Global<const T> target, double factor,
                                Global<const T> grad_y, bool add, Global<T> grad, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const T scale = static_cast<T>(factor * static_cast<double>(grad_y[0]));
  const T before = add ? static_cast<T>(grad[i]) : T(0);
  grad[i] = before + scale * (x[i] - target[i]);
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, std::span<const T> target, std::span<T> y) {
  const int64_t n = std::ssize(x);
  const int64_t n_chunks = (n + kChunk - 1) / kChunk;
  const Scratch<double> sums(exec, n_chunks);
  const dim3 grid(resident_blocks(exec, forward_kernel<T>, n_chunks, kThreads));
  launch(exec, {.name = "mse_loss_forward", .grid = grid, .block = kThreads, .cooperative = true},
         forward_kernel<T>, global(x), global(target), n, global(sums.span()), n_chunks, global(y));
}

template <class T>
void backward(const Exec& exec, std::span<const T> x, std::span<const T> target, double factor,
              std::span<const T> grad_y, bool add, std::span<T> grad) {
  const int64_t n = std::ssize(x);
  launch(exec, {.name = "mse_loss_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_kernel<T>, global(x), global(target), factor, global(grad_y), add, global(grad), n);
}

}  // namespace

const MseLossImplementation<float> mse_loss_two_sums = {
    {"two_sums", "sums of chunks in double, then their sum, in a fixed order", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
