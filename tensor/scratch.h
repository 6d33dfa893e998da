// Scratch<T>: memory for the time of one kernel call, the only kind there is.
//
//   const Scratch<float> sums(exec, n);                       n elements where the call runs
//   parallel_for<float>(exec, n_tasks, 1, n,                  n elements for each thread
//                       [&](int64_t begin, int64_t end, float* task) { ... });
//
// It comes from the memory pool of the device and goes back at the end of the scope, so after the first step
// it costs nothing, and a rehearsal (rehearsal.h) counts it like every other block. It is aligned to 64 bytes
// at least. Its contents are undefined at first, and the emulation of CUDA knows an element that nothing has
// written. What a library calls its workspace is a Scratch<std::byte>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/backend.h"
#include "tensor/exec.h"

namespace primal {

template <class T>
class Scratch {
 public:
  Scratch(const Exec& exec, int64_t n)
      : n_(static_cast<size_t>(n)), memory_(backend(exec.device).allocate(n_ * sizeof(T), sizeof(T))) {}

  T* data() const { return static_cast<T*>(memory_.get()); }
  std::span<T> span() const { return {data(), n_}; }

 private:
  size_t n_;
  std::shared_ptr<void> memory_;
};

// parallel_for (exec.h) with n_scratch elements for each thread: body(begin, end, scratch). All are taken
// before the chunks begin: what a call asks the pool for does not depend on who comes first.
template <class T, class Body>
void parallel_for(const Exec& exec, int64_t n, int64_t grain, int64_t n_scratch, const Body& body) {
  std::vector<Scratch<T>> scratch;
  const auto prepare = [&](int n_threads) {
    while (std::ssize(scratch) < n_threads) scratch.emplace_back(exec, n_scratch);
  };
  parallel_for(exec, n, grain, prepare, [&](int64_t begin, int64_t end, int thread) {
    body(begin, end, scratch[static_cast<size_t>(thread)].data());
  });
}

}  // namespace primal
