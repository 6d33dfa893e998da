#include "tensor/simt/block_ledger.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "tensor/error.h"
#include "tensor/simt/poison.h"

namespace primal::simt {
namespace {

constexpr size_t kAlignment = 256;  // as cudaMalloc's

size_t rounded(size_t bytes) {
  return (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void fill_with_poison(void* block, size_t bytes, size_t element_bytes) {
  if (element_bytes == 8) {
    fill_poison<double>(block, bytes);
  } else {
    fill_poison<float>(block, bytes);
  }
}

void* BlockLedger::allocate(size_t bytes, size_t element_bytes, const void* graph) {
  void* block = nullptr;
  // The size as it was asked for, not rounded: what lies behind it is nobody's.
  if (posix_memalign(&block, kAlignment, std::max<size_t>(bytes, 1)) != 0) {
    throw DeviceError("[memory] the system refused {} bytes for simt; {} are in use", bytes,
                      stats().live_bytes);
  }
  fill_with_poison(block, bytes, element_bytes);
  const std::lock_guard lock(mutex_);
  const auto begin = reinterpret_cast<uintptr_t>(block);
  blocks_[begin] = {begin, bytes, ++n_made_, graph, true};
  stats_.live_bytes += rounded(bytes);
  stats_.reserved_bytes = stats_.live_bytes;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  ++stats_.system_allocations;
  return block;
}

void BlockLedger::free(void* block) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(reinterpret_cast<uintptr_t>(block));
    stats_.live_bytes -= rounded(found->second.bytes);
    stats_.reserved_bytes = stats_.live_bytes;
    blocks_.erase(found);
  }
  std::free(block);
}

void BlockLedger::set_held(void* block, bool held) {
  const std::lock_guard lock(mutex_);
  blocks_.at(reinterpret_cast<uintptr_t>(block)).held = held;
}

std::optional<BlockLedger::Block> BlockLedger::block_at(const void* address) const {
  const auto at = reinterpret_cast<uintptr_t>(address);
  const std::lock_guard lock(mutex_);
  const auto behind = blocks_.upper_bound(at);
  if (behind == blocks_.begin()) return std::nullopt;
  const Block& block = std::prev(behind)->second;
  if (at >= block.begin + std::max<size_t>(block.bytes, 1)) return std::nullopt;
  return block;
}

MemoryStats BlockLedger::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void BlockLedger::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.live_bytes;
}

BlockLedger& block_ledger() {
  static auto& ledger = *new BlockLedger;
  return ledger;
}

}  // namespace primal::simt
