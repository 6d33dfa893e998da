// MemoryPool: blocks of host memory that are handed back and used again, so that a training step after the
// first asks the system for nothing. Blocks are 64-byte aligned (one cache line, one AVX-512 register) and
// come in size classes eight to an octave, so at most 12.5 % of a block is unused. All functions may be
// called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace primal {

struct MemoryStats {
  size_t live_bytes = 0;            // in blocks that somebody holds now
  size_t peak_bytes = 0;            // the most live_bytes has been since the last reset_peak()
  size_t reserved_bytes = 0;        // live blocks and cached ones together
  uint64_t system_allocations = 0;  // how often the system was asked for a block
};

class MemoryPool {
 public:
  static constexpr size_t kAlignment = 64;

  MemoryPool() : shelf_(std::make_shared<Shelf>()) {}

  // A block of at least `bytes`, contents undefined; it goes back to the pool when the last copy of the
  // pointer dies, which may be after the pool itself. DeviceError where the system has no more memory.
  std::shared_ptr<void> allocate(size_t bytes);

  MemoryStats stats() const;
  void reset_peak();
  void release_cached();  // gives every block that nobody holds back to the system

  static size_t size_class(size_t bytes);  // the size of the block that allocate(bytes) returns

 private:
  struct Shelf {
    ~Shelf();
    std::mutex mutex;
    std::map<size_t, std::vector<void*>> cached;  // size class -> blocks nobody holds
    MemoryStats stats;
  };
  std::shared_ptr<Shelf> shelf_;
};

// The pool behind every tensor on the CPU.
MemoryPool& host_pool();

}  // namespace primal
