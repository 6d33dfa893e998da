#include "tensor/simt/simt_graph.h"

#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "tensor/error.h"
#include "tensor/simt/block_ledger.h"

namespace primal::simt {
namespace {

thread_local OperationCount* counting = nullptr;

// A block from before the capture that an operation reads or writes.
struct Outside {
  uintptr_t begin;
  uint64_t number;
};

struct Operation {
  std::string name;
  std::function<void()> run;
  std::vector<Outside> outside;
};

// Blocks go back to their shelf and stay there, so that addresses remain valid. A block serves again for the
// same number of bytes alone: what lies behind it stays nobody's.
class SimtGraphMemory final : public GraphMemory {
 public:
  std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) override;
  MemoryStats stats() const override;
  const void* key() const { return shelf_.get(); }

 private:
  struct Shelf {
    std::mutex mutex;
    std::map<size_t, std::vector<void*>> free;
    MemoryStats stats;
    ~Shelf() {
      for (const auto& [bytes, blocks] : free) {
        for (void* block : blocks) block_ledger().free(block);
      }
    }
  };
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

class SimtGraph final : public DeviceGraph {
 public:
  SimtGraph(std::vector<Operation> all, std::shared_ptr<GraphMemory> memory)
      : all_(std::move(all)), memory_(std::move(memory)) {}

  void replay() override {
    if (const Capture* capture = Capture::of(Device::simt())) capture->refuse("runs another recorded step");
    for (const Operation& operation : all_) {
      for (const Outside& outside : operation.outside) check(operation.name, outside);
    }
    for (const Operation& operation : all_) operation.run();
  }

 private:
  static void check(const std::string& name, const Outside& outside) {
    const auto block = block_ledger().block_at(reinterpret_cast<const void*>(outside.begin));
    if (block && block->number == outside.number) return;
    throw DeviceError(
        "[graph] {} uses a block of memory that was given back after the recording: whatever a recorded "
        "step reads or writes has to live as long as the graph",
        name);
  }

  const std::vector<Operation> all_;
  const std::shared_ptr<GraphMemory> memory_;
};

class SimtRecorder final : public GraphRecorder {
 public:
  explicit SimtRecorder(std::shared_ptr<GraphMemory> memory) : memory_(std::move(memory)) {}

  std::unique_ptr<DeviceGraph> finish() override {
    return std::make_unique<SimtGraph>(std::move(all_), memory_);
  }

  void add(const char* name, std::span<const Argument> arguments, std::function<void()> run) {
    Operation operation{name, std::move(run), {}};
    for (size_t i = 0; i < arguments.size(); ++i) look_at(operation, i, arguments[i]);
    all_.push_back(std::move(operation));
  }

 private:
  void look_at(Operation& operation, size_t number, const Argument& argument) const {
    const size_t n_words = argument.is_pointer ? 1 : argument.size / sizeof(uintptr_t);
    for (size_t k = 0; k < n_words; ++k) {
      const void* address = nullptr;
      std::memcpy(&address, static_cast<const char*>(argument.bytes) + k * sizeof address, sizeof address);
      if (address == nullptr) continue;
      const auto block = block_ledger().block_at(address);
      if (argument.is_pointer) check(operation.name, number, block);
      if (block && block->graph != key()) operation.outside.push_back({block->begin, block->number});
    }
  }

  void check(const std::string& name, size_t number, const std::optional<BlockLedger::Block>& block) const {
    if (!block)
      throw DeviceError(
          "[graph] argument {} of {} is an address of the host, or of a block of memory that was given back",
          number, name);
    if (block->graph != nullptr && block->graph != key())
      throw DeviceError("[graph] argument {} of {} is in the memory of another graph", number, name);
    if (!block->held)
      throw DeviceError("[graph] argument {} of {} is in a block of memory that was given back", number,
                        name);
  }

  const void* key() const { return static_cast<const SimtGraphMemory&>(*memory_).key(); }

  const std::shared_ptr<GraphMemory> memory_;
  std::vector<Operation> all_;
};

std::shared_ptr<void> SimtGraphMemory::allocate(size_t bytes, size_t element_bytes) {
  const std::lock_guard lock(shelf_->mutex);
  std::vector<void*>& free = shelf_->free[bytes];
  void* block = nullptr;
  MemoryStats& stats = shelf_->stats;
  if (free.empty()) {
    block = block_ledger().allocate(bytes, element_bytes, key());
    stats.reserved_bytes += bytes;
    ++stats.system_allocations;
  } else {
    block = free.back();
    free.pop_back();
    block_ledger().set_held(block, true);
  }
  stats.live_bytes += bytes;
  stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  // Each replay finds it as unwritten as the recorded step would have.
  if (Capture* capture = Capture::of(Device::simt())) {
    dynamic_cast<SimtRecorder&>(capture->recorder()).add("unwritten", {}, [block, bytes, element_bytes] {
      fill_with_poison(block, bytes, element_bytes);
    });
  }
  return {block, [shelf = shelf_, bytes](void* p) {
            const std::lock_guard release(shelf->mutex);
            block_ledger().set_held(p, false);
            shelf->stats.live_bytes -= bytes;
            shelf->free[bytes].push_back(p);
          }};
}

MemoryStats SimtGraphMemory::stats() const {
  const std::lock_guard lock(shelf_->mutex);
  return shelf_->stats;
}

}  // namespace

std::shared_ptr<GraphMemory> make_graph_memory() { return std::make_shared<SimtGraphMemory>(); }

std::unique_ptr<GraphRecorder> record_graph(std::shared_ptr<GraphMemory> memory) {
  if (dynamic_cast<const SimtGraphMemory*>(memory.get()) == nullptr)
    throw DeviceError("[graph] a graph of simt needs memory of simt");
  return std::make_unique<SimtRecorder>(std::move(memory));
}

void record_operation(Capture& capture, const char* name, std::span<const Argument> arguments,
                      std::function<void()> run) {
  dynamic_cast<SimtRecorder&>(capture.recorder()).add(name, arguments, std::move(run));
  capture.note(name);
}

OperationCount::OperationCount() {
  if (counting != nullptr) throw DeviceError("[graph] the operations of this thread are counted already");
  counting = this;
}
OperationCount::~OperationCount() { counting = nullptr; }
OperationCount* OperationCount::current() { return counting; }

}  // namespace primal::simt
