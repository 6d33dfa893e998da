#include "nn/scale/scale.h"

#include "nn/scale/scale_kernels.h"
#include "tensor/op/door.h"

namespace primal {

Variable scale(const Variable& x, double a) {
  return dispatch_floating(x.dtype(), "scale", [&]<class T>() {
    const Door door("scale", scale_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return scale_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    forward([&](const Exec& exec, const auto& kernels) {
      kernels.forward(exec, x.value().device_span<const T>(), a, y.device_span<T>());
    });
    return record("scale", y, {x}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const auto& kernels) {
        kernels.backward(exec, g.upstream().device_span<const T>(), a, g.grad_of(0).device_span<T>());
      });
    });
  });
}

}  // namespace primal
