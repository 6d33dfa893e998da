#include "nn/cross_entropy/cross_entropy.h"

#include "nn/cross_entropy/cross_entropy_kernels.h"
#include "tensor/device_graph.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

void check(const Tensor& x, const Tensor& labels) {
  if (!is_floating(x.dtype()) || x.shape().rank() < 2)
    throw ShapeError("[cross_entropy] x must be f32 or f64 [N,C,..]: {}", x.str());
  if (!labels.defined() || is_floating(labels.dtype()))
    throw ShapeError("[cross_entropy] labels must be integers: {}", labels.str());
  bool fits = labels.shape().rank() == x.shape().rank() - 1;
  for (int a = 0; fits && a < labels.shape().rank(); ++a) fits = labels.size(a) == x.size(a == 0 ? 0 : a + 1);
  if (!fits)
    throw ShapeError("[cross_entropy] labels need the shape of x without C: x={} labels={}", x.str(),
                     labels.str());
  if (labels.numel() == 0) throw ShapeError("[cross_entropy] there are no labels: x={}", x.str());
}

void check_classes(std::span<const int64_t> labels, int64_t n_classes) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= n_classes) {
      throw ShapeError("[cross_entropy] label {} at {} is outside of [0, {})", labels[i], i, n_classes);
    }
  }
}

// Where x is. While a step is recorded, the host has no labels to look at: the kernel gives NaN
// for one that is outside.
Tensor checked_classes(const Tensor& labels, Device device, int64_t n_classes) {
  const bool usable = labels.device() == device && labels.dtype() == DType::i64;
  if (usable && Capture::of(device) != nullptr) return labels;
  const Tensor here = labels.to(Device{}).to(DType::i64);
  check_classes(here.span<const int64_t>(), n_classes);
  return usable ? labels : here.to(device);
}

// [N,C,..] as [N,C,S]
template <class T>
View<T, 3> by_class(const Tensor& t) {
  View<T, 3> view{t.device_span<T>().data(), {t.size(0), t.size(1), 1}};
  for (int a = 2; a < t.shape().rank(); ++a) view.extent[2] *= t.size(a);
  return view;
}

}  // namespace

Variable cross_entropy(const Variable& x, const Tensor& labels) {
  check(x.value(), labels);
  const Device device = x.device();
  const Tensor classes = checked_classes(labels, device, x.shape()[1]);
  return dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    const Door door("cross_entropy", cross_entropy_ladder.of<T>(), OnlyShape{x.shape()}, device,
                    [&] { return cross_entropy_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor log_sum = Tensor::empty({labels.numel()}, DType::f64, device);
    const Tensor y = Tensor::empty({}, x.dtype(), device);
    forward([&](const Exec& exec, const CrossEntropyKernels<T>& kernels) {
      kernels.forward(exec, by_class<const T>(x.value()), classes.device_span<const int64_t>(),
                      log_sum.device_span<double>(), y.device_span<T>());
    });
    return record("cross_entropy", y, {x},
                  [=, backward = door.phase("backward"), x = x.value()](Gradients& g) {
                    backward([&](const Exec& exec, const CrossEntropyKernels<T>& kernels) {
                      kernels.backward(exec, by_class<const T>(x), classes.device_span<const int64_t>(),
                                       log_sum.device_span<const double>(),
                                       g.upstream().device_span<const T>(), by_class<T>(g.grad_of(0)));
                    });
                  });
  });
}

}  // namespace primal
