// Adam: the optimiser. For each parameter x with gradient g, at step t = 1, 2, ...
//
//   g  <- g + weight_decay x                         L2 decay, as part of the gradient
//   m  <- beta1 m + (1 - beta1) g                    first moment
//   v  <- beta2 v + (1 - beta2) g^2                  second moment
//   v_max <- max(v_max, v)                           with amsgrad, and v_max below instead of v
//   x  <- x - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//
// Parameters change in place, in one pass over x, g, m, v, wherever they live: all on one device. A parameter
// that has no gradient yet is left alone.
// State: `step`, and per parameter `m.NAME`, `v.NAME` and, with amsgrad, `v_max.NAME`: saved and loaded like
//        the buffers of a module. Saved and loaded between two steps, it continues bit for bit.
// Throws ConfigError for lr, eps or weight_decay below zero and a beta outside of [0, 1), ShapeError for a
//        parameter that is no leaf requiring a gradient, DeviceError for parameters on different devices.
// Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; S. Reddi et
//         al., "On the convergence of Adam and beyond", ICLR 2018 (amsgrad). As torch.optim.Adam has them.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "nn/adam/adam_params.h"
#include "nn/module.h"

namespace primal {

class Adam : private Module {
 public:
  using NamedParameters = std::vector<std::pair<std::string, Variable>>;  // as Module::parameters() has them

  explicit Adam(NamedParameters parameters, const AdamParams& params = {});

  void step();             // one update with the gradients as they are now
  void zero_grad() const;  // of all parameters

  // step() for a step that a device repeats by itself (tensor/device_graph.h): its numbers come from
  // `factors`, f64 [2], and nothing changes where `skip`, i32 [1], is not 0; both live where the parameters
  // do, and are read when the kernel runs. The host counts the steps apart from that:
  // factors_of(n_steps() + 1), then add_steps(1).
  void step_now(const Tensor& factors, const Tensor& skip) const;
  std::array<double, 2> factors_of(int64_t t) const;  // of step t with the learning rate as it is now
  void add_steps(int64_t n) const { step_.data<int64_t>()[0] += n; }

  int64_t n_steps() const { return step_.data<int64_t>()[0]; }
  const AdamParams& params() const { return params_; }
  void set_lr(double lr);

  using Module::load_state;
  using Module::state;

 private:
  struct Slot {
    Variable x;
    Tensor m, v, v_max;  // v_max is undefined without amsgrad
  };
  template <class T>
  void step_all(int64_t t) const;
  template <class T>
  void step_all_now(const Tensor& factors, const Tensor& skip) const;
  template <class T>
  auto slots_with_gradients() const;

  AdamParams params_;
  Device device_;
  Tensor step_;  // i64 [], on the CPU
  std::vector<Slot> slots_;
};

// One step of n values: 3 for m, 4 for v, 7 for the update; reads grad, x, m, v and writes x, m, v.
Cost adam_cost(double n);

OpInfo adam_info();

}  // namespace primal
