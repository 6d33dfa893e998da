#include "tensor/simt/simt_backend.h"

#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tensor/simt/block_ledger.h"
#include "tensor/simt/launch_list.h"
#include "tensor/simt/poison.h"
#include "tensor/simt/simt_graph.h"

namespace primal::simt {
namespace {

// Whether the operation is not to run: it was recorded, or refused with an error.
bool is_recorded(const char* name, std::initializer_list<const void*> addresses, size_t bytes,
                 std::function<void()> run) {
  if (LaunchList* const list = LaunchList::current())
    list->add({.name = name, .bytes = static_cast<double>(bytes * addresses.size())});
  Capture* const capture = Capture::of(Device::simt());
  if (capture == nullptr) return false;
  std::vector<Argument> arguments;
  for (const void* const& address : addresses) arguments.push_back({&address, sizeof address, true});
  record_operation(*capture, name, arguments, std::move(run));
  return true;
}

void refuse_in_capture(const std::string& what) {
  if (const Capture* capture = Capture::of(Device::simt())) capture->refuse(what);
}

void count(const char* operation) {
  if (OperationCount* counted = OperationCount::current()) counted->note(operation);
}

class SimtBackend final : public Backend {
 public:
  std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) override {
    if (Capture* capture = Capture::of(Device::simt()))
      return capture->memory().allocate(bytes, element_bytes);
    return {block_ledger().allocate(bytes, element_bytes, nullptr),
            [](void* block) { block_ledger().free(block); }};
  }

  void from_host(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    refuse_in_capture(fmt::format("copies from the host ({} bytes)", bytes));
    count("from_host");
    std::memcpy(to, from, bytes);
  }

  void to_host(void* to, const void* from, size_t bytes, size_t element_bytes) override {
    if (bytes == 0) return;
    refuse_in_capture(fmt::format("copies to the host ({} bytes)", bytes));
    count("to_host");
    if (OperationCount::current() == nullptr) check_written(from, bytes, element_bytes);
    std::memcpy(to, from, bytes);
  }

  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    const auto run = [to, from, bytes] { std::memcpy(to, from, bytes); };
    if (is_recorded("copy", {to, from}, bytes, run)) return;
    count("copy");
    run();
  }
  void zero(void* to, size_t bytes) override {
    if (bytes == 0) return;
    const auto run = [to, bytes] { std::memset(to, 0, bytes); };
    if (is_recorded("zero", {to}, bytes, run)) return;
    count("zero");
    run();
  }
  void synchronize() override { refuse_in_capture("waits for the device"); }

  MemoryStats stats() const override { return block_ledger().stats(); }
  void reset_peak() override { block_ledger().reset_peak(); }

 private:
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
  // Whether an integer or a float of that size: poison of a float is a NaN nobody else makes, and as an
  // integer rare.
  static void check_written(const void* from, size_t bytes, size_t element_bytes) {
    if (element_bytes == 8) check(static_cast<const double*>(from), bytes / 8);
    if (element_bytes == 4) check(static_cast<const float*>(from), bytes / 4);
  }
};

}  // namespace

Backend& simt_backend() {
  static auto& backend = *new SimtBackend;
  return backend;
}

}  // namespace primal::simt
