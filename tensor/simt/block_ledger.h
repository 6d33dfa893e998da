// The blocks of the emulated device that exist: which block an address lies in, and whether somebody holds
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "tensor/memory_pool.h"

namespace primal::simt {

class BlockLedger {
 public:
  struct Block {
    uintptr_t begin = 0;
    size_t bytes = 0;
    uint64_t number = 0;          // no two blocks have the same, whatever their address
    const void* graph = nullptr;  // the graph memory that it belongs to; null for the device's own
    bool held = true;             // false: it lies in the graph memory, for the next who asks
  };

  // A new block of heap memory, filled with poison. DeviceError where the system refuses.
  void* allocate(size_t bytes, size_t element_bytes, const void* graph);
  void free(void* block);
  void set_held(void* block, bool held);

  std::optional<Block> block_at(const void* address) const;

  MemoryStats stats() const;
  void reset_peak();

 private:
  mutable std::mutex mutex_;
  std::map<uintptr_t, Block> blocks_;
  uint64_t n_made_ = 0;
  MemoryStats stats_;
};

// The ledger of the emulated device; never destroyed.
BlockLedger& block_ledger();

void fill_with_poison(void* block, size_t bytes, size_t element_bytes);

}  // namespace primal::simt
