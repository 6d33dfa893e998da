// Graphs of the emulated device (tensor/device_graph.h): a list of closures.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "tensor/device_graph.h"

namespace primal::simt {

std::shared_ptr<GraphMemory> make_graph_memory();
std::unique_ptr<GraphRecorder> record_graph(std::shared_ptr<GraphMemory> memory);

// An argument of a kernel: its bytes, and whether it is a pointer as a whole. In a struct, each word that is
// the address of a block counts as a pointer to it.
struct Argument {
  const void* bytes;
  size_t size;
  bool is_pointer;
};

// An operation of the capture of this thread: recorded, not run. Arguments that are pointers must be null or
// lie in a block that is held now: DeviceError.
void record_operation(Capture& capture, const char* name, std::span<const Argument> arguments,
                      std::function<void()> run);

// Lists what a step asks of the device, by name. While one lives, copies and fills of this thread run,
// kernels are named and skipped, and what comes to the host is undefined. So the operations of a step of
// any size are found quickly.
class OperationCount {
 public:
  OperationCount();
  ~OperationCount();
  OperationCount(const OperationCount&) = delete;
  OperationCount& operator=(const OperationCount&) = delete;

  const std::vector<std::string>& operations() const { return operations_; }
  void clear() { operations_.clear(); }

  static OperationCount* current();  // null where none lives on this thread
  void note(const char* operation) { operations_.emplace_back(operation); }

 private:
  std::vector<std::string> operations_;
};

}  // namespace primal::simt
