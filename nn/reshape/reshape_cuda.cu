// One thread for each element.
#include "nn/reshape/reshape_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

__global__ void backward_kernel(Global<const float> grad_y, bool add, Global<float> grad_x, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) grad_x[i] = add ? grad_x[i] + grad_y[i] : grad_y[i];
}

void backward(const Exec& exec, std::span<const float> grad_y, bool add, std::span<float> grad_x) {
  const auto n = static_cast<int64_t>(grad_y.size());
  if (n == 0) return;
  launch(exec, {.name = "reshape_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
         backward_kernel, global(grad_y), add, global(grad_x), n);
}

}  // namespace

const ReshapeImplementation<float> reshape_elementwise = {
    {"elementwise", "one thread for each element", kDevice}, nullptr, {backward}};

}  // namespace primal::PRIMAL_SIMT
