// One thread for each pixel of a problem; it fills the components of q in turn.
#include "solvers/pdhg/pdhg_start_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

__global__ void start_kernel(Global<const float> z, int64_t n_z, bool noisy, int64_t n, int64_t n_q,
                             Global<float> x, Global<float> x_bar, Global<float> p, Global<float> q) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const float value = z[i % n_z];
  x[i] = value;
  x_bar[i] = value;
  p[i] = noisy ? value : 0.0F;
  for (int64_t k = i; k < n_q; k += n) q[k] = 0.0F;
}

void start(const Exec& exec, std::span<const float> z, bool noisy, std::span<float> x, std::span<float> x_bar,
           std::span<float> p, std::span<float> q) {
  const int64_t n = std::ssize(x);
  if (n == 0) return;
  launch(exec, {.name = "pdhg_start", .grid = blocks_for(n, kThreads), .block = kThreads}, start_kernel,
         global(z), std::ssize(z), noisy, n, std::ssize(q), global(x), global(x_bar), global(p), global(q));
}

}  // namespace

const PdhgStartImplementation pdhg_start_elementwise = {
    {"elementwise", "one thread for each pixel", kDevice}, nullptr, {start}};

}  // namespace primal::PRIMAL_SIMT
