// Captures and graphs.
#include "support/fake_cuda/fake_state.h"

namespace fake_cuda_runtime {

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, mode_now);
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  FAKE_CUDA_BEGIN("cudaStreamBeginCapture");
  stream->captured = new FakeGraph;
  stream->invalid = false;
  capturing = stream;
  ++state().n_graphs;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(state().mutex);
  FakeGraph* const captured = std::exchange(stream->captured, nullptr);
  capturing = nullptr;
  *graph = nullptr;
  cudaError_t error = begin("cudaStreamEndCapture");
  if (error == cudaSuccess && captured == nullptr) error = noted(cudaErrorInvalidValue);
  if (error == cudaSuccess && stream->invalid) error = noted(cudaErrorStreamCaptureInvalidated);
  if (error == cudaSuccess) {
    *graph = captured;
  } else if (captured != nullptr) {
    delete captured;
    --state().n_graphs;
  }
  return error;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) {
  FAKE_CUDA_BEGIN("cudaGraphGetNodes");
  *count = graph->operations.size();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  FAKE_CUDA_BEGIN("cudaGraphInstantiate");
  *executable = new FakeGraphExec{graph->operations};
  ++state().n_graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  FAKE_CUDA_BEGIN("cudaGraphLaunch");
  for (const Operation& operation : executable->operations) enqueue(stream, operation);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const std::lock_guard lock(state().mutex);
  delete executable;
  --state().n_graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const std::lock_guard lock(state().mutex);
  delete graph;
  --state().n_graphs;
  return cudaSuccess;
}

}  // namespace fake_cuda_runtime
