#include "python/src/arrays.h"

#include <array>
#include <memory>
#include <vector>

#include "tensor/lent.h"

namespace nb = nanobind;

namespace primal::python {

Tensor borrowed(const Array& array) {
  std::vector<int64_t> extents;
  for (size_t a = 0; a < array.ndim(); ++a) extents.push_back(static_cast<int64_t>(array.shape(a)));
  const bool is_f32 = array.dtype() == nb::dtype<float>(), is_f64 = array.dtype() == nb::dtype<double>();
  if (!is_f32 && !is_f64) throw nb::type_error("expected an array of float32 or float64");
  // The last copy may die on a thread of Primal's, without the lock.
  const auto keep = [kept = new Array(array)](void*) {
    if (!Py_IsInitialized()) return;  // the interpreter is gone, and the array with it
    const nb::gil_scoped_acquire locked;
    delete kept;
  };
  std::shared_ptr<void> memory(const_cast<void*>(array.data()), keep);
  return lent_tensor(std::move(memory), Shape(std::span<const int64_t>(extents)),
                     is_f32 ? DType::f32 : DType::f64);
}

nb::object array_of(const Tensor& tensor) {
  std::array<size_t, Shape::kMaxRank> extents{};
  const size_t rank = static_cast<size_t>(tensor.shape().rank());
  for (size_t a = 0; a < rank; ++a) extents[a] = static_cast<size_t>(tensor.size(static_cast<int>(a)));
  const nb::capsule owner(new Tensor(tensor), [](void* kept) noexcept { delete static_cast<Tensor*>(kept); });
  return dispatch_floating(tensor.dtype(), "python", [&]<class T>() {
    return nb::cast(nb::ndarray<nb::numpy, T>(tensor.data<T>(), rank, extents.data(), owner));
  });
}

}  // namespace primal::python
