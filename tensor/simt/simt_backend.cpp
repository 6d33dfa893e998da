#include "tensor/simt/simt_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "tensor/error.h"
#include "tensor/simt/poison.h"

namespace primal::simt {
namespace {

constexpr size_t kAlignment = 256;  // as cudaMalloc's

class SimtBackend final : public Backend {
 public:
  std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) override {
    const size_t rounded = (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
    void* block = nullptr;
    // The size as it was asked for, not rounded: what lies behind it is nobody's.
    if (posix_memalign(&block, kAlignment, std::max<size_t>(bytes, 1)) != 0) {
      throw DeviceError("[memory] the system refused {} bytes for simt; {} are in use", bytes,
                        stats().live_bytes);
    }
    if (element_bytes == 8) {
      fill_poison<double>(block, bytes);
    } else {
      fill_poison<float>(block, bytes);
    }
    std::lock_guard lock(ledger_->mutex);
    MemoryStats& s = ledger_->stats;
    s.live_bytes += rounded;
    s.reserved_bytes = s.live_bytes;
    s.peak_bytes = std::max(s.peak_bytes, s.live_bytes);
    ++s.system_allocations;
    return std::shared_ptr<void>(block, [ledger = ledger_, rounded](void* p) {
      std::free(p);
      std::lock_guard release(ledger->mutex);
      ledger->stats.live_bytes -= rounded;
      ledger->stats.reserved_bytes = ledger->stats.live_bytes;
    });
  }

  void from_host(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }

  void to_host(void* to, const void* from, size_t bytes, size_t element_bytes) override {
    check_written(from, bytes, element_bytes);
    copy(to, from, bytes);
  }

  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void zero(void* to, size_t bytes) override {
    if (bytes > 0) std::memset(to, 0, bytes);
  }
  void synchronize() override {}

  MemoryStats stats() const override {
    std::lock_guard lock(ledger_->mutex);
    return ledger_->stats;
  }
  void reset_peak() override {
    std::lock_guard lock(ledger_->mutex);
    ledger_->stats.peak_bytes = ledger_->stats.live_bytes;
  }

 private:
  struct Ledger {
    std::mutex mutex;
    MemoryStats stats;
  };

  template <class T>
  static void check(const T* values, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      if (poisoned(values[i]) == Poisoned::no) continue;
      throw CheckFailed("[simt] element {} of {} comes to the host, but {}", i, n,
                        poisoned(values[i]) == Poisoned::never_written
                            ? "no kernel has written it"
                            : "it was computed from memory that nobody had written");
    }
  }
  // Whether an integer or a float of that size: poison of a float is a NaN nobody else makes, and as an integer rare.
  static void check_written(const void* from, size_t bytes, size_t element_bytes) {
    if (element_bytes == 8) check(static_cast<const double*>(from), bytes / 8);
    if (element_bytes == 4) check(static_cast<const float*>(from), bytes / 4);
  }

  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
};

}  // namespace

Backend& simt_backend() {
  static auto& backend = *new SimtBackend;
  return backend;
}

}  // namespace primal::simt
