#include "nn/adam/adam.h"

#include "autograd/zero_gradients.h"
#include "nn/adam/adam_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

void check(const AdamParams& params) {
  if (!(params.lr >= 0.0)) throw ConfigError("[adam] lr {} is below zero", params.lr);
  if (!(params.eps >= 0.0)) throw ConfigError("[adam] eps {} is below zero", params.eps);
  if (!(params.weight_decay >= 0.0))
    throw ConfigError("[adam] weight_decay {} is below zero", params.weight_decay);
  if (!(params.beta1 >= 0.0 && params.beta1 < 1.0))
    throw ConfigError("[adam] beta1 {} is outside of [0, 1)", params.beta1);
  if (!(params.beta2 >= 0.0 && params.beta2 < 1.0))
    throw ConfigError("[adam] beta2 {} is outside of [0, 1)", params.beta2);
}

}  // namespace

Adam::Adam(NamedParameters parameters, const AdamParams& params) : params_(params) {
  check(params_);
  step_ = register_buffer("step", Tensor::zeros({}, DType::i64));
  if (!parameters.empty()) device_ = parameters.front().second.device();
  for (auto& [name, x] : parameters) {
    if (!x.requires_grad() || !x.is_leaf())
      throw ShapeError("[adam] {} is not a leaf that requires a gradient", name);
    if (x.device() != device_)
      throw DeviceError("[adam] {} lives on {}, others on {}", name, x.device().str(), device_.str());
    Slot slot;
    slot.x = x;
    slot.m = register_buffer("m." + name, Tensor::zeros(x.shape(), x.dtype(), x.device()));
    slot.v = register_buffer("v." + name, Tensor::zeros(x.shape(), x.dtype(), x.device()));
    if (params_.amsgrad) {
      slot.v_max = register_buffer("v_max." + name, Tensor::zeros(x.shape(), x.dtype(), x.device()));
    }
    slots_.push_back(std::move(slot));
  }
}

// The slots of the parameters of type T that have a gradient.
template <class T>
auto Adam::slots_with_gradients() const {
  std::vector<AdamSlot<T>> all;
  for (const Slot& slot : slots_) {
    const Tensor& grad = slot.x.grad();
    if (!grad.defined() || grad.dtype() != dtype_of<T>()) continue;
    all.push_back({grad.device_span<const T>(), slot.x.value().device_span<T>(), slot.m.device_span<T>(),
                   slot.v.device_span<T>(), params_.amsgrad ? slot.v_max.device_span<T>() : std::span<T>()});
  }
  return all;
}

template <class T>
void Adam::step_all(int64_t t) const {
  const std::vector<AdamSlot<T>> all = slots_with_gradients<T>();
  if (all.empty()) return;
  choose("adam", "step", adam_ladder.of<T>(), OnlyShape{}, device_)
      .kernels.step(exec_on(device_), all, params_, t);
}

template <class T>
void Adam::step_all_now(const Tensor& factors, const Tensor& skip) const {
  const std::vector<AdamSlot<T>> all = slots_with_gradients<T>();
  if (all.empty()) return;
  choose("adam", "step", adam_ladder.of<T>(), OnlyShape{}, device_)
      .kernels.step_now(exec_on(device_), all, params_,
                        {factors.device_span<const double>(), skip.device_span<const int32_t>()});
}

void Adam::step() {
  const Range range("adam", nullptr, [&] {
    double n = 0.0;
    for (const Slot& slot : slots_) n += slot.x.grad().defined() ? elements_of(slot.x.shape()) : 0.0;
    return RangeDetail{fmt::format("{} parameters", n), {}, adam_cost(n)};
  });
  const int64_t t = ++step_.data<int64_t>()[0];
  step_all<float>(t);
  step_all<double>(t);
}

void Adam::step_now(const Tensor& factors, const Tensor& skip) const {
  if (factors.dtype() != DType::f64 || factors.shape() != Shape{2} || skip.dtype() != DType::i32 ||
      skip.shape() != Shape{1})
    throw ShapeError("[adam] a step needs its factors f64[2] and i32[1], got {} and {}", factors.str(),
                     skip.str());
  if (factors.device() != device_ || skip.device() != device_)
    throw DeviceError("[adam] the parameters live on {}, but the factors are {} and {}", device_.str(),
                      factors.str(), skip.str());
  const Range range("adam");
  step_all_now<float>(factors, skip);
  step_all_now<double>(factors, skip);
}

std::array<double, 2> Adam::factors_of(int64_t t) const { return adam_factors(params_, t); }

void Adam::zero_grad() const {
  std::vector<Variable> all;
  for (const Slot& slot : slots_) all.push_back(slot.x);
  zero_gradients(all);
}

void Adam::set_lr(double lr) {
  AdamParams changed = params_;
  changed.lr = lr;
  check(changed);
  params_ = changed;
}

}  // namespace primal
