// MemoryPool: blocks of memory that are handed back and used again, so that a training step after the first
// asks the system for nothing. Blocks are at least 64-byte aligned (one cache line, one AVX-512 register) and
// come in size classes eight to an octave, so at most 12.5 % of a new block is unused; where none of the
// right size is cached, one of up to twice that size serves, so that what one op needed as scratch becomes
// another's tensor. All functions may be called from any thread.
//
// A device has a pool too. A block that is handed back may still be read by kernels that were launched
// before; whoever gets it next launches on the same stream and so comes after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace primal {

struct MemoryStats {
  size_t live_bytes = 0;            // asked for and held now, in whole size classes
  size_t peak_bytes = 0;            // the most live_bytes has been since the last reset_peak()
  size_t reserved_bytes = 0;        // live blocks and cached ones together
  uint64_t system_allocations = 0;  // how often the system was asked for a block
};

// Where a pool's blocks come from.
struct MemorySource {
  std::string of;                         // as messages call it: "cuda:0"; empty for the host
  std::function<void*(size_t)> allocate;  // null where there is no more
  std::function<void(void*)> free;
};
MemorySource host_memory();

class MemoryPool {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

  explicit MemoryPool(MemorySource source = host_memory())
      : shelf_(std::make_shared<Shelf>(std::move(source))) {}

  // A block of at least `bytes`, contents undefined; it goes back to the pool when the last copy of the
  // pointer dies, which may be after the pool itself. Where the source has no more, the cached blocks are
  // given back and it is asked once more; then DeviceError.
  std::shared_ptr<void> allocate(size_t bytes);

  MemoryStats stats() const;
  void reset_peak();
  void release_cached();  // gives every block that nobody holds back to the system
  // Blocks that nobody holds go back to the system, large ones first, before reserved_bytes would grow beyond
  // this; no block is refused for it. Returns the limit before; at first there is none.
  size_t set_limit(size_t reserved_bytes);

  static size_t size_class(size_t bytes);  // the size of the block that allocate(bytes) returns

 private:
  using Cached = std::map<size_t, std::vector<void*>>;  // size -> blocks nobody holds
  static constexpr size_t kMostStretch = 2;
  struct Shelf {
    explicit Shelf(MemorySource s) : source(std::move(s)) {}
    ~Shelf();
    void release_cached(size_t at_least = kUnlimited);
    Cached::iterator smallest_cached(
        size_t size);  // at least that size and not much larger; the end where there is none
    MemorySource source;
    std::mutex mutex;
    Cached cached;
    MemoryStats stats;
    size_t limit = kUnlimited;
  };
  std::shared_ptr<Shelf> shelf_;
};

// A limit of a pool while it lives: for work whose blocks differ from one time to the next, where blocks of
// all sizes would pile up.
class PoolLimit {
 public:
  PoolLimit(MemoryPool& pool, size_t reserved_bytes) : pool_(pool), before_(pool.set_limit(reserved_bytes)) {}
  ~PoolLimit() { pool_.set_limit(before_); }
  PoolLimit(const PoolLimit&) = delete;
  PoolLimit& operator=(const PoolLimit&) = delete;

 private:
  MemoryPool& pool_;
  size_t before_;
};

// The pool behind every tensor on the CPU.
MemoryPool& host_pool();

}  // namespace primal
