// Which of cuDNN's algorithms may run, in the order in which they are tried.
//
// cuDNN lists algorithms for a geometry, best first by its own estimate. Only those that are deterministic
// and respect --precision may run. Algorithms that need more than kMostCudnnWorkspace of scratch memory come
// last, ordered by the memory that they need: transforms of the whole batch may need hundreds of megabytes.
//
// A listed algorithm may still refuse to run, because the list does not depend on alignment. Then the next
// one is tried, and the cache remembers which one ran.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <vector>

namespace primal::cuda {

inline constexpr size_t kMostCudnnWorkspace = size_t{32} << 20;

// `Found` has algo and memory, as cudnnConvolutionFwdAlgoPerf_t and the backward structs do;
// may_run(found) says whether the entry is acceptable. If `wanted` is given and acceptable, it comes first
// regardless of its memory.
template <class Found, class Algorithm, class MayRun>
std::vector<Found> algorithms_to_try(const std::vector<Found>& list, std::optional<Algorithm> wanted,
                                     const MayRun& may_run) {
  std::vector<Found> order;
  std::copy_if(list.begin(), list.end(), std::back_inserter(order), may_run);
  const auto is_wanted = [&](const Found& f) { return wanted && f.algo == *wanted; };
  const auto excess = [](const Found& f) { return f.memory > kMostCudnnWorkspace ? f.memory : 0; };
  std::stable_sort(order.begin(), order.end(), [&](const Found& a, const Found& b) {
    if (is_wanted(a) != is_wanted(b)) return is_wanted(a);
    return excess(a) < excess(b);
  });
  return order;
}

// Runs the first of `order` that works: run(found) is true if it ran and false if the library refused it.
// Those that were refused are removed from `order`. Returns false if none ran.
template <class Found, class Run>
bool run_first(std::vector<Found>& order, const Run& run) {
  const auto ran = std::find_if(order.begin(), order.end(), run);
  const bool any = ran != order.end();
  order.erase(order.begin(), ran);
  return any;
}

}  // namespace primal::cuda
