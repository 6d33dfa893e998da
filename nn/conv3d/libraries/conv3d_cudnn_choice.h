// Which of cuDNN's algorithms may run, in the order in which they are tried.
//
// cuDNN lists algorithms for a geometry, best first by its own estimate. Of these, the ones that are deterministic and keep to
// --precision may run. One that needs more than kMostCudnnWorkspace of scratch memory comes after all that do not, and of several such
// the one that needs least comes first: transforms of the whole batch may ask for hundreds of megabytes.
//
// An algorithm that the list has may still refuse to run (alignment is not part of the question). The next one is tried then, and
// the cache remembers which one ran.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <vector>

namespace primal::cuda {

inline constexpr size_t kMostCudnnWorkspace = size_t{32} << 20;

// `Found` has algo and memory, as cudnnConvolutionFwdAlgoPerf_t and its sisters do; may_run(found) says whether the entry is
// acceptable. Where `wanted` is given and acceptable, it comes first whatever memory it needs.
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

// Runs the first of `order` that can: run(found) is true where it ran, false where the library refuses it. Those that refused are
// removed from `order`. False where none ran.
template <class Found, class Run>
bool run_first(std::vector<Found>& order, const Run& run) {
  const auto ran = std::find_if(order.begin(), order.end(), run);
  const bool any = ran != order.end();
  order.erase(order.begin(), ran);
  return any;
}

}  // namespace primal::cuda
