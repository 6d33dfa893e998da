#include "apps/profile/device_roofs.h"

#include <algorithm>
#include <limits>

#include "apps/profile/device_roof_kernels.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

constexpr int kRepetitions = 9;

const RoofKernels& kernels_of([[maybe_unused]] Device device) {
#if PRIMAL_HAS_CUDA
  if (device.kind == Device::Kind::cuda) return cuda::roof_kernels;
#endif
  return simt::roof_kernels;
}

// The best and the spread of `amount` per call of body, in 1e9 a second; the first call warms up.
template <class Body>
Roof measure(Device device, double amount, const Body& body) {
  std::vector<double> rates;
  body();
  for (int i = 0; i < kRepetitions; ++i) {
    const std::unique_ptr<DeviceClock> clock = backend(device).clock();
    clock->mark();
    body();
    clock->mark();
    const std::vector<double> us = clock->times_us();
    rates.push_back(1e-3 * amount / std::max(us[1] - us[0], 1e-3));
  }
  const Summary s = summarise(rates);
  return {*std::ranges::max_element(rates), s.median, s.spread()};
}

BandwidthRoof bandwidth(Device device, std::string level, double capacity, int64_t bytes) {
  const Tensor x = Tensor::zeros({bytes / 8}, DType::f32, device);
  const Tensor y = Tensor::zeros({bytes / 8}, DType::f32, device);
  const Roof copy = measure(device, static_cast<double>(x.bytes() + y.bytes()), [&] {
    kernels_of(device).copy(exec_on(device), x.device_span<const float>(), y.device_span<float>());
  });
  return {std::move(level), capacity, copy, copy};
}

}  // namespace

Roofs measure_device_roofs(Device device) {
  if (backend(device).clock() == nullptr) {
    throw DeviceError(
        "[profile] {} has no clock of its own, so no roofs: it counts what kernels ask for instead",
        device.str());
  }
  const auto all = devices();
  const auto info = std::ranges::find(all, device, &DeviceInfo::device);
  Roofs roofs;
  roofs.machine = {info->name, info->architecture, info->n_multiprocessors, {}, true};
  constexpr int64_t kRounds = 4096;
  const Tensor sink =
      Tensor::zeros({std::max(info->n_multiprocessors, 1) * int64_t{2048}}, DType::f32, device);
  const double flops = static_cast<double>(kRoofFlopsPerRound) * kRounds * static_cast<double>(sink.numel());
  roofs.fma_all = measure(
      device, flops, [&] { kernels_of(device).fma(exec_on(device), kRounds, sink.device_span<float>()); });
  roofs.fma_one = roofs.fma_all;
  const auto l2 = static_cast<int64_t>(info->l2_bytes);
  // A quarter of it: the L2 of large devices is two halves, and lines of the far one may be held in both.
  if (l2 > 0) roofs.bandwidth.push_back(bandwidth(device, "L2", static_cast<double>(l2), l2 / 4));
  roofs.bandwidth.push_back(
      bandwidth(device, "DRAM", std::numeric_limits<double>::infinity(), int64_t{1} << 30));
  return roofs;
}

}  // namespace primal
