#include "nn/unrolled_tv/unrolled_tv.h"

#include "nn/activation/activation.h"
#include "nn/pad3d/pad3d.h"
#include "nn/scale/scale.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

// Of a step before its sigmoid: sigmoid(10) = 0.99995.
Tensor raw_start(const Initialiser& init) { return Tensor::full({}, 10.0, init.dtype(), init.device()); }

// What to add below and above one extent to reach a multiple.
struct Padding {
  int64_t low = 0, high = 0;
  PadMode mode = PadMode::reflect;  // edge where the extent is too short to be reflected
};

Padding padding_of(int64_t extent, int64_t multiple) {
  const int64_t total = (multiple - extent % multiple) % multiple;
  const int64_t low = total / 2, high = total - total / 2;
  return {low, high, high < extent ? PadMode::reflect : PadMode::edge};
}

}  // namespace

UnrolledTv::UnrolledTv(const UnrolledTvOptions& options, Initialiser& init)
    : options_(options), cnn_(options.unet, init) {
  if (options.map_channel.size() != 1 &&
      options.map_channel.size() != static_cast<size_t>(options.axes.count())) {
    throw ConfigError("[unrolled_tv] {} maps for {} axes: one for all, or one each",
                      options.map_channel.size(), static_cast<size_t>(options.axes.count()));
  }
  if (options.n_iter < 0) throw ConfigError("[unrolled_tv] n_iter {} is below zero", options.n_iter);
  register_module("cnn", cnn_);
  if (options.learn_steps) {
    sigma_ = register_parameter("pdhg.sigma", raw_start(init));
    tau_ = register_parameter("pdhg.tau", raw_start(init));
    theta_ = register_parameter("pdhg.theta", raw_start(init));
  }
}

double UnrolledTv::norm_bound() const {
  return options_.norm_bound > 0.0 ? options_.norm_bound : pdhg_norm(options_.axes);
}

UnrolledTv::Steps UnrolledTv::steps() const {
  const double step = 1.0 / norm_bound();
  if (!options_.learn_steps) return {step, step, 1.0};
  const NoGrad no_grad;
  const auto value = [](const Variable& raw) { return sigmoid(raw).value().item(); };
  return {step * value(sigma_), step * value(tau_), value(theta_)};
}

Variable UnrolledTv::map_of(const Variable& z) const {
  if (z.shape().rank() != 5) throw ShapeError("[unrolled_tv] expects [N,1,D,H,W], found {}", z.value().str());
  const LambdaMapParams map_params{options_.map_channel, options_.up_bound, options_.scale};
  const std::array<int64_t, 3> multiple = cnn_.multiple();
  Pad3dParams pad;
  Crop3dParams crop;
  bool divisible = true;
  for (size_t a = 0; a < 3; ++a) {
    const Padding p = padding_of(z.shape()[static_cast<int>(a) + 2], multiple[a]);
    pad.low[a] = crop.low[a] = p.low;
    pad.high[a] = crop.high[a] = p.high;
    pad.mode[a] = p.mode;
    divisible = divisible && p.low + p.high == 0;
  }
  if (divisible) return lambda_map(cnn_.forward(z), map_params);
  return lambda_map(crop3d(cnn_.forward(pad3d(z, pad)), crop), map_params);
}

Variable UnrolledTv::solve(const Variable& z, const Variable& lambda) const {
  const double step = 1.0 / norm_bound();
  PdhgParams params{
      .n_iter = options_.n_iter, .sigma = step, .tau = step, .theta = 1.0, .axes = options_.axes};
  params.p_start = options_.start;
  if (!options_.learn_steps) return pdhg(z, lambda, params);
  return pdhg(z, lambda, scale(sigmoid(sigma_), step), scale(sigmoid(tau_), step), sigmoid(theta_), params);
}

UnrolledTv::Result UnrolledTv::forward(const Variable& z) const {
  const Range range("unrolled_tv");
  const Variable lambda = map_of(z);
  return {lambda, solve(z, lambda)};
}

}  // namespace primal
