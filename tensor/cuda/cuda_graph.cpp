// Graphs of a CUDA device (tensor/device_graph.h): the device's stream is captured, instantiated once and launched.
//
// The capture is of this thread alone, so that threads that load pictures do not disturb it. Memory may be asked of the driver
// during it: that is not a part of the stream's work.
#include <cuda_runtime.h>
#include <memory>
#include <utility>

#include "tensor/cuda/cuda_backend.h"
#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

// While one lives, calls of this thread that a capture would not allow are let through.
class Relaxed {
 public:
  Relaxed() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~Relaxed() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  Relaxed(const Relaxed&) = delete;
  Relaxed& operator=(const Relaxed&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

class CudaGraphMemory final : public GraphMemory {
 public:
  explicit CudaGraphMemory(Device device)
      : pool_({.of = device.str(),
               .allocate = [device](size_t bytes) { return allocate_block(device, bytes); },
               .free = [](void* block) { cudaFree(block); }}) {}

  std::shared_ptr<void> allocate(size_t bytes, size_t) override { return pool_.allocate(bytes); }
  MemoryStats stats() const override { return pool_.stats(); }

 private:
  static void* allocate_block(Device device, size_t bytes) {
    stream_of(device);
    const Relaxed relaxed;
    void* block = nullptr;
    const cudaError_t status = cudaMalloc(&block, bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    cuda_check(status, "allocate memory");
    return block;
  }

  MemoryPool pool_;
};

class CudaGraph final : public DeviceGraph {
 public:
  CudaGraph(Device device, cudaGraph_t graph, std::shared_ptr<GraphMemory> memory)
      : device_(device), graph_(graph), memory_(std::move(memory)) {
    cuda_check(cudaGraphGetNodes(graph_, nullptr, &n_nodes_), "count the nodes of a graph");
    cuda_check(cudaGraphInstantiate(&executable_, graph_, 0), "instantiate a graph");
  }
  ~CudaGraph() override {
    cudaStreamSynchronize(stream_of(device_));  // its memory may be freed with it
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void replay() override {
    if (const Capture* capture = Capture::of(device_)) capture->refuse("runs another recorded step");
    cuda_check(cudaGraphLaunch(executable_, stream_of(device_)), "launch a graph");
    note_launch("a recorded step");
    if (!launches_wait()) return;
    cuda_check(cudaStreamSynchronize(stream_of(device_)), "run a recorded step");
    note_wait();
  }
  size_t n_nodes() const override { return n_nodes_; }

 private:
  const Device device_;
  const cudaGraph_t graph_;
  cudaGraphExec_t executable_ = nullptr;
  size_t n_nodes_ = 0;
  const std::shared_ptr<GraphMemory> memory_;
};

class CudaRecorder final : public GraphRecorder {
 public:
  CudaRecorder(Device device, std::shared_ptr<GraphMemory> memory)
      : device_(device), memory_(std::move(memory)) {
    cuda_check(cudaStreamBeginCapture(stream_of(device), cudaStreamCaptureModeThreadLocal),
               "begin a capture");
  }
  ~CudaRecorder() override {
    if (finished_) return;
    cudaGraph_t graph = nullptr;
    cudaStreamEndCapture(stream_of(device_), &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();  // an error is on its way already
  }
  CudaRecorder(const CudaRecorder&) = delete;
  CudaRecorder& operator=(const CudaRecorder&) = delete;

  std::unique_ptr<DeviceGraph> finish() override {
    finished_ = true;
    cudaGraph_t graph = nullptr;
    cuda_check(cudaStreamEndCapture(stream_of(device_), &graph), "end a capture");
    return std::make_unique<CudaGraph>(device_, graph, memory_);
  }

 private:
  const Device device_;
  const std::shared_ptr<GraphMemory> memory_;
  bool finished_ = false;
};

}  // namespace

std::shared_ptr<GraphMemory> make_graph_memory(int index) {
  return std::make_shared<CudaGraphMemory>(Device::cuda(index));
}

std::unique_ptr<GraphRecorder> record_graph(int index, std::shared_ptr<GraphMemory> memory) {
  if (launches_wait())
    throw DeviceError(
        "[graph] PRIMAL_CUDA_SYNC=1 waits for each kernel, which a step that is recorded cannot");
  return std::make_unique<CudaRecorder>(Device::cuda(index), std::move(memory));
}

}  // namespace primal::cuda
