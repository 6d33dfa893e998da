#include "tensor/device_graph.h"

#include <utility>

#include "tensor/cuda/cuda_backend.h"
#include "tensor/error.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

thread_local Capture* living = nullptr;

[[noreturn]] void refuse_cpu() {
  throw DeviceError("[graph] the CPU has no graphs: its operations run when they are called");
}

}  // namespace

std::shared_ptr<GraphMemory> make_graph_memory(Device device) {
  switch (device.kind) {
    case Device::Kind::cpu:
      break;
    case Device::Kind::simt:
      return simt::make_graph_memory();
    case Device::Kind::cuda:
      return cuda::make_graph_memory(device.index);
  }
  refuse_cpu();
}

Capture::Capture(Device device, std::shared_ptr<GraphMemory> memory)
    : device_(device), memory_(std::move(memory)) {
  if (living != nullptr) throw DeviceError("[graph] this thread is recording already");
  if (device.is_cpu()) refuse_cpu();
  recorder_ = device.kind == Device::Kind::simt ? simt::record_graph(memory_)
                                                : cuda::record_graph(device.index, memory_);
  living = this;
}

Capture::~Capture() {
  if (living == this) living = nullptr;
}

std::unique_ptr<DeviceGraph> Capture::finish() {
  living = nullptr;
  std::unique_ptr<DeviceGraph> graph = recorder_->finish();
  graph->operations_ = std::move(operations_);
  return graph;
}

Capture* Capture::of(Device device) {
  return living != nullptr && living->device_ == device ? living : nullptr;
}

void Capture::refuse(const std::string& what) const {
  throw DeviceError("[graph] the step to be recorded {}, which the device cannot repeat by itself{}", what,
                    operations_.empty() ? std::string() : ": after " + operations_.back());
}

}  // namespace primal
