#include "nn/concat/concat.h"

#include "nn/concat/concat_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// Checks the call, makes `axis` count from the front and returns the shape of y.
Shape check(const std::vector<Variable>& parts, int& axis) {
  if (parts.empty()) throw ShapeError("[concat] there are no parts");
  const Tensor& first = parts.front().value();
  const int rank = first.shape().rank();
  if (!is_floating(first.dtype())) throw ShapeError("[concat] parts must be f32 or f64: {}", first.str());
  if (axis < -rank || axis >= rank) throw ShapeError("[concat] axis {} is outside of {}", axis, first.str());
  if (axis < 0) axis += rank;
  int64_t extent = 0;
  for (size_t p = 0; p < parts.size(); ++p) {
    const Tensor& part = parts[p].value();
    if (part.dtype() != first.dtype() || part.shape().rank() != rank ||
        part.shape().with(axis, 0) != first.shape().with(axis, 0)) {
      throw ShapeError("[concat] part {} does not fit part 0 along axis {}: {} and {}", p, axis, part.str(),
                       first.str());
    }
    extent += part.size(axis);
  }
  return first.shape().with(axis, extent);
}

}  // namespace

Variable concat(const std::vector<Variable>& parts, int axis) {
  const Shape shape = check(parts, axis);
  std::vector<Tensor> values;
  for (const Variable& part : parts) values.push_back(part.value());
  const Device device = common_device("concat", values);
  int64_t n_outer = 1, n_inner = 1;
  for (int a = 0; a < axis; ++a) n_outer *= shape[a];
  for (int a = axis + 1; a < shape.rank(); ++a) n_inner *= shape[a];
  std::vector<int64_t> begins;  // of each part within a block of y
  int64_t end = 0;
  for (const Variable& part : parts) {
    begins.push_back(end);
    end += part.shape()[axis] * n_inner;
  }
  const DType dtype = parts.front().dtype();
  return dispatch_floating(dtype, "concat", [&]<class T>() {
    const Door door("concat", concat_ladder.of<T>(), OnlyShape{shape}, device,
                    [&] { return map_cost(elements_of(shape), elements_of(shape), 0.0, 0.0); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(shape, dtype, device);
    forward([&](const Exec& exec, const ConcatKernels<T>& kernels) {
      for (size_t p = 0; p < parts.size(); ++p)
        kernels.forward(exec, values[p].device_span<const T>(), n_outer, begins[p], y.device_span<T>());
    });
    return record("concat", y, parts, [begins, n_outer, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const ConcatKernels<T>& kernels) {
        for (size_t p = 0; p < begins.size(); ++p) {
          if (!g.needs(p)) continue;
          kernels.backward(exec, g.upstream().device_span<const T>(), n_outer, begins[p],
                           g.grad_of(p).device_span<T>());
        }
      });
    });
  });
}

}  // namespace primal
