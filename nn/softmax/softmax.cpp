#include "nn/softmax/softmax.h"

#include "nn/softmax/softmax_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

// [.., K, ..] as [n_outer, K, n_inner]
template <class T>
View<T, 3> around(int axis, const Tensor& t) {
  View<T, 3> view{t.device_span<T>().data(), {1, t.size(axis), 1}};
  for (int a = 0; a < axis; ++a) view.extent[0] *= t.size(a);
  for (int a = axis + 1; a < t.shape().rank(); ++a) view.extent[2] *= t.size(a);
  return view;
}

}  // namespace

Variable softmax(const Variable& x, int axis) {
  const int rank = x.shape().rank();
  if (!is_floating(x.dtype())) throw ShapeError("[softmax] x must be f32 or f64: {}", x.value().str());
  if (axis < -rank || axis >= rank)
    throw ShapeError("[softmax] axis {} is outside of {}", axis, x.value().str());
  if (axis < 0) axis += rank;
  if (x.shape()[axis] == 0)
    throw ShapeError("[softmax] axis {} of {} has no elements", axis, x.value().str());
  const Range range("softmax");
  const Exec exec = exec_on(x.device());
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  return dispatch_floating(x.dtype(), "softmax", [&]<class T>() {
    const SoftmaxKernels<T>& kernels = kernels_on("softmax", x.device(), softmax_kernels<T>());
    kernels.forward(exec, around<const T>(axis, x.value()), around<T>(axis, y));
    return record("softmax", y, {x}, [=, &kernels](Gradients& g) {
      kernels.backward(exec, around<const T>(axis, y), around<const T>(axis, g.output()),
                       around<T>(axis, g.input(0)));
    });
  });
}

}  // namespace primal
