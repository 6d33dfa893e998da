// PDHG and its adjoint on a device, in both ways to launch (pdhg_cuda.h), and sums over what shares a lambda.
#include "solvers/pdhg/pdhg_cuda.h"
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

void add_reduced(const Exec& exec, View5<const float> full, View5<float> to) {
  if (to.numel() == 0) return;
  launch(exec,
         {.name = "pdhg_add_reduced",
          .grid = dim3(static_cast<unsigned>(to.numel())),
          .block = dim3(kSumThreads)},
         add_reduced_kernel, global(full), global(to));
}

}  // namespace

const PdhgKernels<float> pdhg_persistent = {pdhg_forward<Way::persistent>, pdhg_adjoint<Way::persistent>,
                                            add_reduced};
const PdhgKernels<float> pdhg_fused = {pdhg_forward<Way::fused>, pdhg_adjoint<Way::fused>, add_reduced};

}  // namespace primal::PRIMAL_SIMT
