// Tensor: a cheap handle to a contiguous, row-major block of one element type on one device.
//
// Elements of a tensor on the CPU are there for everybody: data(), span(), view(). Those of another device
// are for kernels that run there: device_span(), device_view(); host code moves them first, to(Device{}), and
// gets a DeviceError otherwise.
//
// Copying a Tensor copies the handle; both see the same elements. reshape() and slice() share storage,
// everything else copies. There are no strides. A default-constructed Tensor is undefined and says so in
// defined(). Wrong types, shapes and indices throw ShapeError. Handles may be used from several threads,
// elements as plain memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

class Tensor {
 public:
  Tensor() = default;

  static Tensor empty(const Shape& shape, DType dtype = DType::f32,
                      Device device = {});  // contents undefined
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32, Device device = {});
  static Tensor scalar(double value, DType dtype = DType::f32) { return full({}, value, dtype); }
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor from(const Shape& shape, const std::vector<T>& values) {
    return from(shape, std::span<const T>(values));
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  std::string str() const;  // "f32[1,2,8,8]", with " on simt" where it is not on the CPU

  // The elements; ShapeError when T is not the element type or the tensor is undefined, DeviceError
  // when it is not on the CPU. A Tensor is a handle, so a const one gives access to the same elements,
  // as a const shared_ptr does.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<std::remove_const_t<T>>());
    return static_cast<T*>(raw());
  }
  template <class T>
  std::span<T> span() const {
    return {data<T>(), static_cast<size_t>(numel())};
  }
  template <class T, int R>
  View<T, R> view() const;  // ShapeError when the rank is not R
  template <class T>
  View5<T> view5() const {
    return view<T, 5>();
  }
  void* raw() const {
    check_host();
    return device_raw();
  }

  // The elements for kernels that run where the tensor is, on any device.
  template <class T>
  std::span<T> device_span() const {
    check_dtype(dtype_of<std::remove_const_t<T>>());
    return {static_cast<T*>(device_raw()), static_cast<size_t>(numel())};
  }
  template <class T, int R>
  View<T, R> device_view() const;  // ShapeError when the rank is not R
  template <class T>
  View5<T> device_view5() const {
    return device_view<T, 5>();
  }
  void* device_raw() const { return static_cast<char*>(storage_.get()) + offset_; }

  // The only element, of any type, as a double.
  double item() const;
  // All elements, of any type, as doubles: for tests, statistics and printing.
  std::vector<double> to_doubles() const;

  Tensor reshape(const Shape& shape) const;        // same elements, shared
  Tensor slice(int64_t begin, int64_t end) const;  // [begin, end) of the leading axis, shared
  Tensor clone() const;                            // a copy of its own, on the same device
  Tensor to(DType dtype) const;    // converted copy; the same handle where nothing changes; on the CPU
  Tensor to(Device device) const;  // a copy there; the same handle where it is there already
  void fill(double value) const;
  void copy_from(const Tensor& source) const;  // same shape and type, from any device

 private:
  void check_dtype(DType expected) const;
  void check_host() const;

  std::shared_ptr<void> storage_;
  size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_;
};

// Where these live, undefined ones apart: the CPU where all are. DeviceError that names the op and shows all
// of them where they do not live together.
Device common_device(const char* op, std::span<const Tensor> tensors);
inline Device common_device(const char* op, std::initializer_list<Tensor> tensors) {
  return common_device(op, std::span<const Tensor>(tensors.begin(), tensors.size()));
}

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  if (std::ssize(values) != shape.numel()) {
    throw ShapeError("[tensor] shape {} needs {} values, got {}", shape.str(), shape.numel(), values.size());
  }
  Tensor t = empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), t.data<T>());
  return t;
}

template <class T, int R>
View<T, R> Tensor::view() const {
  check_host();
  return device_view<T, R>();
}

template <class T, int R>
View<T, R> Tensor::device_view() const {
  if (shape_.rank() != R) throw ShapeError("[tensor] expected rank {}, got {}", R, str());
  View<T, R> v;
  v.data = device_span<T>().data();
  std::ranges::copy(shape_.extents(), v.extent.begin());
  return v;
}

}  // namespace primal
