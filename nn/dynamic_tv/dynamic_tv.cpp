#include "nn/dynamic_tv/dynamic_tv.h"

#include <cmath>
#include <vector>

#include "nn/activation/activation.h"
#include "nn/lambda_map/lambda_map.h"
#include "nn/learnt_steps/learnt_steps.h"
#include "nn/pad3d/pad3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

Axes all_axes() { return {2, 3, 4}; }

// A step's parameter at the start, before its sigmoid: sigmoid(10) = 0.99995.
Tensor raw_start(const Initialiser& init) { return Tensor::full({}, 10.0, init.dtype(), init.device()); }

const DynamicTvOptions& checked(const DynamicTvOptions& o) {
  if (!(o.up_bound > 0.0)) throw ConfigError("[dynamic_tv] up_bound {} is not above zero", o.up_bound);
  if (o.n_iter < 0) throw ConfigError("[dynamic_tv] n_iter {} is below zero", o.n_iter);
  if (o.pad_xy < 0 || o.pad_t < 0)
    throw ConfigError("[dynamic_tv] a padding is below zero: pad_xy={} pad_t={}", o.pad_xy, o.pad_t);
  if (o.unet.out_channels != 2)
    throw ConfigError("[dynamic_tv] needs the head channels xy and t, found {}", o.unet.out_channels);
  return o;
}

}  // namespace

DynamicTv::DynamicTv(const DynamicTvOptions& options, Initialiser& init)
    : options_(checked(options)), cnn_(options.unet, init) {
  register_module("cnn", cnn_);
  sigma_ = register_parameter("sigma", raw_start(init));
  tau_ = register_parameter("tau", raw_start(init));
  theta_ = register_parameter("theta", raw_start(init));
}

Variable DynamicTv::map_of(const Variable& z, Phase phase) const {
  if (z.shape().rank() != 5 || z.shape()[1] != 1)
    throw ShapeError("[dynamic_tv] expects [N,1,X,Y,T], found {}", z.value().str());
  const std::array<int64_t, 3> border{options_.pad_xy, options_.pad_xy, options_.pad_t};
  const PadMode in_time = phase == Phase::training ? PadMode::reflect : PadMode::circular;
  const Variable padded =
      pad3d(z, {.low = border, .high = border, .mode = {PadMode::reflect, PadMode::reflect, in_time}});
  const Variable head = crop3d(cnn_.forward(padded), {.low = border, .high = border});
  return lambda_map(head, {.channel = {0, 0, 1}, .up_bound = options_.up_bound});
}

DynamicTv::Result DynamicTv::forward(const Variable& z, Phase phase) const {
  const Range range("dynamic_tv");
  PdhgParams params{.n_iter = options_.n_iter, .axes = all_axes()};
  params.p_start = options_.start;
  const double step = step_bound();
  const Variable lambda = map_of(z, phase);
  const Variable weights = weights_at(options_.boundary, lambda, z.shape(), params.axes);
  return {lambda, pdhg(z, weights, learnt_steps(sigma_, tau_, theta_, step), params)};
}

void DynamicTv::start_at(double lambda_xy, double lambda_t) const {
  std::vector<float> head_bias;
  for (const double lambda : {lambda_xy, lambda_t}) {
    const double share = lambda / options_.up_bound;
    if (!(share > 0.0 && share < 1.0))
      throw ConfigError("[dynamic_tv] an initial Lambda of {} is not between 0 and up_bound {}", lambda,
                        options_.up_bound);
    head_bias.push_back(static_cast<float>(std::log(share / (1.0 - share))));
  }
  const TensorMap state = cnn_.state();
  for (const auto& [name, tensor] : state) {
    if (name.ends_with(".bias")) {
      tensor.fill(0.0);
    } else {
      const Tensor wider = Tensor::from<float>(tensor.shape(), tensor.to(Device{}).span<float>());
      for (float& w : wider.span<float>()) w *= std::sqrt(6.0f);
      tensor.copy_from(wider);
    }
  }
  state.at("c1x1.weight").fill(0.0);
  state.at("c1x1.bias").copy_from(Tensor::from<float>({2}, head_bias));
}

DynamicTv::Steps DynamicTv::steps() const {
  const NoGrad no_grad;
  const auto learnt = [](const Variable& raw) { return sigmoid(raw).value().to(Device{}).item(); };
  const double step = step_bound();
  return {step * learnt(sigma_), step * learnt(tau_), learnt(theta_)};
}

double DynamicTv::step_bound() const {
  return 1.0 / (options_.norm_bound > 0.0 ? options_.norm_bound : pdhg_norm(all_axes()));
}

}  // namespace primal
