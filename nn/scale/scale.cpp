#include "nn/scale/scale.h"

#include "nn/scale/scale_kernels.h"
#include "tensor/range.h"

namespace primal {

Variable scale(const Variable& x, double a) {
  const Range range("scale", nullptr, [&] { return range_detail(scale_cost(x.shape()), x.shape().str()); });
  const Exec exec = exec_on(x.device());
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  return dispatch_floating(x.dtype(), "scale", [&]<class T>() {
    const ScaleKernels<T>& kernels = kernels_on("scale", x.device(), scale_kernels<T>());
    kernels.forward(exec, x.value().device_span<const T>(), a, y.device_span<T>());
    return record("scale", y, {x}, [=, &kernels](Gradients& g) {
      kernels.backward(exec, g.output().device_span<const T>(), a, g.input(0).device_span<T>());
    });
  });
}

}  // namespace primal
