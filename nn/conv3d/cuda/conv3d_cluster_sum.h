// Sums of convolutions that the blocks of a cluster compute in parts: each block puts its part into its shared memory, and then each adds
// up its share of the sum from the shared memory of all, in the order of the blocks. The bits are those of conv3d_partial_sums.h, which adds
// parts that lie in global memory, in a launch of its own. Included by .cu files alone.
//
// A cluster has at most 8 blocks wherever there are clusters (compute capability 9.0). More parts, and older devices, take the other way.
#pragma once

#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "tensor/simt/capability.h"

namespace primal::PRIMAL_SIMT {

constexpr int64_t kMostOfACluster = 8;

// Whether n parts can be those of a cluster.
inline bool fits_cluster(const Exec& exec, int64_t n) {
  return compute_capability(exec) >= 9 && n <= kMostOfACluster;
}

// Calls put(i, sum) for those of the elements 0 to n - 1 that are this thread's; it is one of n_threads in its block. The parts are arrays
// in shared memory, at the same place in each block, with element i at place(i), or nowhere where that is below zero. All threads of the
// cluster call it; it begins and ends with a barrier of the cluster.
template <class Sum, class Part, class Place, class Put>
__device__ void sum_over_cluster(const Part& part, int n, int thread, int n_threads, const Place& place,
                                 const Put& put) {
  cluster_sync();  // the parts are there
  const unsigned n_blocks = cluster_size();
  const int begin = static_cast<int>(cluster_rank()) * n_threads + thread;
  for (int i = begin; i < n; i += static_cast<int>(n_blocks) * n_threads) {
    const int at = place(i);
    if (at < 0) continue;
    Sum sum = 0;
    for (unsigned block = 0; block < n_blocks; ++block) sum += static_cast<Sum>(map_shared(part, block)[at]);
    put(i, sum);
  }
  cluster_sync();  // no block ends while another one reads its memory
}

// The gradients of 32 x 32 weights for some taps, and of 32 biases, from the parts of a cluster, added in double.
constexpr int kPartChannels = 32;

struct WeightBlock {
  int64_t first_o, first_c, first_tap;
  int n_taps,
      row;  // row: the distance of two output channels in a part [tap][output][input]; the biases [output] come last
  bool sums_bias;

  __device__ int n_weights() const { return n_taps * kPartChannels * kPartChannels; }
  __device__ int bias_at() const { return n_taps * kPartChannels * row; }
  __device__ int at(int tap, int o, int c) const { return (tap * kPartChannels + o) * row + c; }
};
constexpr int weight_part_bytes(int n_taps, int row) {
  return (n_taps * kPartChannels * row + kPartChannels) * int{sizeof(float)};
}

template <class Part>
__device__ void sum_weights_over_cluster(const Part& part, const WeightParts& q, const WeightBlock& block,
                                         int thread, int n_threads, Global<float> grad_weight,
                                         Global<float> grad_bias) {
  const int n_weights = block.n_weights();
  const auto output = [&](int i) {
    return block.first_o + (i < n_weights ? i / kPartChannels % kPartChannels : i - n_weights);
  };
  const auto place = [&](int i) {
    if (output(i) >= q.n_out) return -1;
    if (i >= n_weights) return block.bias_at() + i - n_weights;
    return block.first_c + i % kPartChannels < q.n_in ? i / kPartChannels * block.row + i % kPartChannels
                                                      : -1;
  };
  const int n = n_weights + (block.sums_bias ? kPartChannels : 0);
  sum_over_cluster<double>(part, n, thread, n_threads, place, [&](int i, double sum) {
    if (i >= n_weights) {
      grad_bias[output(i)] += static_cast<float>(sum);
    } else {
      const int64_t tap = block.first_tap + i / (kPartChannels * kPartChannels),
                    c = block.first_c + i % kPartChannels;
      grad_weight[(output(i) * q.n_in + c) * q.n_taps + tap] += static_cast<float>(sum);
    }
  });
}

}  // namespace primal::PRIMAL_SIMT
