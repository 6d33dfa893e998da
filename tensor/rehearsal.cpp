#include "tensor/rehearsal.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/mman.h>
#include <unordered_map>

#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

thread_local Rehearsal* current = nullptr;

// Pages that the system hands out when they are touched, and not before.
struct Pages {
  std::unordered_map<void*, size_t> mapped;

  void* take(size_t n) {
    void* const p =
        mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    mapped[p] = n;
    return p;
  }
  void release(void* p) {
    const auto found = mapped.find(p);
    munmap(p, found->second);
    mapped.erase(found);
  }
};

MemorySource counted_memory() {
  auto pages = std::make_shared<Pages>();
  return {.of = "the system, asked for addresses to plan with,",
          .allocate = [pages](size_t n) { return pages->take(n); },
          .free = [pages](void* p) { pages->release(p); }};
}

}  // namespace

struct Rehearsal::StandIn final : Backend {
  std::shared_ptr<void> allocate(size_t bytes, size_t) override {
    std::shared_ptr<void> counted = memory.allocate(bytes);
    if (bytes >= kReal) return counted;
    const size_t rounded = MemoryPool::size_class(bytes);
    void* const zeros = std::memset(std::aligned_alloc(MemoryPool::kAlignment, rounded), 0, rounded);
    return {zeros, [counted](void* block) { std::free(block); }};
  }
  void from_host(void*, const void*, size_t) override {}
  void to_host(void*, const void*, size_t, size_t) override {}
  void copy(void*, const void*, size_t) override {}
  void zero(void*, size_t) override {}
  void synchronize() override {}
  MemoryStats stats() const override { return memory.stats(); }
  void reset_peak() override { memory.reset_peak(); }
  MemoryPool* pool() override { return &memory; }

  MemoryPool memory{counted_memory()};
};

Rehearsal::Rehearsal() {
  if (current != nullptr) throw ConfigError("[rehearsal] one lives on this thread already");
  stand_in_ = std::make_unique<StandIn>();
  current = this;
}

Rehearsal::~Rehearsal() { current = nullptr; }

bool Rehearsal::active() { return current != nullptr; }
MemoryStats Rehearsal::stats() const { return stand_in_->stats(); }
void Rehearsal::reset_peak() { stand_in_->reset_peak(); }

Backend* Rehearsal::stand_in() { return current == nullptr ? nullptr : current->stand_in_.get(); }
MemoryPool* Rehearsal::pool() { return current == nullptr ? nullptr : &current->stand_in_->memory; }
void Rehearsal::note(const std::string& op, const Cost& cost) {
  if (current != nullptr) current->costs_[op] += cost;
}

}  // namespace primal
