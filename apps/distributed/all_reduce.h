// AllReduce: the sum of a vector over all ranks, with the same bits on each of them.
//
//   piece r of the vector = its elements [n r / P, n (r + 1) / P), P the number of ranks
//   1. reduce-scatter  each rank sends piece r to rank r, which adds the P pieces in the order of ranks,
//                      in double, and rounds once
//   2. all-gather      each rank sends its sum to all others
//
// Every element is summed by one rank in one order, so the bits depend on the number of ranks alone: not on
// which message arrives first, on nodes or networks. A rank sends and receives 2 (P - 1) / P n elements,
// which no algorithm can do with less.
// Source: P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations",
//         J. Parallel Distrib. Comput. 69 (2009), for the bound; R. Thakur, R. Rabenseifner, W. Gropp,
//         "Optimization of collective communication operations in MPICH", Int. J. High Perform. Comput.
//         Appl. 19 (2005), for reduce-scatter and all-gather.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "apps/distributed/communicator.h"

namespace primal {

// [begin, end) of part r of n elements divided among `parts`; sizes differ by at most one.
std::pair<int64_t, int64_t> part_range(int64_t n, int64_t parts, int64_t r);

class AllReduce {
 public:
  // For sums of these values, one after the other; its memory is kept between them. `values` must outlive it.
  AllReduce(Communicator& ranks, std::span<float> values);

  void begin();    // `values` is not to be touched from here until finish() returns
  void advance();  // does what is possible without waiting
  void finish();   // waits for the rest; then `values` has the sums. RankError

 private:
  std::span<float> piece(int rank) const;
  void add_and_gather();

  Communicator& ranks_;
  std::span<float> values_;
  std::vector<float> received_;  // the pieces of all ranks for this one, [P, piece]
  int64_t gather_number_ = 0;
  std::unique_ptr<Transfer> scatter_, gather_;
};

}  // namespace primal
