#include "nn/upsample3d/upsample3d.h"

#include "nn/upsample3d/upsample3d_axis.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// A checked window of one axis.
AxisGeometry window_of(const Upsample3dWindow& window, size_t a, int64_t n_in, int64_t m,
                       const Upsample3dParams& params) {
  const int64_t n = window.whole[a];
  const CellRange x{window.x_begin[a], window.x_begin[a] + n_in}, y = window.y[a];
  const char letter = "DHW"[a];
  if (!CellRange{0, n}.contains(x))
    throw ShapeError("[upsample3d] x has cells {} to {} of {} along {}", x.begin, x.end, n, letter);
  if (!CellRange{0, m}.contains(y) || y.size() < 1)
    throw ShapeError("[upsample3d] y is to have cells {} to {} of {} along {}", y.begin, y.end, m, letter);
  const CellRange sources = upsample3d_sources(y, n, m, params);
  if (!x.contains(sources)) {
    throw ShapeError("[upsample3d] cells {} to {} along {} are made of {} to {}, x has {} to {}", y.begin,
                     y.end, letter, sources.begin, sources.end, x.begin, x.end);
  }
  return {n, m, x.begin, n_in, y.begin, y.size()};
}

// Checks the call and returns what happens along each axis.
VolumeGeometry checked_geometry(const Variable& x, const Upsample3dParams& params) {
  if (!x.defined() || !is_floating(x.dtype()) || x.shape().rank() != 5)
    throw ShapeError("[upsample3d] x must be f32 or f64 [N,C,D,H,W]: {}", x.value().str());
  if (params.align_corners && params.mode == UpsampleMode::nearest)
    throw ShapeError("[upsample3d] align_corners has no meaning for nearest: choose trilinear");
  VolumeGeometry geometry;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], factor = params.size ? (*params.size)[a] : params.scale[a];
    const char letter = "DHW"[axis];
    if (n < 1) throw ShapeError("[upsample3d] x has no cells along {}: x={}", letter, x.shape().str());
    if (factor < 1)
      throw ShapeError("[upsample3d] {} {} along {} is below 1", params.size ? "size" : "scale", factor,
                       letter);
    const int64_t whole = params.window ? params.window->whole[a] : n,
                  m = params.size ? factor : whole * factor;
    geometry[a] = params.window ? window_of(*params.window, a, n, m, params) : AxisGeometry{n, m, 0, n, 0, m};
  }
  return geometry;
}

}  // namespace

Variable upsample3d(const Variable& x, const Upsample3dParams& params) {
  const VolumeGeometry geometry = checked_geometry(x, params);
  const Shape from = x.shape();
  const Shape to{from[0], from[1], geometry[0].n_out, geometry[1].n_out, geometry[2].n_out};
  return dispatch_floating(x.dtype(), "upsample3d", [&]<class T>() {
    const Door door("upsample3d", upsample3d_ladder.of<T>(), Upsample3dGeometry{from, to}, x.device(),
                    [&] { return upsample3d_cost(from, to, params.mode); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(to, x.dtype(), x.device());
    const VolumeMaps<T> maps(x.device(), geometry, params, false);
    forward([&](const Exec& exec, const Upsample3dKernels<T>& kernels) {
      kernels.forward(exec, x.value().device_view5<const T>(), maps.tables(), y.device_view5<T>());
    });
    const auto backward = will_record({x}) ? door.phase("backward") : Phase<Upsample3dKernels<T>>();
    return record("upsample3d", y, {x}, [=](Gradients& g) {
      backward([&](const Exec& exec, const Upsample3dKernels<T>& kernels) {
        const VolumeMaps<T> transposes(exec.device, geometry, params, true);
        const Gradients::Destination grad_x = g.destination(0);
        kernels.backward(exec, g.upstream().device_view5<const T>(), transposes.tables(), grad_x.add,
                         grad_x.buffer.template device_view5<T>());
      });
    });
  });
}

}  // namespace primal
