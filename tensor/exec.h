// Exec: where and how a kernel runs: the device, and how many threads on the CPU.
// parallel_for splits a range by geometry (never by thread), so results do not depend on the number of
// threads.
#pragma once

#include <cstdint>
#include <functional>

#include "tensor/device.h"

namespace primal {

// Threads used when nobody says otherwise: PRIMAL_THREADS if set, else OMP_NUM_THREADS, else as many as this
// process may use processors (tensor/threads/processors.h).
int num_threads();
// Changes that number for the whole process; n >= 1, otherwise ConfigError.
void set_num_threads(int n);

// While one lives, this thread works alone, whatever that number is: for helpers that work beside the main
// thread.
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

// Calls body(begin, end) for the chunks [0, grain), [grain, 2 grain), ... of [0, n); chunks run in parallel
// on exec.n_threads threads, each chunk once. Exceptions from a body are rethrown after all threads have
// joined.
void parallel_for(const Exec& exec, int64_t n, int64_t grain,
                  const std::function<void(int64_t, int64_t)>& body);

// The same for bodies that keep something for each thread: prepare(n_threads), once and before any of
// body(begin, end, thread). More threads than that take no chunks. For scratch memory: scratch.h.
void parallel_for(const Exec& exec, int64_t n, int64_t grain, const std::function<void(int)>& prepare,
                  const std::function<void(int64_t, int64_t, int)>& body);

// Sum of body(begin, end) over the chunks of [0, n), added in order of the chunks: the same bits for any
// thread count.
double parallel_sum(const Exec& exec, int64_t n, int64_t grain,
                    const std::function<double(int64_t, int64_t)>& body);

// Runs body(thread, n_threads) once on each of exec.n_threads threads, all alive at once: for bodies that
// wait for each other at barriers of their own (std::barrier).
void parallel_region(const Exec& exec, const std::function<void(int, int)>& body);

}  // namespace primal
