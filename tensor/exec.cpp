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
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t n_chunks = (n + grain - 1) / grain;
  const int team = static_cast<int>(std::min<int64_t>(exec.n_threads, n_chunks));
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t c = 0; c < n_chunks; ++c) body(c * grain, std::min(n, (c + 1) * grain));
    return;
  }
  FirstError error;
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (int64_t c = 0; c < n_chunks; ++c) {
    error.guard([&] { body(c * grain, std::min(n, (c + 1) * grain)); });
  }
  error.rethrow();
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
