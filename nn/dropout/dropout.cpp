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

template <class T>
View<T, 2> part(const View<T, 2>& rows, int64_t begin, int64_t end) {
  return {rows.data + begin * rows.size(1), {end - begin, rows.size(1)}};
}

// Calls use(begin, end, mask) for the rows that one mask serves: those whose numbers count up.
template <class Use>
void for_each_mask(const DropoutMask& mask, const std::vector<uint32_t>& samples, int64_t n_rows,
                   const Use& use) {
  if (samples.empty()) return use(int64_t{0}, n_rows, mask);
  for (int64_t begin = 0, end = 0; begin < n_rows; begin = end) {
    const auto number = [&](int64_t row) { return samples[static_cast<size_t>(row)]; };
    for (end = begin + 1; end < n_rows && number(end) == number(end - 1) + 1;) ++end;
    DropoutMask own = mask;
    own.stream.sample = number(begin);
    use(begin, end, own);
  }
}

void check(const Tensor& x, double p, const DropoutKey& key) {
  if (!is_floating(x.dtype())) throw ShapeError("[dropout] x must be f32 or f64: {}", x.str());
  if (!(p >= 0.0 && p < 1.0)) throw ShapeError("[dropout] p {} is outside of [0, 1)", p);
  if (x.shape().rank() > 0 && x.size(0) > 0 && x.numel() / x.size(0) > int64_t{1} << kLayerBits)
    throw ShapeError("[dropout] a row has more than 2^{} elements: x={}", kLayerBits, x.str());
  const int64_t n_rows = x.shape().rank() == 0 ? 1 : x.size(0);
  if (!key.samples.empty() && std::ssize(key.samples) != n_rows)
    throw ShapeError("[dropout] {} samples for {} rows: x={}", key.samples.size(), n_rows, x.str());
}

DropoutMask mask_of(double p, const DropoutKey& key, const Tensor& x) {
  const RandomStream stream(key.seed, RandomPurpose::dropout, key.epoch, key.sample);
  DropoutMask mask{stream.stream(), uint64_t{key.layer} << kLayerBits,
                   static_cast<uint64_t>(std::ceil(p * 0x1p32)), 1.0 / (1.0 - p)};
  if (!key.place.defined()) return mask;
  const int64_t n_rows = x.shape().rank() == 0 ? 1 : x.size(0);
  if (key.place.shape() != Shape{1 + n_rows} || key.place.dtype() != DType::i64)
    throw ShapeError("[dropout] the place of a mask must be i64[{}]: {}", 1 + n_rows, key.place.str());
  common_device("dropout", {x, key.place});
  mask.place = key.place.device_span<const int64_t>().data();
  return mask;
}

}  // namespace

Variable dropout(const Variable& x, double p, const DropoutKey& key, bool training) {
  check(x.value(), p, key);
  if (!training || p == 0.0) return x;
  const DropoutMask mask = mask_of(p, key, x.value());
  return dispatch_floating(x.dtype(), "dropout", [&]<class T>() {
    const Door door("dropout", dropout_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return dropout_cost(x.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    forward([&](const Exec& exec, const DropoutKernels<T>& kernels) {
      for_each_mask(mask, key.samples, rows<T>(y).size(0),
                    [&](int64_t begin, int64_t end, const DropoutMask& own) {
                      kernels.forward(exec, part(rows<const T>(x.value()), begin, end), own,
                                      part(rows<T>(y), begin, end));
                    });
    });
    const auto add_gradient = [mask, samples = key.samples, place = key.place,
                               backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const DropoutKernels<T>& kernels) {
        const View<const T, 2> from = rows<const T>(g.upstream());
        const View<T, 2> to = rows<T>(g.grad_of(0));
        for_each_mask(mask, samples, to.size(0), [&](int64_t begin, int64_t end, const DropoutMask& own) {
          kernels.backward(exec, part(from, begin, end), own, part(to, begin, end));
        });
      });
    };
    return record("dropout", y, {x}, add_gradient);
  });
}

}  // namespace primal
