// Team: threads that meet every few hundred microseconds, each with its share of the work, on a machine that may be busy.
//
// A thread whose core another process has taken is away for milliseconds, a time slice of the scheduler, and every meeting
// can cost one. To yield or to sleep meanwhile makes it worse: the core given away comes back a slice later. So nobody
// waits for long twice: where a thread comes late, it, the one that surely has a core now, does everybody's work for a
// while, and the others sleep until it calls them.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <hwy/cache_control.h>

namespace primal {

class Team {
 public:
  enum class Share { mine, all, none };  // of the work until the next meeting

  using Clock = std::chrono::steady_clock;

  // Waits until n_threads threads have come, and says what this one is to do: mine, or where the last came late, all for
  // the last and none for the others. Late is who keeps others waiting for longer than they have worked, since `began`,
  // and than kPatience. What was written before a meeting is seen by all after it.
  Share meet(int n_threads, Clock::time_point began) {
    const auto worked = Clock::now() - began;
    return wait(n_threads, std::max<Clock::duration>(worked, kPatience), true);
  }
  // The same, and nobody is late: where one has worked for all.
  void gather(int n_threads) { wait(n_threads, kPatience, false); }

 private:
  static constexpr std::chrono::microseconds kPatience{200};

  Share wait(int n_threads, Clock::duration patience, bool judge) {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads) {
      const bool late = late_.load(std::memory_order_relaxed) == round;
      arrived_.store(0, std::memory_order_relaxed);
      gave_up_.store(late ? round : round - 1, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      round_.notify_all();  // no system call where nobody sleeps
      return late ? Share::all : Share::mine;
    }
    if (!spin(round, patience)) {
      if (judge) late_.store(round, std::memory_order_relaxed);
      round_.wait(round, std::memory_order_acquire);
    }
    return gave_up_.load(std::memory_order_relaxed) == round ? Share::none : Share::mine;
  }

  // Whether the round ended while we were ready to wait awake.
  bool spin(unsigned round, Clock::duration patience) const {
    const Clock::time_point begin = Clock::now();
    do {
      for (int i = 0; i < 64; ++i) {
        if (round_.load(std::memory_order_acquire) != round) return true;
        hwy::Pause();
      }
    } while (Clock::now() - begin < patience);
    return false;
  }

  alignas(64) std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<unsigned> round_ = 1;
  std::atomic<unsigned> late_ = 0;     // the last round in which somebody ran out of patience
  std::atomic<unsigned> gave_up_ = 0;  // the last round that ended with one for all
};

}  // namespace primal
