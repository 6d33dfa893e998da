#include "tensor/cuda/side_stream.h"

#include <utility>
#include <vector>

#include "tensor/cuda/cuda_check.h"

namespace primal::cuda {
namespace {

class CudaSideStream;
thread_local CudaSideStream* in_use = nullptr;

class CudaSideStream final : public SideStream {
 public:
  explicit CudaSideStream(int index)
      : device_(Device::cuda(index)), of_device_(stream_of(Device::cuda(index))) {
    cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
    const cudaError_t status = cudaEventCreateWithFlags(&device_now_, cudaEventDisableTiming);
    if (status != cudaSuccess) cudaStreamDestroy(stream_);
    cuda_check(status, "create an event");
  }
  // Work that is under way continues; CUDA frees the stream and the events when it is done.
  ~CudaSideStream() override {
    cudaSetDevice(device_.index);
    for (const cudaEvent_t event : marks_) {
      if (event != nullptr) cudaEventDestroy(event);
    }
    cudaEventDestroy(device_now_);
    cudaStreamDestroy(stream_);
  }
  CudaSideStream(const CudaSideStream&) = delete;
  CudaSideStream& operator=(const CudaSideStream&) = delete;

  void wait_for_device() override {
    select();
    cuda_check(cudaEventRecord(device_now_, of_device_), "record an event");
    cuda_check(cudaStreamWaitEvent(stream_, device_now_, 0), "let a stream wait");
  }
  void mark(size_t number) override {
    select();
    if (number >= marks_.size()) marks_.resize(number + 1, nullptr);
    cudaEvent_t& event = marks_[number];
    if (event == nullptr)
      cuda_check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "create an event");
    cuda_check(cudaEventRecord(event, stream_), "record an event");
  }
  void let_device_wait(size_t number) override {
    if (!is_made(number)) return;
    select();
    cuda_check(cudaStreamWaitEvent(of_device_, marks_[number], 0), "let the device wait");
  }
  bool reached(size_t number) override {
    if (!is_made(number)) return true;
    select();
    const cudaError_t status = cudaEventQuery(marks_[number]);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();  // clears the status, which CUDA would otherwise report as an error later
      return false;
    }
    cuda_check(status, "look at a stream");
    return true;
  }
  void* handle() const override { return stream_; }

  Device device() const { return device_; }
  cudaStream_t stream() const { return stream_; }

 protected:
  SideStream* begin_use() override { return std::exchange(in_use, this); }
  void end_use(SideStream* before) override { in_use = static_cast<CudaSideStream*>(before); }

 private:
  void select() const { cuda_check(cudaSetDevice(device_.index), "select the device"); }
  bool is_made(size_t number) const { return number < marks_.size() && marks_[number] != nullptr; }

  const Device device_;
  const cudaStream_t of_device_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t device_now_ = nullptr;
  std::vector<cudaEvent_t> marks_;
};

}  // namespace

std::unique_ptr<SideStream> make_side_stream(int index) { return std::make_unique<CudaSideStream>(index); }

void* side_stream_in_use(Device device) {
  return in_use != nullptr && in_use->device() == device ? in_use->stream() : nullptr;
}

}  // namespace primal::cuda
