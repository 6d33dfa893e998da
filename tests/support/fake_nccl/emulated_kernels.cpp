// The kernels that add gradients, for devices of the fake CUDA runtime: those of the emulation, run when the
// stream of the device comes to them. A test that links this cannot link those of nvcc.
#include <functional>
#include <vector>

#include "apps/distributed/rank_sum_cuda.cu"
#include "support/fake_cuda/fake_runtime.h"
#include "tensor/cuda/cuda_check.h"

namespace primal {
namespace {

void on_stream(const Exec& exec, const std::function<void(const Exec&)>& kernel) {
  fake_cuda::launch(cuda::stream_of(exec.device), [kernel] {
    kernel(exec_on(Device::simt()));
    return cudaSuccess;
  });
}
void pack(const Exec& exec, std::span<const std::span<const float>> tensors, std::span<float> buffer) {
  on_stream(exec, [all = std::vector(tensors.begin(), tensors.end()), buffer](const Exec& here) {
    simt::rank_sum_kernels.pack(here, all, buffer);
  });
}
void unpack(const Exec& exec, std::span<const float> buffer, std::span<const std::span<float>> tensors) {
  on_stream(exec, [all = std::vector(tensors.begin(), tensors.end()), buffer](const Exec& here) {
    simt::rank_sum_kernels.unpack(here, buffer, all);
  });
}
void add(const Exec& exec, std::span<const float> received, int n_ranks, int rank, std::span<float> own) {
  on_stream(exec, [=](const Exec& here) { simt::rank_sum_kernels.add(here, received, n_ranks, rank, own); });
}

}  // namespace

const RankSumKernels cuda::rank_sum_kernels = {pack, unpack, add};

}  // namespace primal
