// Errors, devices, memory, streams, copies and events.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "support/fake_cuda/fake_state.h"

namespace fake_cuda_runtime {

namespace {

FakeEvent* new_event() {
  ++state().n_events;
  return state().events.emplace_back(std::make_unique<FakeEvent>()).get();
}

// The host waits: for as long as an operation does.
cudaError_t run_whole(
    FakeStream& stream, const std::function<bool()>& done = [] { return false; }) {
  for (;;) {
    {
      const std::lock_guard lock(state().mutex);
      if (const cudaError_t error = run(stream, done); error != cudaErrorNotReady) return error;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
  }
  return "unknown";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "a fault of the fake runtime";
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 13010, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = fake_cuda::kDevices, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  FAKE_CUDA_BEGIN("cudaGetDeviceProperties");
  *properties = {"a fake device", 9, 0, 132, 50 << 20};
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  const std::lock_guard lock(state().mutex);
  device_now = device;
  return begin("cudaSetDevice");
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int device) {
  FAKE_CUDA_BEGIN("cudaDeviceGetPCIBusId");
  std::snprintf(text, static_cast<size_t>(bytes), "0000:%02X:00.0", static_cast<unsigned>(device));
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* unused, size_t* total) {
  FAKE_CUDA_BEGIN("cudaMemGetInfo");
  *unused = size_t{1} << 30, *total = size_t{2} << 30;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** block, size_t bytes) {
  FAKE_CUDA_BEGIN("cudaMalloc");
  if (const cudaError_t error = outside_of_capture(); error != cudaSuccess) return error;
  *block = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*block, 0xAB, bytes);
  state().blocks[reinterpret_cast<uintptr_t>(*block)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* block) {
  FAKE_CUDA_BEGIN("cudaFree");
  if (const cudaError_t error = outside_of_capture(); error != cudaSuccess) return error;
  for (FakeStream* stream : state().streams) run(*stream);  // as the driver does: it waits for the device
  if (state().blocks.erase(reinterpret_cast<uintptr_t>(block)) == 0) return noted(cudaErrorInvalidValue);
  std::free(block);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** block, size_t bytes) {
  FAKE_CUDA_BEGIN("cudaMallocHost");
  *block = std::malloc(bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  FAKE_CUDA_BEGIN("cudaStreamCreateWithFlags");
  *stream = new FakeStream;
  (*stream)->device = device_now;
  state().streams.push_back(*stream);
  return cudaSuccess;
}
// What is queued runs when somebody waits for it, as for an event of this stream.
cudaError_t cudaStreamDestroy(cudaStream_t) {
  FAKE_CUDA_BEGIN("cudaStreamDestroy");
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  {
    FAKE_CUDA_BEGIN("cudaStreamSynchronize");
    if (stream->captured != nullptr) {
      stream->invalid = true;
      return noted(cudaErrorStreamCaptureUnsupported);
    }
  }
  return run_whole(*stream);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  FAKE_CUDA_BEGIN("cudaMemcpyAsync");
  return enqueue(stream, [=] {
    if (kind != cudaMemcpyDeviceToHost && !on_device(to, bytes)) return cudaErrorIllegalAddress;
    if (kind != cudaMemcpyHostToDevice && !on_device(from, bytes)) return cudaErrorIllegalAddress;
    std::memcpy(to, from, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  FAKE_CUDA_BEGIN("cudaMemsetAsync");
  return enqueue(stream, [=] {
    if (!on_device(to, bytes)) return cudaErrorIllegalAddress;
    std::memset(to, value, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  FAKE_CUDA_BEGIN("cudaEventCreate");
  *event = new_event();
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  FAKE_CUDA_BEGIN("cudaEventCreateWithFlags");
  *event = new_event();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  FAKE_CUDA_BEGIN("cudaEventRecord");
  event->stream = stream;
  const int64_t number = ++event->n_records;
  return enqueue(stream, [event, number] {
    event->n_reached = number;
    event->time = state().n_done;
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t) {
  FAKE_CUDA_BEGIN("cudaEventDestroy");
  --state().n_events;
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  FAKE_CUDA_BEGIN("cudaEventQuery");
  if (event->stream == nullptr) return cudaSuccess;  // never recorded
  const cudaError_t error = run(*event->stream, [&] { return event->n_reached == event->n_records; });
  return error == cudaErrorNotReady ? noted(error) : error;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  {
    FAKE_CUDA_BEGIN("cudaEventSynchronize");
    if (event->stream == nullptr) return cudaSuccess;  // never recorded
  }
  return run_whole(*event->stream, [&] { return event->n_reached == event->n_records; });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  FAKE_CUDA_BEGIN("cudaStreamWaitEvent");
  if (event->stream == nullptr) return cudaSuccess;
  return enqueue(stream, [event, number = event->n_records] {
    const cudaError_t error = run(*event->stream, [&] { return event->n_reached >= number; });
    return event->n_reached >= number ? cudaSuccess : error;
  });
}
// An operation takes a microsecond.
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t first, cudaEvent_t second) {
  FAKE_CUDA_BEGIN("cudaEventElapsedTime");
  *ms = 1e-3F * static_cast<float>(second->time - first->time);
  return cudaSuccess;
}

}  // namespace fake_cuda_runtime

namespace fake_cuda {

void launch(cudaStream_t stream, std::function<cudaError_t()> kernel) {
  const std::lock_guard lock(state().mutex);
  enqueue(stream, std::move(kernel));
}
void fail(const std::string& call, cudaError_t error, int skipped) {
  const std::lock_guard lock(state().mutex);
  state().faults.push_back({call, error, skipped});
}
int n_pending(cudaStream_t stream) { return static_cast<int>(stream->queue.size()); }
bool is_capturing(cudaStream_t stream) { return stream->captured != nullptr; }
int n_events() { return state().n_events; }
size_t device_bytes() {
  size_t sum = 0;
  for (const auto& [begin, bytes] : state().blocks) sum += bytes;
  return sum;
}
bool is_device_memory(const void* begin, size_t bytes) {
  const std::lock_guard lock(state().mutex);
  return on_device(begin, bytes);
}
int n_graphs() { return state().n_graphs; }
int n_calls(const std::string& call) { return state().calls[call]; }

}  // namespace fake_cuda
