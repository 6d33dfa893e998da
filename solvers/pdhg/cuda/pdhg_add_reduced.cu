// Sums over what shares a lambda: PdhgKernels::add_reduced on a device.
#include "solvers/pdhg/cuda/pdhg_device.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

// One block for each element of `to`, which adds up the elements of `full` that share it.
__global__ void add_reduced_kernel(GlobalView<const float, 5> full, GlobalView<float, 5> to) {
  int64_t first[5], extent[5];  // of the part of `full`
  int64_t left = blockIdx.x, n = 1;
  for (int axis = 4; axis >= 0; --axis) {
    first[axis] = left % to.extent[axis];
    left /= to.extent[axis];
    extent[axis] = to.extent[axis] == 1 ? full.extent[axis] : 1;
    n *= extent[axis];
  }
  double sum = 0;
  for (int64_t element = threadIdx.x; element < n; element += kSumThreads) {
    int64_t rest = element, at[5];
    for (int axis = 4; axis >= 0; --axis) {
      at[axis] = first[axis] + rest % extent[axis];
      rest /= extent[axis];
    }
    sum += static_cast<double>(full(at[0], at[1], at[2], at[3], at[4]));
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) to.data[blockIdx.x] += static_cast<float>(sum);
}

}  // namespace

void pdhg_add_reduced(const Exec& exec, View5<const float> full, View5<float> to) {
  if (to.numel() == 0) return;
  launch(exec, {.name = "pdhg_add_reduced", .grid = grid_of(to.numel()), .block = dim3(kSumThreads)},
         add_reduced_kernel, global(full), global(to));
}

}  // namespace primal::PRIMAL_SIMT
