#include "tensor/tensor.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/lent.h"
#include "tensor/rehearsal.h"

namespace primal {
namespace {

// What the next Tensor::empty() of this thread takes instead of memory from a pool; set by lent_tensor()
// alone.
thread_local std::shared_ptr<void> lent_memory;

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.device_ = device;
  t.storage_ =
      lent_memory ? std::exchange(lent_memory, nullptr) : backend(device).allocate(t.bytes(), size_of(dtype));
  return t;
}

Tensor lent_tensor(std::shared_ptr<void> memory, const Shape& shape, DType dtype) {
  if (memory == nullptr && shape.numel() > 0)
    throw ShapeError("[tensor] no memory was lent for {}{}", name_of(dtype), shape.str());
  if (reinterpret_cast<uintptr_t>(memory.get()) % size_of(dtype) != 0)
    throw ShapeError("[tensor] memory lent for {}{} is not aligned to {} bytes", name_of(dtype), shape.str(),
                     size_of(dtype));
  if (memory == nullptr) return Tensor::empty(shape, dtype);
  lent_memory = std::move(memory);
  return Tensor::empty(shape, dtype);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor t = empty(shape, dtype, device);
  backend(device).zero(t.device_raw(), t.bytes());
  return t;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor t = empty(shape, dtype, device);
  t.fill(value);
  return t;
}

std::string Tensor::str() const {
  if (!defined()) return "undefined";
  return fmt::format("{}{}{}", name_of(dtype_), shape_.str(), device_.is_cpu() ? "" : " on " + device_.str());
}

void Tensor::check_dtype(DType expected) const {
  if (!defined()) throw ShapeError("[tensor] undefined: it has no elements");
  if (dtype_ != expected) throw ShapeError("[tensor] expected {}, got {}", name_of(expected), str());
}

void Tensor::check_host() const {
  if (!device_.is_cpu())
    throw DeviceError("[tensor] {} is read by the host, which has to move it to the cpu first", str());
}

double Tensor::item() const {
  if (numel() != 1) throw ShapeError("[tensor] item() needs exactly one element, got {}", str());
  return to_doubles()[0];
}

std::vector<double> Tensor::to_doubles() const {
  const Tensor host = to(Device{});
  return dispatch(dtype_, [&]<class T>() {
    const std::span<T> values = host.span<T>();
    return std::vector<double>(values.begin(), values.end());
  });
}

Tensor Tensor::reshape(const Shape& shape) const {
  if (shape.numel() != numel()) throw ShapeError("[reshape] {} cannot become {}", str(), shape.str());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  if (shape_.rank() == 0 || begin < 0 || end < begin || end > shape_[0]) {
    throw ShapeError("[slice] [{}, {}) is outside the leading axis of {}", begin, end, str());
  }
  Tensor t = *this;
  t.shape_ = shape_.with(0, end - begin);
  const int64_t row = shape_[0] == 0 ? 0 : numel() / shape_[0];
  t.offset_ += static_cast<size_t>(begin * row) * size_of(dtype_);
  return t;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor t = empty(shape_, dtype_, device_);
  backend(device_).copy(t.device_raw(), device_raw(), bytes());
  return t;
}

Tensor Tensor::to(Device device) const {
  if (device == device_ || !defined()) return *this;
  Tensor t = empty(shape_, dtype_, device);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_ || !defined()) return *this;
  Tensor t = empty(shape_, dtype);
  if (!Rehearsal::holds_values(bytes())) return t;
  dispatch(dtype_, [&]<class From>() {
    dispatch(dtype, [&]<class To>() {
      std::ranges::transform(span<From>(), t.data<To>(), [](From v) { return static_cast<To>(v); });
    });
  });
  return t;
}

void Tensor::fill(double value) const {
  if (value == 0.0) return backend(device_).zero(device_raw(), bytes());
  if (!Rehearsal::holds_values(bytes())) return;
  if (!device_.is_cpu()) return copy_from(full(shape_, value, dtype_));
  dispatch(dtype_, [&]<class T>() { std::ranges::fill(span<T>(), static_cast<T>(value)); });
}

void Tensor::copy_from(const Tensor& source) const {
  if (source.shape() != shape_ || source.dtype() != dtype_) {
    throw ShapeError("[copy_from] source {} does not match {}", source.str(), str());
  }
  if (source.device_ == device_) return backend(device_).copy(device_raw(), source.device_raw(), bytes());
  if (source.device_.is_cpu()) return backend(device_).from_host(device_raw(), source.raw(), bytes());
  if (device_.is_cpu())
    return backend(source.device_).to_host(raw(), source.device_raw(), bytes(), size_of(dtype_));
  copy_from(source.to(Device{}));  // between two devices: through the host
}

Device common_device(const char* op, std::span<const Tensor> tensors) {
  const Tensor* first = nullptr;
  for (const Tensor& t : tensors) {
    if (!t.defined()) continue;
    if (first == nullptr) first = &t;
    if (t.device() == first->device()) continue;
    std::string all;
    for (const Tensor& each : tensors) {
      if (each.defined())
        all += fmt::format("{}{} on {}", all.empty() ? "" : ", ", each.shape().str(), each.device().str());
    }
    throw DeviceError("[{}] its inputs live on different devices: {}", op, all);
  }
  return first == nullptr ? Device{} : first->device();
}

}  // namespace primal
