// A column is a thread's or a warp's (columns.h). It is read again for each step, from cache, and sums run in
// double, as on the CPU; those of a warp in a fixed tree.
#include <cmath>

#include "nn/softmax/softmax_kernels.h"
#include "tensor/simt/columns.h"

namespace primal::PRIMAL_SIMT {
namespace {

template <class T, int kLanes>
__global__ void forward_kernel(Global<const T> x, Columns<kLanes> columns, Global<T> y) {
  const int64_t column = columns.column();
  if (!columns.exists(column)) return;
  const int64_t first = columns.first(column);
  T highest = -INFINITY;
  for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
    const T value = x[first + k * columns.n_inner];
    highest = value > highest ? value : highest;
  }
  highest = columns.largest(highest);
  double sum = 0.0;
  for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
    const int64_t i = first + k * columns.n_inner;
    const T exponential = std::exp(x[i] - highest);
    sum += exponential;
    y[i] = exponential;
  }
  sum = columns.sum(sum);
  for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
    const int64_t i = first + k * columns.n_inner;
    const T exponential = y[i];
    y[i] = static_cast<T>(static_cast<double>(exponential) / sum);
  }
}

template <class T, int kLanes>
__global__ void backward_kernel(Global<const T> y, Global<const T> grad_y, Columns<kLanes> columns,
                                Global<T> grad_x) {
  const int64_t column = columns.column();
  if (!columns.exists(column)) return;
  const int64_t first = columns.first(column);
  double product = 0.0;  // <y, grad_y> of the column
  for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
    const int64_t i = first + k * columns.n_inner;
    product += static_cast<double>(y[i]) * static_cast<double>(grad_y[i]);
  }
  product = columns.sum(product);
  for (int64_t k = columns.lane(); k < columns.n_k; k += kLanes) {
    const int64_t i = first + k * columns.n_inner;
    grad_x[i] += static_cast<T>(static_cast<double>(y[i]) * (static_cast<double>(grad_y[i]) - product));
  }
}

template <class T>
void forward(const Exec& exec, View<const T, 3> x, View<T, 3> y) {
  if (x.numel() == 0) return;
  with_columns(x.size(0), x.size(1), x.size(2), [&]<int kLanes>(const Columns<kLanes>& columns) {
    launch(exec, {.name = "softmax_forward", .grid = columns.grid(), .block = kColumnThreads},
           forward_kernel<T, kLanes>, global(x.flat()), columns, global(y.flat()));
  });
}

template <class T>
void backward(const Exec& exec, View<const T, 3> y, View<const T, 3> grad_y, View<T, 3> grad_x) {
  if (y.numel() == 0) return;
  with_columns(y.size(0), y.size(1), y.size(2), [&]<int kLanes>(const Columns<kLanes>& columns) {
    launch(exec, {.name = "softmax_backward", .grid = columns.grid(), .block = kColumnThreads},
           backward_kernel<T, kLanes>, global(y.flat()), global(grad_y.flat()), columns,
           global(grad_x.flat()));
  });
}

}  // namespace

const SoftmaxImplementation<float> softmax_columns = {
    {"columns", "a column is a thread's or a warp's, sums in double", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
