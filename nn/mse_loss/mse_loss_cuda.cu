// The sum in two launches: every block adds the squares of its own kChunk elements in double, then one block adds the
// blocks' sums. Which elements meet where depends on n alone, so the bits do not change from run to run. The result stays
// on the device, and backward reads the gradient of the loss there.
#include "nn/mse_loss/mse_loss_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 4 * kThreads;  // elements of a block

template <class T>
__global__ void squares_kernel(Global<const T> x, Global<const T> target, Global<double> partial, int64_t n) {
  const int64_t begin = blockIdx.x * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
  double sum = 0.0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
    sum += difference * difference;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
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
  const dim3 blocks = blocks_for(n, kChunk);
  const Scratch<double> partial(exec, blocks.x);
  launch(exec, {.name = "mse_loss_squares", .grid = blocks, .block = kThreads}, squares_kernel<T>, global(x),
         global(target), global(partial.span()), n);
  finish_sums(exec, "mse_loss_mean", partial.span(), y, n);
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
    {"two_sums", "sums of blocks in double, then their sum, in a fixed order", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
