// Exec: where and how a kernel runs: the device, how many threads on the CPU, and scratch memory from the pool.
// parallel_for splits a range by geometry (never by thread), so results do not depend on the number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "tensor/device.h"

namespace primal {

// Threads used when nobody says otherwise: PRIMAL_THREADS if set, else OMP_NUM_THREADS, else the cores this
// process may use.
int num_threads();
// Changes that number for the whole process; n >= 1, otherwise ConfigError.
void set_num_threads(int n);

// While one lives, this thread works alone, whatever that number is: for helpers that work beside the main thread.
class WorkAlone {
 public:
  WorkAlone();
  ~WorkAlone();
  WorkAlone(const WorkAlone&) = delete;
  WorkAlone& operator=(const WorkAlone&) = delete;

 private:
  bool before_;
};

struct Exec {
  int n_threads = num_threads();
  Device device = {};
};
inline Exec exec_on(Device device) { return {.n_threads = num_threads(), .device = device}; }

// Scratch memory of a kernel call, 64-byte aligned, from the memory pool and back to it at the end of the
// scope. Contents are undefined at first.
class Scratch {
 public:
  explicit Scratch(size_t bytes, Device device = {});
  template <class T>
  T* as() const {
    return static_cast<T*>(data_.get());
  }

 private:
  std::shared_ptr<void> data_;
};

// Calls body(begin, end) for the chunks [0, grain), [grain, 2 grain), ... of [0, n); chunks run in parallel
// on exec.n_threads threads, each chunk once. Exceptions from a body are rethrown after all threads have
// joined.
void parallel_for(const Exec& exec, int64_t n, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& body);

// The same with scratch memory for each chunk, contents undefined: body(begin, end, scratch). There is one block of that many
// bytes for each thread, taken before they begin: what a call asks the pool for does not depend on who comes first.
void parallel_for(const Exec& exec, int64_t n, int64_t grain, size_t scratch_bytes,
                  const std::function<void(int64_t, int64_t, void*)>& body);

// Sum of body(begin, end) over the chunks of [0, n), added in order of the chunks: the same bits for any
// thread count.
double parallel_sum(const Exec& exec, int64_t n, int64_t grain,
                    const std::function<double(int64_t, int64_t)>& body);

// Runs body(thread, n_threads) once on each of exec.n_threads threads, all alive at once: for kernels that
// synchronise with barriers of their own (`#pragma omp barrier` works inside).
void parallel_region(const Exec& exec, const std::function<void(int, int)>& body);

}  // namespace primal
