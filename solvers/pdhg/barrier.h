// Barrier for a team that meets every few microseconds: waits by spinning for a moment, then by giving its core away.
// Spinning keeps the meeting short when every thread has a core; yielding keeps it short when one has been taken away,
// where OpenMP's barrier spins on and keeps the late thread from running.
#pragma once

#include <atomic>
#include <thread>

namespace primal {

class Barrier {
 public:
  explicit Barrier(int n_threads) : n_threads_(n_threads) {}

  void wait() {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spin = 0; round_.load(std::memory_order_acquire) == round; ++spin) {
      if (spin >= kSpins) std::this_thread::yield();
    }
  }

 private:
  static constexpr int kSpins = 4000;  // a few microseconds
  const int n_threads_;
  alignas(64) std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<unsigned> round_ = 0;
};

}  // namespace primal
