// DeviceGraph: the operations of a device between two points, recorded once and run again with one call.
//
//   const auto memory = make_graph_memory(device);       blocks that belong to graphs and to nothing else
//   Capture capture(device, memory);
//   step();                                               records: nothing of it runs
//   const std::unique_ptr<DeviceGraph> graph = capture.finish();
//   graph->replay();                                      runs it, with what the same addresses contain now
//
// On a CUDA device this is a CUDA graph (cudaStreamBeginCapture). On simt each launch is kept as a closure
// that contains its arguments by value. Kernels, copies within the device and fills with zeros are
// recorded; whatever else a step asks of the device (a copy from or to the host, a wait) cannot be repeated
// without the host, so it is a DeviceError that names it and the operation before it. Work on the CPU runs
// once, while it is recorded.
//
// A graph contains addresses, so what they point to must not be given to others. What is allocated during a
// capture comes from `memory`, which the graph keeps. Blocks from before it (weights, gradients, inputs) have
// to outlive the graph. simt checks this: an argument that is an address of the host or of a block that was
// given back is an error when it is recorded, and a replay refuses to run where a block from outside no
// longer exists. Graphs of one device may share their memory, since they run one after the other.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/memory_pool.h"

namespace primal {

class GraphMemory {
 public:
  virtual ~GraphMemory() = default;
  virtual std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) = 0;
  virtual MemoryStats stats() const = 0;
};
// DeviceError for the CPU, which has no graphs.
std::shared_ptr<GraphMemory> make_graph_memory(Device device);

class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void replay() = 0;  // returns when it is launched, as the launch of a kernel does
  // "conv3d_forward", "copy", "zero", in their order; those that a vendor library launches are not among
  // them.
  const std::vector<std::string>& operations() const { return operations_; }
  virtual size_t n_nodes() const { return operations_.size(); }  // all of them

 private:
  friend class Capture;
  std::vector<std::string> operations_;
};

// What a kind of device does between the two points.
class GraphRecorder {
 public:
  virtual ~GraphRecorder() = default;  // gives up, unless finish() was called
  virtual std::unique_ptr<DeviceGraph> finish() = 0;
};

// Records what this thread asks of the device while it lives. DeviceError for a second one on the same
// thread.
class Capture {
 public:
  Capture(Device device, std::shared_ptr<GraphMemory> memory);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  std::unique_ptr<DeviceGraph> finish();

  // For the backends. Null where none lives on this thread for that device.
  static Capture* of(Device device);
  GraphMemory& memory() const { return *memory_; }
  GraphRecorder& recorder() const { return *recorder_; }
  void note(const char* operation) { operations_.emplace_back(operation); }
  // DeviceError; `what`: "copies to the host (4 bytes)".
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const Device device_;
  const std::shared_ptr<GraphMemory> memory_;
  std::unique_ptr<GraphRecorder> recorder_;
  std::vector<std::string> operations_;
};

}  // namespace primal
