#include "tensor/threads/workers.h"

#include <algorithm>
#include <csignal>
#include <hwy/cache_control.h>
#include <memory>
#include <pthread.h>
#include <system_error>

namespace primal {
namespace {

thread_local bool inside_region = false;
thread_local bool thread_is_ending = false;

// Loops that this thread meets run on it alone, while one lives.
class Inside {
 public:
  Inside() { inside_region = true; }
  ~Inside() { inside_region = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

// Forks that this process and its ancestors have come from.
std::atomic<unsigned>& forks() {
  static std::atomic<unsigned> count = 0;
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++count; });
  static_cast<void>(
      registered);  // where it fails, a child that runs loops would wait for workers it does not have
  return count;
}

// The workers of a thread, while it lives. After a fork the child's copy describes threads that do not exist,
// so it can only be forgotten.
class Owner {
 public:
  ~Owner() {
    thread_is_ending = true;
    forget_after_fork();
  }
  Workers* workers() {
    forget_after_fork();
    if (!workers_) workers_ = std::make_unique<Workers>();
    return workers_.get();
  }

 private:
  void forget_after_fork() {
    if (const unsigned now = forks(); forks_ != now) {
      static_cast<void>(workers_.release());
      forks_ = now;
    }
  }
  std::unique_ptr<Workers> workers_;
  unsigned forks_ = forks();
};

// Spins until done() or until sleeping would have been cheaper. Measured on a virtual machine (AMD Zen 4,
// Linux 6.18): a thread that sleeps runs 30 to 100 us after it is called.
template <class Done>
bool spin_until(const Done& done) {
  constexpr std::chrono::microseconds kSpin{200};
  const ThreadClock::time_point begin = ThreadClock::now();
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      hwy::Pause();
    }
  } while (ThreadClock::now() - begin < kSpin);
  return false;
}

// Signals are for the threads that the program made itself.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

bool Ledger::in_debt(ThreadClock::time_point now) {
  if (balance_ >= Duration::zero()) return false;
  balance_ += (now - last_) / kShareForDebt;
  last_ = now;
  return balance_ < Duration::zero();
}

void Ledger::enter(Duration alone, Duration elapsed, ThreadClock::time_point now) {
  balance_ = std::min<Duration>(balance_ + alone - elapsed, kMostCredit);
  last_ = now;
}

Workers* Workers::mine() {
  if (inside_region || thread_is_ending) return nullptr;
  thread_local Owner owner;
  return owner.workers();
}

Workers::~Workers() {
  state_.fetch_or(kEnd);
  state_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

int Workers::recruit(int n) {
  const auto n_threads = [&] { return static_cast<int>(threads_.size()) + 1; };
  if (n_threads() >= n) return n;
  const SignalsBlocked blocked;  // inherited by the new threads
  try {
    while (n_threads() < n) threads_.emplace_back([this, thread = n_threads()] { work(thread); });
  } catch (const std::system_error&) {
    // A limit on processes or memory: those that are there do the work.
  }
  return n_threads();
}

void Workers::help(int n, const Job& job) {
  if (n == 1) {
    const Inside region;
    return job(0);
  }
  open(n, job);
  {
    const Inside region;
    job(0);
  }
  close();
}

void Workers::gather(int n, const Job& job) {
  std::atomic<int> n_missing = n - 1;
  const Job counted = [&](int thread) {
    if (thread != 0 && n_missing.fetch_sub(1) == 1) n_missing.notify_one();
    job(thread);
  };
  open(n, counted);
  {
    const Inside region;
    job(0);
  }
  if (!spin_until([&] { return n_missing == 0; })) {
    for (int missing = n_missing; missing != 0; missing = n_missing) n_missing.wait(missing);
  }
  close();
}

void Workers::open(int n, const Job& job) {
  job_ = &job;
  n_threads_.store(n, std::memory_order_relaxed);
  // Closed and empty until here, so nobody else writes.
  state_.store((region_of(state_.load(std::memory_order_relaxed)) + 1) * kRegion + kOpen);
  state_.notify_all();  // no system call where nobody sleeps
}

void Workers::close() {
  state_.fetch_and(~kOpen);
  const auto empty = [&] { return (state_.load() & kInside) == 0; };
  if (spin_until(empty)) return;
  while (!empty()) {
    caller_sleeps_ = 1;
    if (empty()) break;
    caller_sleeps_.wait(1);
  }
  caller_sleeps_ = 0;
}

// Whoever leaves last calls the caller. Both write before they read, so one of them sees the other; a call
// that comes too late only makes the caller look again.
void Workers::leave() {
  if ((state_.fetch_sub(1) & kInside) != 1 || caller_sleeps_ == 0) return;
  caller_sleeps_ = 0;
  caller_sleeps_.notify_one();
}

// False where the region has been closed, or another one opened, in the meantime.
bool Workers::enter(unsigned state) {
  const unsigned region = region_of(state);
  while ((state & kOpen) != 0 && region_of(state) == region) {
    if (state_.compare_exchange_weak(state, state + 1)) return true;
  }
  return false;
}

// The state once there is a region of another number, or the end.
unsigned Workers::wait_for_other_region(unsigned region) const {
  unsigned state = 0;
  const auto changed = [&] {
    state = state_.load();
    return region_of(state) != region || (state & kEnd) != 0;
  };
  if (spin_until(changed)) return state;
  while (!changed()) state_.wait(state);
  return state;
}

void Workers::work(int thread) {
  inside_region = true;
  for (unsigned region = 0;;) {
    const unsigned state = wait_for_other_region(region);
    if ((state & kEnd) != 0) return;
    region = region_of(state);
    if (thread >= n_threads_.load(std::memory_order_relaxed) || !enter(state)) continue;
    if (thread < n_threads_.load(std::memory_order_relaxed))
      (*job_)(thread);  // the number may have been an older region's
    leave();
  }
}

int threads_now(int n) {
  if (n <= 1) return 1;
  Workers* const workers = Workers::mine();
  return workers == nullptr || workers->ledger().in_debt(ThreadClock::now()) ? 1 : n;
}

}  // namespace primal
