#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.storage_ = host_pool().allocate(t.bytes());
  return t;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor t = empty(shape, dtype);
  std::memset(t.raw(), 0, t.bytes());
  return t;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  t.fill(value);
  return t;
}

std::string Tensor::str() const {
  return defined() ? fmt::format("{}{}", name_of(dtype_), shape_.str()) : "undefined";
}

void Tensor::check_dtype(DType expected) const {
  if (!defined()) throw ShapeError("[tensor] undefined: it has no elements");
  if (dtype_ != expected) throw ShapeError("[tensor] expected {}, got {}", name_of(expected), str());
}

double Tensor::item() const {
  if (numel() != 1) throw ShapeError("[tensor] item() needs exactly one element, got {}", str());
  return to_doubles()[0];
}

std::vector<double> Tensor::to_doubles() const {
  return dispatch(dtype_, [&]<class T>() {
    const std::span<T> values = span<T>();
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
    throw ShapeError("[slice] [{}, {}) lies outside of the leading axis of {}", begin, end, str());
  }
  Tensor t = *this;
  t.shape_ = shape_.with(0, end - begin);
  const int64_t row = shape_[0] == 0 ? 0 : numel() / shape_[0];
  t.offset_ += static_cast<size_t>(begin * row) * size_of(dtype_);
  return t;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor t = empty(shape_, dtype_);
  std::memcpy(t.raw(), raw(), bytes());
  return t;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_ || !defined()) return *this;
  Tensor t = empty(shape_, dtype);
  dispatch(dtype_, [&]<class From>() {
    dispatch(dtype, [&]<class To>() {
      std::ranges::transform(span<From>(), t.data<To>(), [](From v) { return static_cast<To>(v); });
    });
  });
  return t;
}

void Tensor::fill(double value) const {
  dispatch(dtype_, [&]<class T>() { std::ranges::fill(span<T>(), static_cast<T>(value)); });
}

void Tensor::copy_from(const Tensor& source) const {
  if (source.shape() != shape_ || source.dtype() != dtype_) {
    throw ShapeError("[copy_from] source {} does not match {}", source.str(), str());
  }
  std::memcpy(raw(), source.raw(), bytes());
}

}  // namespace primal
