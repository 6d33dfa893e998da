#include "tensor/memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "tensor/error.h"

namespace primal {

size_t MemoryPool::size_class(size_t bytes) {
  if (bytes <= 8 * kAlignment) return std::max<size_t>(1, (bytes + kAlignment - 1) / kAlignment) * kAlignment;
  // Eight classes between powers of two: round up to a multiple of (largest power of two below bytes) / 8.
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

MemoryPool::Shelf::~Shelf() {
  for (auto& [bytes, blocks] : cached) {
    for (void* block : blocks) std::free(block);
  }
}

std::shared_ptr<void> MemoryPool::allocate(size_t bytes) {
  const size_t rounded = size_class(bytes);
  void* block = nullptr;
  {
    std::lock_guard lock(shelf_->mutex);
    MemoryStats& stats = shelf_->stats;
    if (auto found = shelf_->cached.find(rounded); found != shelf_->cached.end() && !found->second.empty()) {
      block = found->second.back();
      found->second.pop_back();
    } else {
      block = std::aligned_alloc(kAlignment, rounded);
      if (block == nullptr) {
        throw DeviceError("[memory] the system refused {} bytes; {} are in use and {} cached", rounded,
                          stats.live_bytes, stats.reserved_bytes - stats.live_bytes);
      }
      stats.reserved_bytes += rounded;
      ++stats.system_allocations;
    }
    stats.live_bytes += rounded;
    stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  }
  return std::shared_ptr<void>(block, [shelf = shelf_, rounded](void* p) {
    std::lock_guard lock(shelf->mutex);
    shelf->stats.live_bytes -= rounded;
    shelf->cached[rounded].push_back(p);
  });
}

MemoryStats MemoryPool::stats() const {
  std::lock_guard lock(shelf_->mutex);
  return shelf_->stats;
}

void MemoryPool::reset_peak() {
  std::lock_guard lock(shelf_->mutex);
  shelf_->stats.peak_bytes = shelf_->stats.live_bytes;
}

void MemoryPool::release_cached() {
  std::lock_guard lock(shelf_->mutex);
  for (auto& [bytes, blocks] : shelf_->cached) {
    for (void* block : blocks) std::free(block);
    shelf_->stats.reserved_bytes -= bytes * blocks.size();
  }
  shelf_->cached.clear();
}

MemoryPool& host_pool() {
  static MemoryPool pool;
  return pool;
}

}  // namespace primal
