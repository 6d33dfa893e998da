#include "tensor/cuda/cuda_backend.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <vector>

#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/cuda/side_stream.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

struct Found {
  CudaStatus status;
  int n_devices = 0;
};

Found look() {
  Found found;
  int runtime = 0, driver = 0;
  cudaRuntimeGetVersion(&runtime);
  found.status.runtime = version_text(runtime);
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0) found.status.driver = version_text(driver);
  const cudaError_t error = cudaGetDeviceCount(&found.n_devices);
  cudaGetLastError();  // what was asked has been answered; launches check for errors of their own
  if (found.status.driver.empty()) {
    found.status.absent = "this machine has no NVIDIA driver";
  } else if (error == cudaErrorInsufficientDriver) {
    found.status.absent = fmt::format("the driver is for CUDA {}, too old for this build's CUDA {}",
                                      found.status.driver, found.status.runtime);
  } else if (error != cudaSuccess || found.n_devices == 0) {
    found.status.absent = fmt::format("the driver shows no device: {} ({})", cudaGetErrorString(error),
                                      cudaGetErrorName(error));
  }
  if (!found.status.absent.empty()) found.n_devices = 0;
  return found;
}

const Found& found() {
  static const Found once = look();
  return once;
}

// Pages the driver cannot swap out: the device copies from them while the host goes on. Two blocks
// are filled in turn, so the host waits only where both are full and the device has not come to the
// copies from the older one.
class Staging {
 public:
  // Copies what is there now; the caller may change `from` at once.
  void copy_to_device(void* to, const void* from, size_t bytes, cudaStream_t stream) {
    std::lock_guard lock(mutex_);
    for (size_t done = 0, n = 0; done < bytes; done += n) {
      Block& block = block_with_room();
      n = std::min(bytes - done, kBlockBytes - block.used);
      std::byte* const piece = block.data + block.used;
      block.used += (n + kAlignment - 1) / kAlignment * kAlignment;
      std::memcpy(piece, static_cast<const std::byte*>(from) + done, n);
      cuda_check(
          cudaMemcpyAsync(static_cast<std::byte*>(to) + done, piece, n, cudaMemcpyHostToDevice, stream),
          "copy to the device");
      cuda_check(cudaEventRecord(block.copied, stream), "record an event");
    }
  }

 private:
  static constexpr size_t kBlockBytes = size_t{16} << 20, kAlignment = 256;
  struct Block {
    std::byte* data = nullptr;
    size_t used = kBlockBytes;     // from its start
    cudaEvent_t copied = nullptr;  // after the last copy from it
  };

  Block& block_with_room() {
    if (blocks_[current_].used < kBlockBytes) return blocks_[current_];
    Block& next = blocks_[1 - current_];
    if (next.copied == nullptr)  // it stays where the memory is refused, for the next try
      cuda_check(cudaEventCreateWithFlags(&next.copied, cudaEventDisableTiming), "create an event");
    if (next.data == nullptr) {
      cuda_check(cudaMallocHost(&next.data, kBlockBytes), "allocate pinned memory of the host");
    }
    cuda_check(cudaEventSynchronize(next.copied), "wait for a copy to the device");
    next.used = 0;
    current_ = 1 - current_;
    return next;
  }

  std::mutex mutex_;
  std::array<Block, 2> blocks_;
  size_t current_ = 0;
};

// Events of a device that nobody holds: to record one takes much less than to make one.
class SpareEvents {
 public:
  cudaEvent_t take() {
    std::lock_guard lock(mutex_);
    cudaEvent_t event = nullptr;
    if (events_.empty()) {
      cuda_check(cudaEventCreate(&event), "create an event");
    } else {
      event = events_.back();
      events_.pop_back();
    }
    return event;
  }
  void give_back(cudaEvent_t event) {
    std::lock_guard lock(mutex_);
    events_.push_back(event);
  }

 private:
  std::mutex mutex_;
  std::vector<cudaEvent_t> events_;
};

// Events on the device's stream.
class EventClock final : public DeviceClock {
 public:
  EventClock(Device device, cudaStream_t stream, SpareEvents& spare)
      : device_(device), stream_(stream), spare_(spare) {}
  ~EventClock() override {
    for (const cudaEvent_t event : marks_) {
      if (event != nullptr) spare_.give_back(event);
    }
  }
  EventClock(const EventClock&) = delete;
  EventClock& operator=(const EventClock&) = delete;

