// ScratchSpan<T>: scratch memory of a kernel call as elements, where that runs: from the memory pool, and back to it at the
// end of the scope. Contents are undefined at first; the emulation knows an element of this type that nothing has written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tensor/backend.h"
#include "tensor/exec.h"

namespace primal {

template <class T>
class ScratchSpan {
 public:
  ScratchSpan(const Exec& exec, int64_t n)
      : n_(static_cast<size_t>(n)), memory_(backend(exec.device).allocate(n_ * sizeof(T), sizeof(T))) {}
  std::span<T> span() const { return {static_cast<T*>(memory_.get()), n_}; }

 private:
  size_t n_;
  std::shared_ptr<void> memory_;
};

}  // namespace primal
