#include "nn/upsample3d/upsample3d.h"

#include "nn/upsample3d/upsample3d_axis.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

// Checks the call and returns the shape of y.
Shape check(const Variable& x, const Upsample3dParams& params) {
  if (!x.defined() || !is_floating(x.dtype()) || x.shape().rank() != 5)
    throw ShapeError("[upsample3d] x must be f32 or f64 [N,C,D,H,W]: {}", x.value().str());
  if (params.align_corners && params.mode == UpsampleMode::nearest)
    throw ShapeError("[upsample3d] align_corners has no meaning for nearest: choose trilinear");
  Shape y = x.shape();
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], factor = params.size ? (*params.size)[a] : params.scale[a];
    const char letter = "DHW"[axis];
    if (n < 1) throw ShapeError("[upsample3d] x has no cells along {}: x={}", letter, x.shape().str());
    if (factor < 1)
      throw ShapeError("[upsample3d] {} {} along {} is below 1", params.size ? "size" : "scale", factor,
                       letter);
    y = y.with(2 + axis, params.size ? factor : n * factor);
  }
  return y;
}

std::array<int64_t, 3> volume_of(const Shape& shape) { return {shape[2], shape[3], shape[4]}; }

}  // namespace

Variable upsample3d(const Variable& x, const Upsample3dParams& params) {
  const Shape from = x.shape(), to = check(x, params);
  const Range range("upsample3d", nullptr,
                    [&] { return range_detail(upsample3d_cost(from, to, params.mode), from.str()); });
  const Exec exec = exec_on(x.device());
  const Tensor y = Tensor::empty(to, x.dtype(), x.device());
  return dispatch_floating(x.dtype(), "upsample3d", [&]<class T>() {
    const Upsample3dKernels<T>& kernels = kernels_on("upsample3d", x.device(), upsample3d_kernels<T>());
    const VolumeMaps<T> maps(x.device(), volume_of(from), volume_of(to), params, false);
    kernels.forward(exec, x.value().device_view5<const T>(), maps.tables(), y.device_view5<T>());
    return record("upsample3d", y, {x}, [=, &kernels](Gradients& g) {
      const VolumeMaps<T> transposes(exec.device, volume_of(from), volume_of(to), params, true);
      kernels.backward(exec, g.output().device_view5<const T>(), transposes.tables(),
                       g.input(0).device_view5<T>());
    });
  });
}

}  // namespace primal
