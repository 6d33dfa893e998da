// Graphs of a CUDA device (tensor/device_graph.h): the device's stream is captured, instantiated once and
// launched.
//
// The capture is of this thread alone, so that threads that load pictures do not disturb it. Memory may be
// asked of the driver during it: that is not a part of the stream's work.
#include <cuda_runtime.h>
#include <memory>
#include <type_traits>
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
    return allocate_or_null(bytes);
  }

  MemoryPool pool_;
};

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t executable) const { cudaGraphExecDestroy(executable); }
};
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, DestroyGraph>;

class CudaGraph final : public DeviceGraph {
 public:
  CudaGraph(Device device, Owned<cudaGraph_t> graph, std::shared_ptr<GraphMemory> memory)
      : device_(device), memory_(std::move(memory)), graph_(std::move(graph)) {
    cuda_check(cudaGraphGetNodes(graph_.get(), nullptr, &n_nodes_), "count the nodes of a graph");
    cudaGraphExec_t executable = nullptr;
    cuda_check(cudaGraphInstantiate(&executable, graph_.get(), 0), "instantiate a graph");
    executable_.reset(executable);
  }
  ~CudaGraph() override { cudaStreamSynchronize(stream_); }  // its memory may be freed with it
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void replay() override {
    if (const Capture* capture = Capture::of(device_)) capture->refuse("runs another recorded step");
    cuda_check(cudaGraphLaunch(executable_.get(), stream_of(device_)), "launch a graph");
    note_launch("a recorded step");
    if (!launches_wait()) return;
    cuda_check(cudaStreamSynchronize(stream_of(device_)), "run a recorded step");
    note_wait();
  }
  size_t n_nodes() const override { return n_nodes_; }

 private:
  const Device device_;
  const std::shared_ptr<GraphMemory> memory_;
  const cudaStream_t stream_ = stream_of(device_);
  Owned<cudaGraph_t> graph_;
  Owned<cudaGraphExec_t> executable_;
  size_t n_nodes_ = 0;
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
    cudaStreamEndCapture(stream_, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();  // an error is on its way already
  }
  CudaRecorder(const CudaRecorder&) = delete;
  CudaRecorder& operator=(const CudaRecorder&) = delete;

  std::unique_ptr<DeviceGraph> finish() override {
    finished_ = true;
    cudaGraph_t graph = nullptr;
    cuda_check(cudaStreamEndCapture(stream_, &graph), "end a capture");
    return std::make_unique<CudaGraph>(device_, Owned<cudaGraph_t>(graph), memory_);
  }

 private:
  const Device device_;
  const std::shared_ptr<GraphMemory> memory_;
  const cudaStream_t stream_ = stream_of(device_);
  bool finished_ = false;
};

}  // namespace

std::shared_ptr<GraphMemory> make_graph_memory(int index) {
  return std::make_shared<CudaGraphMemory>(Device::cuda(index));
}

std::unique_ptr<GraphRecorder> record_graph(int index, std::shared_ptr<GraphMemory> memory) {
  if (launches_wait())
    throw DeviceError(
        "[graph] PRIMAL_CUDA_SYNC=1 waits for each kernel, which is impossible while a step is recorded");
  return std::make_unique<CudaRecorder>(Device::cuda(index), std::move(memory));
}

}  // namespace primal::cuda
