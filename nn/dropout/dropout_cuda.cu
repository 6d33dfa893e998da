// A thread decides about four neighbouring elements of a row with one Philox call, so that a warp goes
// through whole sectors.
#include <span>

#include "nn/dropout/dropout_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

// to = factor from where kept, else 0; with `add` that is added.
__global__ void dropout_kernel(Global<const float> from, DropoutMask mask, int64_t n_rows, int64_t n_elements,
                               bool add, Global<float> to) {
  const int64_t at = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, n_groups = (n_elements + 3) / 4;
  if (at >= n_rows * n_groups) return;
  const int64_t row = at / n_groups, group = at % n_groups;
  const PhiloxWords words = dropout_words(mask, row, group);
  const float factor = static_cast<float>(mask.factor);
  for (int k = 0; k < 4 && 4 * group + k < n_elements; ++k) {
    const int64_t i = row * n_elements + 4 * group + k;
    const float value = words.v[k] >= mask.threshold ? factor * from[i] : 0.0F;
    to[i] = add ? to[i] + value : value;
  }
}

template <class T>
std::span<T> elements(View<T, 2> rows) {
  return {rows.data, static_cast<size_t>(rows.numel())};
}

void run(const Exec& exec, const char* name, View<const float, 2> from, const DropoutMask& mask, bool add,
         View<float, 2> to) {
  const int64_t n_threads = from.size(0) * ((from.size(1) + 3) / 4);
  if (n_threads == 0) return;
  launch(exec, {.name = name, .grid = blocks_for(n_threads, kThreads), .block = dim3(kThreads)},
         dropout_kernel, global(elements(from)), mask, from.size(0), from.size(1), add, global(elements(to)));
}

void forward(const Exec& exec, View<const float, 2> x, const DropoutMask& mask, View<float, 2> y) {
  run(exec, "dropout_forward", x, mask, false, y);
}

void backward(const Exec& exec, View<const float, 2> grad_y, const DropoutMask& mask, View<float, 2> grad_x) {
  run(exec, "dropout_backward", grad_y, mask, true, grad_x);
}

}  // namespace

const DropoutImplementation<float> dropout_philox = {
    {"philox", "a thread decides about four elements", kDevice}, nullptr, {forward, backward}};

}  // namespace primal::PRIMAL_SIMT
