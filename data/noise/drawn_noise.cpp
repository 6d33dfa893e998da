#include "data/noise/drawn_noise.h"

#include <cmath>
#include <vector>

#include "data/noise/drawn_noise_kernels.h"
#include "data/noise/noise_kernels.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

constexpr const DrawnNoiseImplementation* kImplementations[] = {PRIMAL_DEVICES(drawn_noise_philox)};

// One picture on the CPU, as add_noise does it.
template <class T>
void add_here(const Tensor& x, NoiseKind kind, std::span<const double> draw, const Tensor& z) {
  const auto& kernels =
      choose("noise", "forward", noise_ladder.of<T>(), OnlyShape{x.shape()}, Device{}).kernels;
  const auto word = [&](size_t i) { return static_cast<uint32_t>(draw[i]); };
  const PhiloxStream stream{{word(1), word(2)}, word(3), word(4)};
  double deviation = 0.0;
  if (kind == NoiseKind::relative) kernels.deviation(Exec{}, x.span<const T>(), &deviation);
  kernels.add(Exec{}, x.span<const T>(), kind, draw[0], &deviation, stream, z.span<T>());
}

void check(const Tensor& x, const Tensor& draws) {
  if (!x.defined() || x.shape().rank() == 0 || x.numel() == 0)
    throw ShapeError("[noise] needs pictures [N,..], got {}", x.str());
  if (draws.dtype() != DType::f64 || draws.shape() != Shape{x.size(0), kNoiseDrawNumbers})
    throw ShapeError("[noise] draws must be f64[{},{}] for pictures {}: {}", x.size(0), kNoiseDrawNumbers,
                     x.shape().str(), draws.str());
  common_device("noise", {x, draws});
}

}  // namespace

Tensor noise_draw(double s, const NoiseKey& key) {
  if (!(s >= 0.0) || !std::isfinite(s))
    throw ConfigError("[noise] level must be at least 0 and finite, got {}", s);
  const RandomStream stream(key.seed, RandomPurpose::noise, key.epoch, key.sample);
  const PhiloxStream& of = stream.stream();
  return Tensor::from(Shape{1, kNoiseDrawNumbers},
                      std::vector<double>{s, static_cast<double>(of.key[0]), static_cast<double>(of.key[1]),
                                          static_cast<double>(of.epoch), static_cast<double>(of.sample)});
}

Tensor add_drawn_noise(const Tensor& x, NoiseKind kind, const Tensor& draws) {
  check(x, draws);
  const Device device = x.device();
  const Tensor z = Tensor::empty(x.shape(), x.dtype(), device);
  for (int64_t n = 0; n < x.size(0); ++n) {
    const Tensor picture = x.slice(n, n + 1), draw = draws.slice(n, n + 1), noisy = z.slice(n, n + 1);
    if (device.is_cpu()) {
      dispatch_floating(x.dtype(), "noise",
                        [&]<class T>() { add_here<T>(picture, kind, draw.span<const double>(), noisy); });
    } else {
      choose<OnlyShape, DrawnNoiseKernels>("drawn_noise", "forward", kImplementations, OnlyShape{}, device)
          .kernels.add(exec_on(device), picture.device_span<const float>(), kind,
                       draw.device_span<const double>(), noisy.device_span<float>());
    }
  }
  return z;
}

}  // namespace primal
