#include "tensor/exec.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <omp.h>
#include <utility>
#include <vector>

#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

int initial_threads() {
  if (const char* text = std::getenv("PRIMAL_THREADS")) {
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > 4096) {
      throw ConfigError("[threads] PRIMAL_THREADS expects a number from 1 to 4096, found '{}'", text);
    }
    return static_cast<int>(n);
  }
  return omp_get_max_threads();
}

std::atomic<int>& thread_setting() {
  static std::atomic<int> setting = initial_threads();
  return setting;
}

thread_local bool works_alone = false;

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

// The chunks of [0, n) and the threads that take them. Each thread begins with a share of its own, as large as the others' and
// at the same place in every call of that many chunks: rows that it wrote in one layer it reads in the next, from its own cache.
// Whoever is done takes what is left of the others' shares.
class Chunks {
 public:
  Chunks(const Exec& exec, int64_t n, int64_t grain)
      : n_(n), grain_(std::max<int64_t>(grain, 1)), count_(n > 0 ? (n - 1) / grain_ + 1 : 0) {
    if (omp_in_parallel()) return;
    n_threads_ = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(exec.n_threads, count_)));
  }

  int n_threads() const { return n_threads_; }

  // Calls body(begin, end, thread).
  template <class F>
  void run(const F& body) const {
    const auto chunk = [&](int64_t c, int thread) {
      body(c * grain_, std::min(n_, (c + 1) * grain_), thread);
    };
    if (n_threads_ == 1) {
      for (int64_t c = 0; c < count_; ++c) chunk(c, 0);
      return;
    }
    std::vector<Share> shares(static_cast<size_t>(n_threads_));
    for (int64_t i = 0; i < n_threads_; ++i) {
      shares[static_cast<size_t>(i)].next = count_ * i / n_threads_;
      shares[static_cast<size_t>(i)].end = count_ * (i + 1) / n_threads_;
    }
    FirstError error;
#pragma omp parallel num_threads(n_threads_)
    {
      const int thread = omp_get_thread_num();
      for (int k = 0; k < n_threads_; ++k) {
        Share& share = shares[static_cast<size_t>((thread + k) % n_threads_)];
        for (int64_t c = share.next++; c < share.end; c = share.next++)
          error.guard([&] { chunk(c, thread); });
      }
    }
    error.rethrow();
  }

 private:
  struct alignas(64) Share {
    std::atomic<int64_t> next;
    int64_t end;
  };

  int64_t n_, grain_, count_;
  int n_threads_ = 1;
};

}  // namespace

int num_threads() { return works_alone ? 1 : thread_setting().load(); }

void set_num_threads(int n) {
  if (n < 1 || n > 4096) throw ConfigError("[threads] expects a number from 1 to 4096, found {}", n);
  thread_setting() = n;
}

WorkAlone::WorkAlone() : before_(std::exchange(works_alone, true)) {}
WorkAlone::~WorkAlone() { works_alone = before_; }

Scratch::Scratch(size_t bytes, Device device) : data_(backend(device).allocate(bytes, sizeof(float))) {}

void parallel_for(const Exec& exec, int64_t n, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& body) {
  const Chunks chunks(exec, n, grain);
  chunks.run([&](int64_t begin, int64_t end, int) { body(begin, end); });
}

void parallel_for(const Exec& exec, int64_t n, int64_t grain, size_t scratch_bytes,
                  const std::function<void(int64_t, int64_t, void*)>& body) {
  const Chunks chunks(exec, n, grain);
  std::vector<Scratch> scratch;  // of each thread
  for (int i = 0; i < chunks.n_threads(); ++i) scratch.emplace_back(scratch_bytes);
  chunks.run([&](int64_t begin, int64_t end, int thread) {
    body(begin, end, scratch[static_cast<size_t>(thread)].as<void>());
  });
}

double parallel_sum(const Exec& exec, int64_t n, int64_t grain,
                    const std::function<double(int64_t, int64_t)>& body) {
  if (n <= 0) return 0.0;
  grain = std::max<int64_t>(grain, 1);
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_for(exec, n, grain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / grain)] = body(begin, end);
  });
  double sum = 0.0;
  for (double p : partial) sum += p;
  return sum;
}

void parallel_region(const Exec& exec, const std::function<void(int, int)>& body) {
  if (exec.n_threads <= 1 || omp_in_parallel()) {
    body(0, 1);
    return;
  }
  FirstError error;
#pragma omp parallel num_threads(exec.n_threads)
  error.guard([&] { body(omp_get_thread_num(), omp_get_num_threads()); });
  error.rethrow();
}

}  // namespace primal
