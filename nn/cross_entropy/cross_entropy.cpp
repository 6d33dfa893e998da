#include "nn/cross_entropy/cross_entropy.h"

#include "nn/cross_entropy/cross_entropy_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

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

// [N,C,..] as [N,C,S]
template <class T>
View<T, 3> by_class(const Tensor& t) {
  View<T, 3> view{t.data<std::remove_const_t<T>>(), {t.size(0), t.size(1), 1}};
  for (int a = 2; a < t.shape().rank(); ++a) view.extent[2] *= t.size(a);
  return view;
}

}  // namespace

Variable cross_entropy(const Variable& x, const Tensor& labels) {
  check(x.value(), labels);
  const Tensor classes = labels.to(DType::i64);
  check_classes(classes.span<int64_t>(), x.shape()[1]);
  const Range range("cross_entropy");
  const Tensor log_sum = Tensor::empty({labels.numel()}, DType::f64);
  const double mean = dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    return cpu::cross_entropy_forward<T>(Exec{}, by_class<const T>(x.value()), classes.span<int64_t>(),
                                         log_sum.span<double>());
  });
  const Tensor y = Tensor::scalar(mean, x.dtype());
  return record("cross_entropy", y, {x}, [x = x.value(), classes, log_sum](Gradients& g) {
    const double factor = g.output().item() / static_cast<double>(classes.numel());
    dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
      cpu::cross_entropy_backward<T>(Exec{}, by_class<const T>(x), classes.span<int64_t>(),
                                     log_sum.span<double>(), factor, by_class<T>(g.input(0)));
    });
  });
}

}  // namespace primal
