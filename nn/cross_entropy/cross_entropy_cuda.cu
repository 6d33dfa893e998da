// Forward: the classes of a sample are a column, a thread's or a warp's (columns.h), in double
// throughout, as on the CPU; blocks add up their samples in a tree, then one block adds the blocks.
// Backward: one thread for each logit.
#include <cmath>

#include "nn/cross_entropy/cross_entropy_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/columns.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

template <class T, int kLanes>
__global__ void log_sum_kernel(Global<const T> x, Global<const int64_t> labels, Columns<kLanes> columns,
                               Global<double> log_sum, Global<double> partial) {
  const int64_t sample = columns.column();
  double loss = 0.0;
  if (columns.exists(sample)) {
    const int64_t first = columns.first(sample);
    double highest = -INFINITY;
    for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
      const double logit = x[first + k * columns.n_inner];
      highest = logit > highest ? logit : highest;
    }
    highest = columns.largest(highest);
    double exponentials = 0.0;
    for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes)
      exponentials += std::exp(static_cast<double>(x[first + k * columns.n_inner]) - highest);
    exponentials = columns.sum(exponentials);
    if (columns.lane() == 0) {
      const double sum = highest + std::log(exponentials);
      log_sum[sample] = sum;
      const int64_t label = labels[sample];
      const bool exists = label >= 0 && label < columns.n_k;
      loss = exists ? sum - static_cast<double>(x[first + label * columns.n_inner]) : NAN;
    }
  }
  loss = block_sum(loss);
  if (threadIdx.x == 0) partial[blockIdx.x] = loss;
}

template <class T>
__global__ void backward_kernel(Global<const T> x, Global<const int64_t> labels, Global<const double> log_sum,
                                Global<const T> grad_y, int64_t n, int64_t n_classes, int64_t n_pixels,
                                int64_t n_samples, Global<T> grad_x) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const int64_t k = i / n_pixels % n_classes, sample = i / n_pixels / n_classes * n_pixels + i % n_pixels;
  const double factor = static_cast<double>(grad_y[0]) / static_cast<double>(n_samples);
  const double probability = std::exp(static_cast<double>(x[i]) - log_sum[sample]);
  grad_x[i] += static_cast<T>(factor * (probability - (k == labels[sample] ? 1.0 : 0.0)));
}

template <class T>
void forward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels, std::span<double> log_sum,
             std::span<T> y) {
  with_columns(x.size(0), x.size(1), x.size(2), [&]<int kLanes>(const Columns<kLanes>& columns) {
    const dim3 grid = columns.grid();
    const Scratch<double> partial(exec, grid.x);
    launch(exec, {.name = "cross_entropy_log_sum", .grid = grid, .block = kColumnThreads},
           log_sum_kernel<T, kLanes>, global(x.flat()), global(labels), columns, global(log_sum),
           global(partial.span()));
    finish_sums(exec, "cross_entropy_mean", partial.span(), y, std::ssize(labels));
  });
}

template <class T>
void backward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
              std::span<const double> log_sum, std::span<const T> grad_y, View<T, 3> grad_x) {
  const int64_t n = x.numel(), n_samples = std::ssize(labels);
  launch(exec, {.name = "cross_entropy_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_kernel<T>, global(x.flat()), global(labels), global(log_sum), global(grad_y), n, x.size(1),
         x.size(2), n_samples, global(grad_x.flat()));
}

}  // namespace

const CrossEntropyImplementation<float> cross_entropy_columns = {
    {"columns", "a sample is a thread's or a warp's, in double; sums in a fixed order", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
