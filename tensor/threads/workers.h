// Workers: the threads that help one thread in its parallel loops. They are made when they are first needed,
// sleep while there is nothing to do, and end with the thread they help.
//
// Waiting.  Whoever waits spins for about as long as falling asleep and waking up would take, and then
//           sleeps: on a machine that others load, a spinning thread takes the very core that the thread it
//           waits for needs.
// Joining.  Nobody waits for a worker that has not begun. The caller opens a region, works itself, closes the
//           region when nothing is left, and waits only for the workers that are inside. A worker that has no
//           core costs nothing then, unless it lost the core in the middle of a piece of work.
// Ledger.   For that case the only cure is to do without workers for a while; the ledger decides when.
//
// Each thread has workers of its own. Loops inside a region run on the thread that meets them. A child
// process made by fork() has none of its parent's workers and makes new ones.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace primal {

using ThreadClock = std::chrono::steady_clock;

// Whether workers are worth having at the moment. Time that they save is credit; time lost by waiting for
// them is debt. While there is debt their owner works alone, and a twentieth of the time that passes pays the
// debt back. So beyond the credit and one last loss, a thread with workers is slower than one without by a
// twentieth at most; and on a quiet machine, where they save half of the time, there is credit enough to
// forgive a hiccup.
class Ledger {
 public:
  using Duration = ThreadClock::duration;
  static constexpr std::chrono::milliseconds kMostCredit{20};
  static constexpr int kShareForDebt = 20;  // one part in twenty

  bool in_debt(ThreadClock::time_point now);
  // A region that would have taken its owner `alone` has taken `elapsed`, and ended `now`.
  void enter(Duration alone, Duration elapsed, ThreadClock::time_point now);

 private:
  Duration balance_ = kMostCredit;
  ThreadClock::time_point last_;  // when there was debt: when it was last looked at
};

class Workers {
 public:
  // Those of the calling thread; null where loops run alone: inside a region, and while the thread is ending.
  static Workers* mine();

  Workers() = default;
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Makes workers until they and the caller are n threads. Returns how many threads there are: fewer than n
  // where the system grants no more.
  int recruit(int n);

  using Job = std::function<void(int thread)>;  // must not throw where n > 1
  // Runs job(0) here, and job(i) on each worker i < n that is there before job(0) returns. n is at most
  // recruit(n).
  void help(int n, const Job& job);
  // The same on all n threads, however late they come.
  void gather(int n, const Job& job);

  Ledger& ledger() { return ledger_; }

 private:
  void open(int n, const Job& job);
  void close();
  void work(int thread);
  unsigned wait_for_other_region(unsigned region) const;
  bool enter(unsigned state);
  void leave();

  // How many workers are inside the region; whether more may enter; whether the workers are to end; the
  // region's number.
  static constexpr unsigned kInside = 0x3fff, kOpen = 0x4000, kEnd = 0x8000, kRegion = 0x10000;
  static unsigned region_of(unsigned state) { return state / kRegion; }

  alignas(64) std::atomic<unsigned> state_ = 0;
  std::atomic<int> n_threads_ = 1;  // of the region
  const Job* job_ = nullptr;        // read by those inside
  alignas(64) std::atomic<unsigned> caller_sleeps_ = 0;
  Ledger ledger_;
  std::vector<std::thread> threads_;
};

// How many threads the calling thread's next loop will have, of the n asked for: one where loops run alone
// and where the ledger is in debt. For work that is cut by the number of threads.
int threads_now(int n);

}  // namespace primal
