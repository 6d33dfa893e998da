#include "nn/step_state/step_state.h"

#include "nn/step_state/step_state_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const StepStateImplementation* kImplementations[] = {PRIMAL_DEVICES(step_state_chunks)};

const StepStateKernels& kernels_on(Device device, const char* phase) {
  return choose<OnlyShape, StepStateKernels>("step_state", phase, kImplementations, OnlyShape{}, device)
      .kernels;
}

template <class T>
std::vector<std::span<T>> spans_of(std::span<const Tensor> tensors) {
  std::vector<std::span<T>> spans;
  for (const Tensor& tensor : tensors) spans.push_back(tensor.device_span<T>());
  return spans;
}

Device checked(Device device) {
  if (device.is_cpu()) throw DeviceError("[step_state] the CPU has none: there the host looks at each step");
  return device;
}

}  // namespace

StepState::StepState(Device device, int64_t n_places)
    : now_(Tensor::zeros({4}, DType::f64, checked(device))),
      losses_(Tensor::zeros({n_places}, DType::f64, device)),
      first_bad_(Tensor::zeros({1}, DType::i32, device)) {}

void StepState::begin(int64_t step, int64_t place, const std::array<double, 2>& adam_factors) const {
  if (place < 0 || place >= n_places())
    throw ShapeError("[step_state] place {} of {} losses does not exist", place, n_places());
  now_.copy_from(Tensor::from(Shape{4}, std::vector{static_cast<double>(step), static_cast<double>(place),
                                                    adam_factors[0], adam_factors[1]}));
}

void StepState::judge(const Tensor& loss, std::span<const Tensor> gradients) const {
  if (loss.numel() != 1) throw ShapeError("[step_state] the loss must be a scalar: {}", loss.str());
  const Device device = now_.device();
  kernels_on(device, "judge")
      .judge(exec_on(device), loss.device_span<const float>(), spans_of<const float>(gradients),
             now_.device_span<const double>(), losses_.device_span<double>(),
             first_bad_.device_span<int32_t>());
}

void StepState::restore(std::span<const Tensor> kept, std::span<const Tensor> buffers) const {
  if (kept.size() != buffers.size())
    throw ShapeError("[step_state] {} tensors were kept of {} buffers", kept.size(), buffers.size());
  for (size_t k = 0; k < kept.size(); ++k) {
    if (kept[k].shape() != buffers[k].shape())
      throw ShapeError("[step_state] kept {} of buffer {}", kept[k].str(), buffers[k].str());
  }
  const Device device = now_.device();
  kernels_on(device, "restore")
      .restore(exec_on(device), spans_of<const float>(kept), spans_of<float>(buffers),
               first_bad_.device_span<const int32_t>());
}

std::vector<double> StepState::losses(int64_t n) const { return losses_.slice(0, n).to_doubles(); }
int64_t StepState::first_bad_step() const { return static_cast<int64_t>(first_bad_.item()); }

}  // namespace primal
