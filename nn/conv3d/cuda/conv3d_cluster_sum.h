// Sums of convolutions that the blocks of a cluster compute in parts. Each block puts its part into its
// shared memory; then each block adds up its share of the sum from the shared memory of all blocks, in their
// order. The bits are those of conv3d_partial_sums.h, which adds parts in global memory with a launch of its
// own. Included by .cu files alone.
//
// Devices of compute capability 9.0 and later have clusters, and all of them run those of up to 8 blocks.
// More parts, and older devices, need conv3d_partial_sums.h.
#pragma once

#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "tensor/simt/capability.h"

namespace primal::PRIMAL_SIMT {

constexpr int64_t kMostOfACluster = 8;

// Whether the blocks of one cluster can compute n parts.
inline bool fits_cluster(const Exec& exec, int64_t n) {
  return compute_capability(exec) >= 9 && n <= kMostOfACluster;
}

// Each thread of the cluster adds up some of the elements 0 to n - 1, and calls put(i, sum) for each.
// `thread` is its number among the n_threads of its block. The parts are arrays in shared memory, at the same
// place in each block, with element i at index place(i); an element is left out if place(i) is below zero.
// All threads of the cluster call the function, which begins and ends with a barrier of the cluster.
template <class Sum, class Part, class Place, class Put>
__device__ void sum_over_cluster(const Part& part, int n, int thread, int n_threads, const Place& place,
                                 const Put& put) {
  cluster_sync();  // all parts are complete
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

// A block of 32 x 32 weights for some taps, and 32 biases, whose gradients are added up in double
// from the parts of a cluster.
constexpr int kPartChannels = 32;

struct WeightBlock {
  int64_t first_o, first_c, first_tap;
  int n_taps,
      row;  // row: the stride between output channels in a part [tap][output][input]; the biases [output] come last
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
