#include "tensor/exec.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tensor/rehearsal.h"
#include "tensor/threads/processors.h"
#include "tensor/threads/thread_share.h"
#include "tensor/threads/workers.h"

namespace primal {
namespace {

constexpr int kMostThreads = 4096;

int initial_threads() {
  if (const char* text = std::getenv("PRIMAL_THREADS")) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > kMostThreads) {
      throw ConfigError("[threads] PRIMAL_THREADS expects a number from 1 to {}, found '{}'", kMostThreads,
                        text);
    }
    return static_cast<int>(n);
  }
  if (const char* text =
          std::getenv("OMP_NUM_THREADS")) {  // the first of a list; of no meaning here if it is not a number
    const long n = std::strtol(text, nullptr, 10);
    if (n >= 1) return static_cast<int>(std::min<long>(n, kMostThreads));
  }
  return std::min(usable_processors().count(), kMostThreads);
}

std::atomic<int>& thread_setting() {
  static std::atomic<int> setting = initial_threads();
  return setting;
}

thread_local bool works_alone = false;
thread_local int share_of_thread = 0;  // 0: all

// The first exception any thread throws, to be thrown again once all have joined.
class FirstError {
 public:
  template <class F>
  void guard(F&& f) {
    try {
      f();
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

// The chunks of [0, n) and the threads that take them. Each thread begins with a share of its own, as large
// as the others' and at the same place in every call of that many chunks: rows that it wrote in one layer it
// reads in the next, from its own cache. Whoever is done takes what is left of the others' shares, and a
// thread that has no core just now is not waited for.
class Chunks {
 public:
  Chunks(const Exec& exec, int64_t n, int64_t grain)
      : n_(n),
        grain_(std::max<int64_t>(grain, 1)),
        count_(n > 0 ? (n - 1) / grain_ + 1 : 0),
        workers_(exec.n_threads > 1 && count_ > 1 ? Workers::mine() : nullptr) {
    if (workers_ != nullptr) n_threads_ = static_cast<int>(std::min<int64_t>(exec.n_threads, count_));
  }

  int n_threads() const { return n_threads_; }  // at most

  // Calls body(begin, end, thread).
  template <class F>
  void run(const F& body) const {
    unless_rehearsing([&] { run_all(body); });
  }

 private:
  template <class F>
  void run_all(const F& body) const {
    const auto chunk = [&](int64_t c, int thread) {
      body(c * grain_, std::min(n_, (c + 1) * grain_), thread);
    };
    const auto alone = [&] {
      for (int64_t c = 0; c < count_; ++c) chunk(c, 0);
    };
    if (n_threads_ == 1) return alone();
    const ThreadClock::time_point began = ThreadClock::now();
    if (workers_->ledger().in_debt(began)) return workers_->help(1, [&](int) { alone(); });
    const int n_threads = workers_->recruit(n_threads_);
    std::vector<Share> shares(static_cast<size_t>(n_threads));
    Share* const share_of = shares.data();  // of each thread
    for (int64_t i = 0; i < n_threads; ++i) {
      share_of[i].next = count_ * i / n_threads;
      share_of[i].end = count_ * (i + 1) / n_threads;
    }
    FirstError error;
    workers_->help(n_threads, [&](int thread) {
      const ThreadClock::time_point start = ThreadClock::now();
      Share& own = share_of[thread];
      for (int k = 0; k < n_threads; ++k) {
        Share& share = share_of[(thread + k) % n_threads];
        for (int64_t c = share.next++; c < share.end; c = share.next++) {
          error.guard([&] { chunk(c, thread); });
          ++own.taken;
        }
      }
      own.busy = ThreadClock::now() - start;
    });
    const ThreadClock::time_point ended = ThreadClock::now();
    workers_->ledger().enter(time_alone(shares), ended - began, ended);
    error.rethrow();
  }

  struct alignas(64) Share {
    std::atomic<int64_t> next;
    int64_t end;
    int64_t taken = 0;                // chunks that the thread of this share took, of any share
    ThreadClock::duration busy = {};  // for which it took so long
  };

  // How long one thread would have taken for all chunks: what they took together, where a thread that took
  // more than twice as long for a chunk as the fastest lost its core on the way, and counts as twice as slow.
  static ThreadClock::duration time_alone(const std::vector<Share>& shares) {
    auto fastest = ThreadClock::duration::max();  // for a chunk
    for (const Share& s : shares) {
      if (s.taken > 0) fastest = std::min(fastest, s.busy / s.taken);
    }
    ThreadClock::duration sum = {};
    for (const Share& s : shares) {
      if (s.taken > 0) sum += std::min(s.busy, 2 * s.taken * fastest);
    }
    return sum;
  }

  int64_t n_, grain_, count_;
  Workers* workers_;
  int n_threads_ = 1;
};

}  // namespace

int num_threads() {
  if (works_alone) return 1;
  return share_of_thread > 0 ? share_of_thread : thread_setting().load();
}

void set_num_threads(int n) {
  if (n < 1 || n > kMostThreads)
    throw ConfigError("[threads] expects a number from 1 to {}, found {}", kMostThreads, n);
  thread_setting() = n;
}

WorkAlone::WorkAlone() : before_(std::exchange(works_alone, true)) {}
WorkAlone::~WorkAlone() { works_alone = before_; }

ThreadShare::ThreadShare(int n_threads) : before_(std::exchange(share_of_thread, n_threads)) {}
ThreadShare::~ThreadShare() { share_of_thread = before_; }

void parallel_for(const Exec& exec, int64_t n, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& body) {
  const Chunks chunks(exec, n, grain);
  chunks.run([&](int64_t begin, int64_t end, int) { body(begin, end); });
}

void parallel_for(const Exec& exec, int64_t n, int64_t grain, const std::function<void(int)>& prepare,
                  const std::function<void(int64_t, int64_t, int)>& body) {
  const Chunks chunks(exec, n, grain);
  prepare(chunks.n_threads());
  chunks.run(body);
}

double parallel_sum(const Exec& exec, int64_t n, int64_t grain,
                    const std::function<double(int64_t, int64_t)>& body) {
  if (n <= 0) return 0.0;
  grain = std::max<int64_t>(grain, 1);
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_for(exec, n, grain, [&, sum_of = partial.data()](int64_t begin, int64_t end) {
    sum_of[begin / grain] = body(begin, end);
  });
  double sum = 0.0;
  for (double p : partial) sum += p;
  return sum;
}

void parallel_region(const Exec& exec, const std::function<void(int, int)>& body) {
  unless_rehearsing([&] {
    Workers* const workers = exec.n_threads > 1 ? Workers::mine() : nullptr;
    const int n_threads = workers == nullptr ? 1 : workers->recruit(exec.n_threads);
    if (n_threads == 1) return body(0, 1);
    FirstError error;
    workers->gather(n_threads, [&](int thread) { error.guard([&] { body(thread, n_threads); }); });
    error.rethrow();
  });
}

}  // namespace primal
