// The emulation build of simt.h: the names of CUDA that kernels use, in namespace primal::simt. The threads
// of a block are fibers on one thread of the operating system; independent blocks run in parallel over the
// cores, the blocks of a cooperative launch all together on one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tensor/exec.h"
#include "tensor/simt/atomics.h"     // IWYU pragma: export
#include "tensor/simt/global.h"      // IWYU pragma: export
#include "tensor/simt/intrinsics.h"  // IWYU pragma: export
#include "tensor/simt/poison.h"      // IWYU pragma: export
#include "tensor/simt/schedule.h"    // IWYU pragma: export
#include "tensor/simt/shared.h"      // IWYU pragma: export
#include "tensor/simt/simt_graph.h"
#include "tensor/simt/vector_types.h"  // IWYU pragma: export
#include "tensor/simt/where.h"         // IWYU pragma: export

// All inlined, as on a device: and a recording tells the calls of a function apart.
#define __global__ __attribute__((flatten))
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

namespace primal::simt {

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

// The indices and extents of the kernel thread that runs. Its fiber never moves to another thread of the
// operating system.
extern constinit thread_local uint3 threadIdx, blockIdx;
extern constinit thread_local dim3 blockDim, gridDim;
constexpr int warpSize = 32;

struct Launch {
  const char* name = "";  // as messages call it; must outlive the launch
  dim3 grid = dim3(1), block = dim3(1);
  size_t shared_bytes = 0;
  bool cooperative = false;  // all blocks are there at once, and grid_sync() is allowed
  dim3 cluster = dim3(1);    // so many neighbouring blocks are there at once: cluster_sync() and map_shared()
};

// Runs `thread` once for each thread of the grid. DeviceError for what no device could launch, CheckFailed
// for a fault of the kernel; of several faults, that of the first block.
void run_grid(const Exec& exec, const Launch& at, const std::function<void()>& thread);

// What a capture looks at (simt_graph.h). An empty buffer may begin anywhere.
template <class T>
Argument argument_of(const T& value) {
  return {&value, sizeof value, std::is_pointer_v<T>};
}
template <class T>
Argument argument_of(const Pointer<T, Memory::global>& pointer) {
  static_assert(std::is_standard_layout_v<Pointer<T, Memory::global>>, "it begins with its address");
  return {&pointer, sizeof pointer, pointer.size() > 0};
}

// Makes the bytes between the members of a parameter 0: whatever the stack had there may look like an
// address. clang 14 cannot.
template <class T>
void clear_padding([[maybe_unused]] T& parameter) {
#if __has_builtin(__builtin_clear_padding)
  // The one byte of an empty object in a tuple is another member's.
  if constexpr (!std::is_empty_v<T>) __builtin_clear_padding(&parameter);
#endif
}

// The same, kept for later: it runs at each replay of the graph that this thread records. False where it
// records none.
bool is_kept();
void keep_grid(const Exec& exec, const Launch& at, std::span<const Argument> arguments,
               std::function<void()> thread);

template <class... Params, class... Args>
void launch(const Exec& exec, const Launch& at, void (*kernel)(Params...), Args&&... args) {
  static_assert(sizeof...(Params) == sizeof...(Args), "as many arguments as the kernel has parameters");
  const std::tuple<std::remove_const_t<Params>...> params(static_cast<Params>(args)...);
  if (is_kept()) [[unlikely]] {
    auto looked_at = params;
    const auto arguments = std::apply(
        [](auto&... each) {
          (clear_padding(each), ...);
          return std::array<Argument, sizeof...(Params)>{argument_of(each)...};
        },
        looked_at);
    return keep_grid(exec, at, arguments, [kernel, params] { std::apply(kernel, params); });
  }
  run_grid(exec, at, [&] { std::apply(kernel, params); });  // each thread has its own copy of the parameters
}

void __syncthreads(Where where = Where::current());
// And of how many threads of the block the predicate was not 0; whether of any; whether of all.
int __syncthreads_count(int predicate, Where where = Where::current());
int __syncthreads_or(int predicate, Where where = Where::current());
int __syncthreads_and(int predicate, Where where = Where::current());
void grid_sync(Where where = Where::current());
void cluster_sync(Where where = Where::current());
unsigned cluster_rank();  // of this block, in its cluster
unsigned cluster_size();  // in blocks

// Fences order what a thread does before them and after them, as others see it. Threads run one at a time
// here, so that is so without; a recording takes an atomic operation after a __threadfence as a sign to
// whoever next uses the same address atomically that all its block has done before is done.
void __threadfence();
inline void __threadfence_block() {}
inline void __threadfence_system() { __threadfence(); }

void __syncwarp(unsigned mask = ~0U, Where where = Where::current());

// The value that lane `source` of the warp brings; poison where it is not in the mask.
uint64_t exchange(unsigned mask, uint64_t value, int source, uint64_t poison_bits, Where where);
unsigned __ballot_sync(unsigned mask, int predicate, Where where = Where::current());
int lane_id();

__forceinline__ int __any_sync(unsigned mask, int predicate, Where where = Where::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
__forceinline__ int __all_sync(unsigned mask, int predicate, Where where = Where::current()) {
  return __ballot_sync(mask, !predicate, where) == 0;
}

template <class T>
__forceinline__ T exchange_value(unsigned mask, T value, int source, Where where) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "as in CUDA: 4 or 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(mask, bits, source, poison_bits<T>(), where);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The warp is cut into segments of `width` lanes; beyond its segment a lane gets its own value back.
template <class T>
__forceinline__ T __shfl_sync(unsigned mask, T value, int source, int width = warpSize,
                              Where where = Where::current()) {
  return exchange_value(mask, value, (lane_id() & ~(width - 1)) | (source & (width - 1)), where);
}
template <class T>
__forceinline__ T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                                 Where where = Where::current()) {
  const int lane = lane_id(), source = lane - static_cast<int>(delta);
  return exchange_value(mask, value, source < (lane & ~(width - 1)) ? lane : source, where);
}
template <class T>
__forceinline__ T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                                   Where where = Where::current()) {
  const int lane = lane_id(), source = lane + static_cast<int>(delta);
  return exchange_value(mask, value, source > (lane | (width - 1)) ? lane : source, where);
}
template <class T>
__forceinline__ T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize,
                                  Where where = Where::current()) {
  const int lane = lane_id(), source = lane ^ lane_mask;
  return exchange_value(mask, value, source > (lane | (width - 1)) ? lane : source, where);
}

}  // namespace primal::simt
