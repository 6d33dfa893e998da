#include "tensor/threads/memory_shares.h"

namespace primal {

// Whether piece `number` may have so many bytes now. The others' sum counts, but where the piece has the
// lowest number those that have not grown do not: they may be waiting to grow until this one is done.
bool MemoryShares::fits(size_t number, int64_t bytes, bool grown) const {
  int64_t others = 0;
  bool is_lowest = true, any_grown = false;
  for (const auto& [other, share] : shares_) {
    if (other == number) continue;
    others += share.bytes;
    is_lowest = is_lowest && number < other;
    any_grown = any_grown || share.grown;
  }
  if (bytes <= limit_ - others) return true;
  return is_lowest && (!grown || !any_grown);
}

void MemoryShares::take(size_t number, int64_t bytes, bool grown) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return fits(number, bytes, grown); });
  shares_[number] = {bytes, grown};
}

void MemoryShares::give_back(size_t number) {
  {
    const std::lock_guard lock(mutex_);
    shares_.erase(number);
  }
  changed_.notify_all();
}

MemoryShare::MemoryShare(MemoryShares& memory, size_t number, int64_t bytes)
    : memory_(memory), number_(number) {
  memory_.take(number_, bytes, false);
}
MemoryShare::~MemoryShare() { memory_.give_back(number_); }

void MemoryShare::grow(int64_t bytes) { memory_.take(number_, bytes, true); }

}  // namespace primal
