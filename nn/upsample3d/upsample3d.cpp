#include "nn/upsample3d/upsample3d.h"

#include "nn/upsample3d/upsample3d_kernels.h"
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

template <class T>
AxisMaps<T> maps_of(const Shape& x, const Shape& y, const Upsample3dParams& params) {
  AxisMaps<T> maps;
  for (int axis = 0; axis < 3; ++axis)
    maps[static_cast<size_t>(axis)] = axis_map<T>(x[2 + axis], y[2 + axis], params);
  return maps;
}

}  // namespace

Variable upsample3d(const Variable& x, const Upsample3dParams& params) {
  const Shape from = x.shape(), to = check(x, params);
  const Range range("upsample3d", nullptr,
                    [&] { return range_detail(upsample3d_cost(from, to, params.mode), from.str()); });
  const Tensor y = Tensor::empty(to, x.dtype());
  dispatch_floating(x.dtype(), "upsample3d", [&]<class T>() {
    cpu::upsample3d_forward<T>(Exec{}, x.value().view5<const T>(), maps_of<T>(from, to, params),
                               y.view5<T>());
  });
  return record("upsample3d", y, {x}, [from, to, params](Gradients& g) {
    dispatch_floating(g.output().dtype(), "upsample3d", [&]<class T>() {
      AxisMaps<T> maps = maps_of<T>(from, to, params);
      for (AxisMap<T>& map : maps) map = transposed(map);
      cpu::upsample3d_backward<T>(Exec{}, g.output().view5<const T>(), maps, g.input(0).view5<T>());
    });
  });
}

}  // namespace primal
