// Asynchronous copies from global to shared memory (cp.async), under the same names on a device and in the
// emulation. Compute capability 8.0 or later.
//
//   copy_async(to, from, inside)   shared *to = inside ? global *from : 0, of 4, 8 or 16 bytes (float,
//                                  float2, float4)
//   commit_copies()                what this thread has started since the last call is a group
//   wait_for_copies<n>()           all groups of this thread but the n newest have arrived
//
// Only the thread that waits knows that its own copies have arrived; the others learn it from a barrier after
// the wait. Both addresses are multiples of the size; `from` is not read where `inside` is false and may then
// lie anywhere.
//
// In the emulation a destination is poison until its thread has waited, so that an earlier read reports
// memory that nobody has written. The copy counts as a write when it starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __CUDACC__
#include "tensor/simt/simt.h"
#else
#include "tensor/simt/pointer.h"
#include "tensor/simt/poison.h"
#endif

#ifdef __CUDACC__

namespace primal::cuda {

template <class T>
__device__ inline void copy_async(T* to, const T* from, bool inside) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "what one instruction copies");
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = inside ? static_cast<int>(sizeof(T)) : 0;  // the rest becomes zeros
  if constexpr (sizeof(T) == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(from), "n"(sizeof(T)),
                 "r"(bytes)
                 : "memory");
  }
#else
  __trap();
#endif
}

__device__ inline void commit_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int n>
__device__ inline void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory");
#endif
}

}  // namespace primal::cuda

#else

namespace primal::simt {

// The copies of a thread that have not arrived.
class PendingCopies {
 public:
  void start(void* to, const void* value, size_t bytes);
  void commit() { ++group_; }
  void arrive(int n_left);  // all committed groups but the n newest

 private:
  struct Copy {
    void* to;
    unsigned char value[16];
    uint32_t bytes, group;
  };
  std::vector<Copy> copies_;
  uint32_t group_ = 0;  // that the next copy belongs to
};

PendingCopies& copies_of_this_thread(const char* what);

template <class T>
[[gnu::always_inline]] inline void copy_async(const Pointer<T, Memory::shared>& to,
                                              const Pointer<const T, Memory::global>& from, bool inside,
                                              Where where = Where::current()) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "what one instruction copies");
  T* const at = to.access(Index(0, where), Access::write);
  T value{};
  if (inside) value = from.load(Index(0, where));
  copies_of_this_thread("copy_async").start(at, &value, sizeof value);
  fill_poison<T>(at, sizeof value);
}

inline void commit_copies() { copies_of_this_thread("commit_copies").commit(); }

template <int n>
void wait_for_copies() {
  copies_of_this_thread("wait_for_copies").arrive(n);
}

}  // namespace primal::simt

#endif
