// ChoiceCache: what a vendor library recommended for a geometry, asked for once.
//
// Asking costs from ten microseconds to a millisecond of the host's time (cuDNN's lists of algorithms,
// cuBLASLt's heuristic); a training step makes the same fifty calls again and again. The key must contain
// everything that the answer depends on: device, precision, extents, strides, alignment.
//
// Threads: any; whoever asks for a new key waits for the answer.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace primal {

using ChoiceKey = std::vector<int64_t>;

template <class Choice>
class ChoiceCache {
 public:
  // The choice of that key; ask() makes it the first time. What ask() throws is thrown, and nothing is kept.
  template <class Ask>
  Choice get(const ChoiceKey& key, const Ask& ask) {
    const std::lock_guard lock(mutex_);
    if (const auto found = choices_.find(key); found != choices_.end()) return found->second;
    return choices_.emplace(key, ask()).first->second;
  }

  // A better one, found by trying.
  void put(const ChoiceKey& key, Choice choice) {
    const std::lock_guard lock(mutex_);
    choices_.insert_or_assign(key, std::move(choice));
  }

 private:
  std::mutex mutex_;
  std::map<ChoiceKey, Choice> choices_;
};

}  // namespace primal
