// Helpers for tests of gradients over NCCL. The tests run the real code on a fake CUDA runtime and a fake of
// NCCL; the ranks are threads of one process with a device each. They need no GPU, no CUDA toolkit and no
// NCCL.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "apps/distributed/nccl_exchange.h"
#include "support/fake_cuda/fake_runtime.h"
#include "support/fake_nccl/fake_nccl.h"
#include "support/thread_ranks.h"
#include "tensor/cuda/cuda_check.h"
#include "tensor/random.h"

namespace primal::testing {

using Sizes = std::vector<std::vector<int64_t>>;  // sizes of the tensors of each bucket

inline std::vector<size_t> bucket_sizes(const Sizes& sizes) {
  std::vector<size_t> sums;
  for (const std::vector<int64_t>& bucket : sizes) {
    sums.push_back(0);
    for (const int64_t n : bucket) sums.back() += static_cast<size_t>(n);
  }
  return sums;
}

// With more than two ranks, the last two have large gradients that cancel each other. Adding them rounds the
// sum of the other ranks, so the result shows the order of the additions.
inline std::vector<Tensor> gradients_of(const Communicator& ranks, int step, size_t bucket,
                                        const std::vector<int64_t>& sizes, Device device) {
  const int rank = ranks.rank(), size = ranks.size();
  const bool is_large = size > 2 && rank >= size - 2;
  const double scale = !is_large ? 1e-3 : rank == size - 1 ? -1e12 : 1e12;
  std::vector<Tensor> all;
  for (size_t k = 0; k < sizes.size(); ++k) {
    const RandomStream stream(
        static_cast<uint64_t>(step), RandomPurpose::test, static_cast<uint32_t>(bucket),
        static_cast<uint32_t>(100 * (is_large ? size : rank)) + static_cast<uint32_t>(k));
    std::vector<float> values(static_cast<size_t>(sizes[k]));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(stream.normal(i) * scale);
    all.push_back(Tensor::from(Shape{sizes[k]}, values).to(device));
  }
  return all;
}

// Lets the device run as far as it can, as a real device does while the host continues.
inline void let_run(Device device) {
  if (device.is_cpu()) return;
  cudaEvent_t now = nullptr;
  cudaEventCreate(&now);
  cudaEventRecord(now, cuda::stream_of(device));
  if (cudaEventQuery(now) == cudaErrorNotReady) cudaGetLastError();
  cudaEventDestroy(now);
}

// Runs the exchanges of several training steps, and returns the sums of the gradients of all buckets.
inline std::vector<std::vector<double>> sums_by(const MakeExchange& make, Communicator& ranks,
                                                const Sizes& sizes, Device device, int n_steps = 2) {
  const std::unique_ptr<GradientExchange> exchange = make(ranks, bucket_sizes(sizes));
  std::vector<std::vector<double>> sums;
  for (int step = 0; step < n_steps; ++step) {
    ranks.set_step(step + 1);
    std::vector<std::vector<Tensor>> gradients;
    for (size_t b = 0; b < sizes.size(); ++b) {
      gradients.push_back(gradients_of(ranks, step, b, sizes[b], device));
      exchange->begin(b, gradients.back());
      exchange->advance();
    }
    for (size_t b = 0; b < sizes.size(); ++b) {
      exchange->finish(b, gradients[b]);
      let_run(device);
    }
    ranks.barrier();  // where a training agrees on the loss
    exchange->wait();
    for (const std::vector<Tensor>& bucket : gradients) {
      for (const Tensor& gradient : bucket) sums.push_back(gradient.to_doubles());
    }
  }
  return sums;
}

class NcclSteps : public ::testing::Test {
 protected:
  NcclSteps() {
    streams_.launch = [](void* stream, const std::function<bool()>& work) {
      fake_cuda::launch(static_cast<cudaStream_t>(stream),
                        [work] { return work() ? cudaSuccess : cudaErrorNotReady; });
    };
    streams_.is_device_memory = fake_cuda::is_device_memory;
  }

  static Device device_of(int rank) { return Device::cuda(rank); }

  static std::unique_ptr<GradientExchange> exchange(Communicator& ranks, const std::vector<size_t>& sizes) {
    return over_nccl(fake_nccl::api(), device_of(ranks.rank()), cuda::rank_sum_kernels)(ranks, sizes);
  }

  void TearDown() override { EXPECT_EQ(streams_.n_communicators(), 0) << "each was destroyed or aborted"; }

  fake_nccl::Streams streams_;
};

}  // namespace primal::testing