  size_t mark() noexcept override {
    cudaEvent_t event = nullptr;
    try {
      if (const Capture* capture = Capture::of(device_)) capture->refuse("marks times for the host");
      cuda_check(cudaSetDevice(device_.index), "select the device");
      event = spare_.take();
      cuda_check(cudaEventRecord(event, stream_), "record an event");
    } catch (const DeviceError&) {
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
    marks_.push_back(event);
    return marks_.size() - 1;
  }
  std::vector<double> times_us() override {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    cuda_check(cudaStreamSynchronize(stream_), "wait for the device");
    std::vector<double> times(marks_.size(), 0.0);
    for (size_t i = 1; i < marks_.size(); ++i) {
      float ms = 0.0F;  // between neighbours: since the first mark, 16 s would be a float to the microsecond
      cuda_check(cudaEventElapsedTime(&ms, marks_[i - 1], marks_[i]), "read the device's clock");
      times[i] = times[i - 1] + 1e3 * static_cast<double>(ms);
    }
    return times;
  }

 private:
  const Device device_;
  const cudaStream_t stream_;
  SpareEvents& spare_;
  std::vector<cudaEvent_t> marks_;  // null where it failed
  std::exception_ptr failure_;      // the first
};

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int index)
      : device_(Device::cuda(index)),
        pool_({.of = device_.str(),
               .allocate = [this](size_t bytes) { return allocate_block(bytes); },
               .free = [](void* block) { cudaFree(block); }}) {
    cuda_check(cudaSetDevice(index), "select the device");
    cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
  }

  std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) override {
    if (Capture* capture = Capture::of(device_)) return capture->memory().allocate(bytes, element_bytes);
    return pool_.allocate(bytes);
  }

  void from_host(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    refuse_in_capture("copies from the host", bytes);
    staging_.copy_to_device(to, from, bytes, use());
  }
  void to_host(void* to, const void* from, size_t bytes, size_t) override {
    if (bytes == 0) return;
    refuse_in_capture("copies to the host", bytes);
    const cudaStream_t stream = use();
    cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "copy from the device");
    cuda_check(cudaStreamSynchronize(stream), "copy from the device");
    note_wait();
  }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, use()), "copy within the device");
    note_in_capture("copy");
  }
  void zero(void* to, size_t bytes) override {
    if (bytes == 0) return;
    cuda_check(cudaMemsetAsync(to, 0, bytes, use()), "fill with zeros");
    note_in_capture("zero");
  }
  std::unique_ptr<DeviceClock> clock() override {
    refuse_in_capture("marks times for the host", 0);
    return std::make_unique<EventClock>(device_, use(), spare_events_);
  }
  void synchronize() override {
    refuse_in_capture("waits for the device", 0);
    cuda_check(cudaStreamSynchronize(use()), "wait for the device");
    note_wait();
  }

  MemoryStats stats() const override { return pool_.stats(); }
  void reset_peak() override { pool_.reset_peak(); }
  MemoryPool* pool() override { return &pool_; }

  cudaStream_t use() {
    cuda_check(cudaSetDevice(device_.index), "select the device");
    auto* const side = static_cast<cudaStream_t>(side_stream_in_use(device_));
    return side != nullptr ? side : stream_;
  }

 private:
  void refuse_in_capture(const char* what, size_t bytes) const {
    const Capture* const capture = Capture::of(device_);
    if (capture == nullptr) return;
    capture->refuse(bytes == 0 ? std::string(what) : fmt::format("{} ({} bytes)", what, bytes));
  }
  void note_in_capture(const char* operation) const {
    if (Capture* capture = Capture::of(device_)) capture->note(operation);
  }
  void* allocate_block(size_t bytes) {
    use();
    return allocate_or_null(bytes);
  }

  const Device device_;
  MemoryPool pool_;
  Staging staging_;
  SpareEvents spare_events_;
  cudaStream_t stream_ = nullptr;
};

CudaBackend& backend_at(int index) {
  if (index < 0 || index >= n_devices()) {
    throw DeviceError("[device] cuda:{} is not there: {}", index,
                      found().status.absent.empty()
                          ? fmt::format("this machine has {} CUDA devices", n_devices())
                          : found().status.absent);
  }
  static std::mutex mutex;
  // Never destroyed: tensors of static lifetime may outlive any order of destruction, and the process gives
  // all back.
  static auto& backends = *new std::vector<std::unique_ptr<CudaBackend>>(static_cast<size_t>(n_devices()));
  std::lock_guard lock(mutex);
  auto& entry = backends[static_cast<size_t>(index)];
  if (entry == nullptr) entry = std::make_unique<CudaBackend>(index);
  return *entry;
}

}  // namespace

void throw_cuda_error(cudaError_t status, const char* what) {
  cudaGetLastError();  // reported here, so not by the next call that asks
  throw DeviceError("[cuda] could not {}: {} ({}){}", what, cudaGetErrorString(status),
                    cudaGetErrorName(status), suspects(cudaGetErrorName(status)));
}

cudaStream_t stream_of(Device device) { return backend_at(device.index).use(); }

CudaStatus status() { return found().status; }
int n_devices() { return found().n_devices; }

DeviceInfo device_info(int index) {
  cudaDeviceProp properties{};
  cuda_check(cudaGetDeviceProperties(&properties, index), "read the properties of a device");
  size_t unused = 0, total = 0;
  stream_of(Device::cuda(index));
  cuda_check(cudaMemGetInfo(&unused, &total), "read the memory of a device");
  return {Device::cuda(index),
          properties.name,
          total,
          unused,
          fmt::format("sm_{}{}", properties.major, properties.minor),
          properties.multiProcessorCount,
          static_cast<size_t>(properties.l2CacheSize)};
}

std::string bus_id(int index) {
  std::array<char, 32> text{};
  cuda_check(cudaDeviceGetPCIBusId(text.data(), 32, index), "read the bus of a device");
  return text.data();
}

Backend& cuda_backend(int index) { return backend_at(index); }

}  // namespace primal::cuda
