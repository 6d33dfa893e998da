#include "nn/mse_loss/mse_loss.h"

#include "nn/mse_loss/mse_loss_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {

Variable mse_loss(const Variable& x, const Variable& target) {
  if (!is_floating(x.dtype())) throw ShapeError("[mse_loss] x must be f32 or f64: {}", x.value().str());
  if (x.dtype() != target.dtype() || x.shape() != target.shape()) {
    throw ShapeError("[mse_loss] x and target differ: x={} target={}", x.value().str(), target.value().str());
  }
  if (x.value().numel() == 0) throw ShapeError("[mse_loss] x has no elements: {}", x.value().str());
  const Range range("mse_loss", nullptr,
                    [&] { return range_detail(mse_loss_cost(x.shape()), x.shape().str()); });
  const double mean = dispatch_floating(x.dtype(), "mse_loss", [&]<class T>() {
    return cpu::mse_loss_forward<T>(Exec{}, x.value().span<T>(), target.value().span<T>());
  });
  const Tensor y = Tensor::scalar(mean, x.dtype());
  return record("mse_loss", y, {x, target}, [x = x.value(), target = target.value()](Gradients& g) {
    const double factor = 2.0 / static_cast<double>(x.numel()) * g.output().item();
    dispatch_floating(x.dtype(), "mse_loss", [&]<class T>() {
      if (g.needs(0))
        cpu::mse_loss_backward<T>(Exec{}, x.span<T>(), target.span<T>(), factor, g.input(0).span<T>());
      if (g.needs(1))
        cpu::mse_loss_backward<T>(Exec{}, x.span<T>(), target.span<T>(), -factor, g.input(1).span<T>());
    });
  });
}

}  // namespace primal
