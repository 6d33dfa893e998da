#include "nn/dropout/dropout.h"

#include <cmath>

#include "nn/dropout/dropout_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"
#include "tensor/random.h"

namespace primal {
namespace {

constexpr int kLayerBits = 40;  // of the number of an element within its layer

// [N,..] as [N,J]
template <class T>
View<T, 2> rows(const Tensor& t) {
  const int64_t n = t.shape().rank() == 0 ? 1 : t.size(0);
  return {t.device_span<T>().data(), {n, n == 0 ? 0 : t.numel() / n}};
}

void check(const Tensor& x, double p) {
  if (!is_floating(x.dtype())) throw ShapeError("[dropout] x must be f32 or f64: {}", x.str());
  if (!(p >= 0.0 && p < 1.0)) throw ShapeError("[dropout] p {} is outside of [0, 1)", p);
  if (x.shape().rank() > 0 && x.size(0) > 0 && x.numel() / x.size(0) > int64_t{1} << kLayerBits)
    throw ShapeError("[dropout] a row has more than 2^{} elements: x={}", kLayerBits, x.str());
}

DropoutMask mask_of(double p, const DropoutKey& key, const Tensor& x) {
  const RandomStream stream(key.seed, RandomPurpose::dropout, key.epoch, key.sample);
  DropoutMask mask{stream.stream(), uint64_t{key.layer} << kLayerBits,
                   static_cast<uint64_t>(std::ceil(p * 0x1p32)), 1.0 / (1.0 - p)};
  if (!key.place.defined()) return mask;
  if (key.place.shape() != Shape{2} || key.place.dtype() != DType::i64)
    throw ShapeError("[dropout] the place of a mask must be i64[2]: {}", key.place.str());
  common_device("dropout", {x, key.place});
  mask.place = key.place.device_span<const int64_t>().data();
  return mask;
}

}  // namespace

Variable dropout(const Variable& x, double p, const DropoutKey& key, bool training) {
  check(x.value(), p);
  if (!training || p == 0.0) return x;
  const DropoutMask mask = mask_of(p, key, x.value());
  return dispatch_floating(x.dtype(), "dropout", [&]<class T>() {
    const Door door("dropout", dropout_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return dropout_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    forward([&](const Exec& exec, const DropoutKernels<T>& kernels) {
      kernels.forward(exec, rows<const T>(x.value()), mask, rows<T>(y));
    });
    return record("dropout", y, {x},
                  [mask, place = key.place, backward = door.phase("backward")](Gradients& g) {
                    backward([&](const Exec& exec, const DropoutKernels<T>& kernels) {
                      kernels.backward(exec, rows<const T>(g.upstream()), mask, rows<T>(g.grad_of(0)));
                    });
                  });
  });
}

}  // namespace primal
