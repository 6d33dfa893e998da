#include "nn/max_pool3d/max_pool3d.h"

#include <limits>

#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// Checks the call and returns the shape of y.
Shape check(const Variable& x, const MaxPool3dParams& params) {
  if (!x.defined() || !is_floating(x.dtype()) || x.shape().rank() != 5)
    throw ShapeError("[max_pool3d] x must be f32 or f64 [N,C,D,H,W]: {}", x.value().str());
  int64_t volume = 1;
  Shape y = x.shape();
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], k = params.kernel[a], s = params.steps()[a], p = params.padding[a];
    const char letter = "DHW"[axis];
    if (n < 1) throw ShapeError("[max_pool3d] x has no cells along {}: x={}", letter, x.shape().str());
    if (k < 1) throw ShapeError("[max_pool3d] kernel {} along {} is below 1", k, letter);
    if (s < 1) throw ShapeError("[max_pool3d] stride {} along {} is below 1", s, letter);
    if (p < 0 || 2 * p > k)
      throw ShapeError("[max_pool3d] padding {} along {} is outside of [0, half the kernel {}]", p, letter,
                       k);
    if (n + 2 * p < k) {
      throw ShapeError("[max_pool3d] window {} along {} does not fit into {} cells with padding {}: x={}", k,
                       letter, n, p, x.shape().str());
    }
    volume *= n;
    y = y.with(2 + axis, (n + 2 * p - k) / s + 1);
  }
  if (volume > std::numeric_limits<int32_t>::max())
    throw ShapeError("[max_pool3d] a volume has {} cells, above 2^31 - 1: x={}", volume, x.shape().str());
  return y;
}

}  // namespace

Variable max_pool3d(const Variable& x, const MaxPool3dParams& params) {
  const Shape shape = check(x, params);
  return dispatch_floating(x.dtype(), "max_pool3d", [&]<class T>() {
    const Door door("max_pool3d", max_pool3d_ladder.of<T>(), MaxPool3dGeometry{x.shape(), params}, x.device(),
                    [&] { return max_pool3d_cost(x.shape(), shape, params); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(shape, x.dtype(), x.device());
    const bool save = will_record({x});
    const Tensor argmax = save ? Tensor::empty(shape, DType::i32, x.device()) : Tensor();
    forward([&](const Exec& exec, const MaxPool3dKernels<T>& kernels) {
      kernels.forward(exec, x.value().device_view5<const T>(), params, y.device_view5<T>(),
                      save ? argmax.device_view5<int32_t>() : View5<int32_t>{});
    });
    const auto backward = save ? door.phase("backward") : Phase<MaxPool3dKernels<T>>();
    return record("max_pool3d", y, {x}, [=](Gradients& g) {
      backward([&](const Exec& exec, const MaxPool3dKernels<T>& kernels) {
        kernels.backward(exec, argmax.device_view5<const int32_t>(), g.upstream().device_view5<const T>(),
                         params, g.grad_of(0).device_view5<T>());
      });
    });
  });
}

}  // namespace primal
