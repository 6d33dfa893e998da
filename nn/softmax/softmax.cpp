#include "nn/softmax/softmax.h"

#include "nn/softmax/softmax_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

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
  return dispatch_floating(x.dtype(), "softmax", [&]<class T>() {
    const Door door("softmax", softmax_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return softmax_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    forward([&](const Exec& exec, const SoftmaxKernels<T>& kernels) {
      kernels.forward(exec, around<const T>(axis, x.value()), around<T>(axis, y));
    });
    return record("softmax", y, {x}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const SoftmaxKernels<T>& kernels) {
        kernels.backward(exec, around<const T>(axis, y), around<const T>(axis, g.upstream()),
                         around<T>(axis, g.grad_of(0)));
      });
    });
  });
}

}  // namespace primal
