// How many threads a rank works with, so that the ranks of a node do not take each other's processors.
//
//   A launcher may bind each rank to processors of its own (its affinity mask). Ranks of one node whose masks
//   overlap share what is in them: a rank has |mask| / k threads, k the number of ranks on the node whose
//   masks overlap with its own, itself among them. A CPU quota of the control group is one for all ranks of
//   the node, so none has more than quota / (ranks of the node).
//   At least one thread; where there are more ranks than processors they take turns.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace primal {

struct ProcessorsOfRank {
  static constexpr size_t kWords = 64;  // 4,096 processors
  std::array<uint64_t, kWords> mask{};  // of affinity; empty where it is not known
  double quota = 0.0;                   // processors' worth of time; 0: none

  int count() const;  // processors in the mask
  bool overlaps(const ProcessorsOfRank& other) const;
};
ProcessorsOfRank processors_of_this_rank();

struct ThreadsOfRank {
  int threads = 1;
  bool is_bound = true;            // the mask overlaps with no other rank's of the node
  bool is_oversubscribed = false;  // fewer processors than ranks
};
// The threads of rank r; hosts[i] and processors[i] are those of rank i.
ThreadsOfRank threads_of_rank(size_t r, const std::vector<std::string>& hosts,
                              const std::vector<ProcessorsOfRank>& processors);

}  // namespace primal
