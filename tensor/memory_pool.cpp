#include "tensor/memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <sys/mman.h>

#include "tensor/error.h"
#include "tensor/rehearsal.h"

namespace primal {

size_t MemoryPool::size_class(size_t bytes) {
  if (bytes <= 8 * kAlignment) return std::max<size_t>(1, (bytes + kAlignment - 1) / kAlignment) * kAlignment;
  // Eight classes between powers of two: round up to a multiple of (largest power of two below bytes) / 8.
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

namespace {

// Large blocks ask for huge pages: kernels that walk through many channels at once touch more 4 KiB pages
// than the processor keeps translations of.
void* allocate_on_host(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const bool large = bytes >= kHugePage;
  void* block = nullptr;
  if (posix_memalign(&block, large ? kHugePage : MemoryPool::kAlignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (large)
    madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // where the system refuses, small ones do
#endif
  return block;
}

// "512 bytes", "49.2 kB", "1234.5 MB".
std::string size_text(size_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  if (bytes < 1000000) return fmt::format("{:.1f} kB", 1e-3 * static_cast<double>(bytes));
  return fmt::format("{:.1f} MB", 1e-6 * static_cast<double>(bytes));
}

}  // namespace

MemorySource host_memory() {
  return {.of = {}, .allocate = allocate_on_host, .free = [](void* block) { std::free(block); }};
}

MemoryPool::Shelf::~Shelf() { release_cached(); }

void MemoryPool::Shelf::release_cached(size_t at_least) {
  size_t released = 0;
  for (auto entry = cached.rbegin(); entry != cached.rend() && released < at_least; ++entry) {
    auto& [bytes, blocks] = *entry;
    for (; !blocks.empty() && released < at_least; blocks.pop_back(), released += bytes)
      source.free(blocks.back());
  }
  stats.reserved_bytes -= released;
}

MemoryPool::Cached::iterator MemoryPool::Shelf::smallest_cached(size_t size) {
  auto found = cached.lower_bound(size);
  while (found != cached.end() && found->second.empty()) ++found;
  return found != cached.end() && found->first <= kMostStretch * size ? found : cached.end();
}

std::shared_ptr<void> MemoryPool::allocate(size_t bytes) {
  const size_t rounded = size_class(bytes);
  size_t held = rounded;  // the size of the block
  void* block = nullptr;
  {
    std::lock_guard lock(shelf_->mutex);
    MemoryStats& stats = shelf_->stats;
    if (const auto found = shelf_->smallest_cached(rounded); found != shelf_->cached.end()) {
      held = found->first;
      block = found->second.back();
      found->second.pop_back();
    } else {
      const size_t grown = stats.reserved_bytes + rounded;
      if (grown > shelf_->limit) shelf_->release_cached(grown - shelf_->limit);
      block = shelf_->source.allocate(rounded);
      if (block == nullptr) {
        shelf_->release_cached();
        block = shelf_->source.allocate(rounded);
      }
      if (block == nullptr) {
        const std::string& of = shelf_->source.of;
        throw DeviceError("[memory] {} refused {}; {} are in use here{}", of.empty() ? "the system" : of,
                          size_text(rounded), size_text(stats.live_bytes),
                          of.empty() ? "" : ": smaller pictures, a smaller batch or fewer filters need less");
      }
      stats.reserved_bytes += rounded;
      ++stats.system_allocations;
    }
    stats.live_bytes += rounded;
    stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  }
  return std::shared_ptr<void>(block, [shelf = shelf_, rounded, held](void* p) {
    std::lock_guard lock(shelf->mutex);
    shelf->stats.live_bytes -= rounded;
    shelf->cached[held].push_back(p);
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
  shelf_->release_cached();
}

size_t MemoryPool::set_limit(size_t reserved_bytes) {
  std::lock_guard lock(shelf_->mutex);
  return std::exchange(shelf_->limit, reserved_bytes);
}

MemoryPool& host_pool() {
  if (MemoryPool* const counted = Rehearsal::pool()) return *counted;
  static MemoryPool pool;
  return pool;
}

}  // namespace primal
