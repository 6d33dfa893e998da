// One thread for each element of a part; neighbouring threads move neighbouring elements of x and of y.
#include "nn/concat/concat_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

// Where the blocks of a part lie in y.
struct Place {
  int64_t n, n_outer;      // elements of the part, and blocks
  int64_t length, stride;  // of a block of x, and of a block of y
  int64_t begin;           // of the part within a block of y

  // The element of y that shows element i of the part.
  __device__ int64_t of(int64_t i) const {
    if (n_outer == 1) return begin + i;  // no division
    return i / length * stride + begin + i % length;
  }
};

Place place_of(size_t n_x, size_t n_y, int64_t n_outer, int64_t begin) {
  const int64_t n = static_cast<int64_t>(n_x);
  return {n, n_outer, n / n_outer, static_cast<int64_t>(n_y) / n_outer, begin};
}

template <class T>
__global__ void forward_kernel(Global<const T> x, Place place, Global<T> y) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < place.n) y[place.of(i)] = x[i];
}

template <class T>
__global__ void backward_kernel(Global<const T> grad_y, Place place, Global<T> grad_x) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < place.n) grad_x[i] += grad_y[place.of(i)];
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y) {
  if (x.empty()) return;
  const Place place = place_of(x.size(), y.size(), n_outer, begin);
  launch(exec, {.name = "concat_forward", .grid = blocks_for(place.n, kThreads), .block = kThreads},
         forward_kernel<T>, global(x), place, global(y));
}

template <class T>
void backward(const Exec& exec, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
              std::span<T> grad_x) {
  if (grad_x.empty()) return;
  const Place place = place_of(grad_x.size(), grad_y.size(), n_outer, begin);
  launch(exec, {.name = "concat_backward", .grid = blocks_for(place.n, kThreads), .block = kThreads},
         backward_kernel<T>, global(grad_y), place, global(grad_x));
}

}  // namespace

const ConcatImplementation<float> concat_elementwise = {
    {"elementwise", "one thread for each element of a part", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
