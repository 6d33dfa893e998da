#include "apps/distributed/processor_share.h"

#include <algorithm>
#include <bit>
#include <cmath>

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
  for (const int processor : processors_in_mask()) {
    const auto i = static_cast<size_t>(processor);
    if (i / 64 < ProcessorsOfRank::kWords) own.mask[i / 64] |= uint64_t{1} << (i % 64);
  }
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
