// What the fake CUDA runtime knows, for its own files: streams, blocks, faults, and how each call begins.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_cuda/fake_runtime.h"

namespace fake_cuda_runtime {

using Operation = std::function<cudaError_t()>;

struct FakeStream {
  int device = 0;
  std::deque<Operation> queue;
  FakeGraph* captured = nullptr;  // being recorded
  bool invalid = false;           // the capture met what it does not allow
};
struct FakeEvent {
  FakeStream* stream = nullptr;
  int64_t n_records = 0, n_reached = 0;
  int64_t time = 0;  // of the last one reached: operations done on all streams
};
struct FakeGraph {
  std::vector<Operation> operations;
};
struct FakeGraphExec {
  std::vector<Operation> operations;
};

struct Fault {
  std::string call;
  cudaError_t error;
  int skipped;
};

struct State {
  std::recursive_mutex mutex;
  std::map<uintptr_t, size_t> blocks;  // device memory
  std::map<int, cudaError_t> broken;   // devices after a fault of a kernel
  std::vector<Fault> faults;
  std::map<std::string, int> calls;
  std::vector<FakeStream*> streams;
  std::vector<std::unique_ptr<FakeEvent>>
      events;  // also those that were destroyed: work that is queued knows them
  int n_events = 0, n_graphs = 0;
  int64_t n_done = 0;
};
inline State& state() {
  static State& once = *new State;  // outlives what is destroyed at the end of the program
  return once;
}

inline thread_local int device_now = 0;
inline thread_local cudaError_t last_error = cudaSuccess;
inline thread_local cudaStreamCaptureMode mode_now = cudaStreamCaptureModeGlobal;
inline thread_local FakeStream* capturing = nullptr;  // the stream that this thread records

inline cudaError_t noted(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

// What a call returns before it does anything: a fault that a test asked for, or that of a kernel before it.
inline cudaError_t begin(const char* call) {
  ++state().calls[call];
  for (auto fault = state().faults.begin(); fault != state().faults.end(); ++fault) {
    if (fault->call != call) continue;
    if (fault->skipped-- > 0) break;
    const cudaError_t error = fault->error;
    state().faults.erase(fault);
    return noted(error);
  }
  const auto broken = state().broken.find(device_now);
  return broken == state().broken.end() ? cudaSuccess : noted(broken->second);
}

// The status of calls that a capture of this thread does not allow, unless the mode is relaxed.
inline cudaError_t outside_of_capture() {
  if (capturing == nullptr || mode_now == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  capturing->invalid = true;
  return noted(cudaErrorStreamCaptureUnsupported);
}

inline bool on_device(const void* address, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  auto block = state().blocks.upper_bound(at);
  if (block == state().blocks.begin()) return false;
  --block;
  return at + bytes <= block->first + block->second;
}

// Runs the stream until `done`, to its end, or to an operation that waits (cudaErrorNotReady). A fault breaks
// the device and drops what is left.
inline cudaError_t run(
    FakeStream& stream, const std::function<bool()>& done = [] { return false; }) {
  while (!stream.queue.empty() && !done()) {
    Operation operation = std::move(stream.queue.front());
    stream.queue.pop_front();
    const cudaError_t error = operation();
    if (error == cudaErrorNotReady) {
      stream.queue.push_front(std::move(operation));
      return error;
    }
    ++state().n_done;
    if (error != cudaSuccess) {
      state().broken[stream.device] = error;
      stream.queue.clear();
      return noted(error);
    }
  }
  return cudaSuccess;
}

inline cudaError_t enqueue(cudaStream_t stream, Operation operation) {
  if (stream->captured != nullptr) {
    stream->captured->operations.push_back(std::move(operation));
  } else {
    stream->queue.push_back(std::move(operation));
  }
  return cudaSuccess;
}

#define FAKE_CUDA_BEGIN(call)                \
  const std::lock_guard lock(state().mutex); \
  if (const cudaError_t error = begin(call); error != cudaSuccess) return error

}  // namespace fake_cuda_runtime
