#include "nn/mse_loss/mse_loss.h"

#include "nn/mse_loss/mse_loss_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {

Variable mse_loss(const Variable& x, const Variable& target) {
  if (!is_floating(x.dtype())) throw ShapeError("[mse_loss] x must be f32 or f64: {}", x.value().str());
  if (x.dtype() != target.dtype() || x.shape() != target.shape()) {
    throw ShapeError("[mse_loss] x and target differ: x={} target={}", x.value().str(), target.value().str());
  }
  if (x.value().numel() == 0) throw ShapeError("[mse_loss] x has no elements: {}", x.value().str());
  const Device device = common_device("mse_loss", {x.value(), target.value()});
  return dispatch_floating(x.dtype(), "mse_loss", [&]<class T>() {
    const Door door("mse_loss", mse_loss_ladder.of<T>(), OnlyShape{x.shape()}, device,
                    [&] { return mse_loss_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty({}, x.dtype(), device);
    forward([&](const Exec& exec, const MseLossKernels<T>& kernels) {
      kernels.forward(exec, x.value().device_span<const T>(), target.value().device_span<const T>(),
                      y.device_span<T>());
    });
    return record("mse_loss", y, {x, target},
                  [backward = door.phase("backward"), x = x.value(), target = target.value()](Gradients& g) {
                    const auto give = [&](double factor, const Gradients::Destination& to) {
                      backward([&](const Exec& exec, const MseLossKernels<T>& kernels) {
                        kernels.backward(exec, x.device_span<const T>(), target.device_span<const T>(),
                                         factor, g.upstream().device_span<const T>(), to.add,
                                         to.buffer.device_span<T>());
                      });
                    };
                    const double factor = 2.0 / static_cast<double>(x.numel());
                    if (g.needs(0)) give(factor, g.destination(0));
                    if (g.needs(1)) give(-factor, g.destination(1));
                  });
  });
}

}  // namespace primal
