#include "nn/adam/adam.h"

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
  for (auto& [name, x] : parameters) {
    if (!x.requires_grad() || !x.is_leaf())
      throw ShapeError("[adam] {} is no leaf that requires a gradient", name);
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

void Adam::step() {
  const Range range("adam", nullptr, [&] {
    double n = 0.0;
    for (const Slot& slot : slots_) n += slot.x.grad().defined() ? elements_of(slot.x.shape()) : 0.0;
    return RangeDetail{fmt::format("{} parameters", n), {}, adam_cost(n)};
  });
  const int64_t t = ++step_.data<int64_t>()[0];
  for (const Slot& slot : slots_) {
    const Tensor& grad = slot.x.grad();
    if (!grad.defined()) continue;
    dispatch_floating(grad.dtype(), "adam", [&]<class T>() {
      cpu::adam_step<T>(Exec{}, grad.span<T>(), params_, t, slot.x.value().span<T>(), slot.m.span<T>(),
                        slot.v.span<T>(), params_.amsgrad ? slot.v_max.span<T>() : std::span<T>{});
    });
  }
}

void Adam::zero_grad() const {
  for (const Slot& slot : slots_) slot.x.zero_grad();
}

void Adam::set_lr(double lr) {
  AdamParams changed = params_;
  changed.lr = lr;
  check(changed);
  params_ = changed;
}

}  // namespace primal
