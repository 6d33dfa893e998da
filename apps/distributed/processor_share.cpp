#include "apps/distributed/processor_share.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <sched.h>

#include "tensor/threads/processors.h"

namespace primal {

int ProcessorsOfRank::count() const {
  int n = 0;
  for (const uint64_t word : mask) n += std::popcount(word);
  return n;
}

bool ProcessorsOfRank::overlaps(const ProcessorsOfRank& other) const {
  for (size_t i = 0; i < kWords; ++i) {
    if ((mask[i] & other.mask[i]) != 0) return true;
  }
  return false;
}

ProcessorsOfRank processors_of_this_rank() {
  ProcessorsOfRank own;
  if (const auto quota = cpu_quota()) own.quota = quota->processors;
  constexpr size_t kProcessors = 64 * ProcessorsOfRank::kWords;
  cpu_set_t* const set = CPU_ALLOC(kProcessors);
  if (set == nullptr) return own;
  const size_t bytes = CPU_ALLOC_SIZE(kProcessors);
  if (sched_getaffinity(0, bytes, set) == 0) {
    for (size_t i = 0; i < kProcessors; ++i) {
      if (CPU_ISSET_S(i, bytes, set)) own.mask[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  CPU_FREE(set);
  return own;
}

ThreadsOfRank threads_of_rank(size_t r, const std::vector<std::string>& hosts,
                              const std::vector<ProcessorsOfRank>& processors) {
  const ProcessorsOfRank& own = processors[r];
  int n_on_node = 0, n_overlapping = 0;
  for (size_t i = 0; i < hosts.size(); ++i) {
    if (hosts[i] != hosts[r]) continue;
    ++n_on_node;
    if (i == r || own.overlaps(processors[i])) ++n_overlapping;
  }
  double share = static_cast<double>(own.count()) / n_overlapping;
  if (own.quota > 0.0) share = std::min(share, std::ceil(own.quota) / n_on_node);
  return {.threads = std::max(1, static_cast<int>(share)),
          .is_bound = n_overlapping == 1,
          .is_oversubscribed = share < 1.0};
}

}  // namespace primal
