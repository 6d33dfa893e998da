#include "solvers/pdhg/pdhg.h"

#include <algorithm>
#include <cmath>

#include "solvers/pdhg/pdhg_checks.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "solvers/pdhg/pdhg_start_kernels.h"
#include "solvers/pdhg/pdhg_tape_owner.h"
#include "solvers/tv_objective/tv_objective.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

template <class T>
using PdhgDoor = Door<PdhgGeometry, PdhgKernels<T>>;

// The door of a call on x [N,1,D,H,W]. Its ranges also say how many iterations there are and
// count the bytes of the tape.
template <class T>
PdhgDoor<T> door_of(const Tensor& z, const Shape& x, const Shape& lambda, const PdhgParams& params,
                    bool tape = false, bool learn_steps = false) {
  const PdhgGeometry geometry{x, params.axes};
  return {"pdhg", pdhg_ladder.of<T>(), geometry, z.device(), [&] {
            PhaseCosts costs = pdhg_cost(x, lambda, params, learn_steps);
            if (tape)
              costs.at("forward").bytes +=
                  static_cast<double>(pdhg_tape_bytes(x, DType::f32, params, learn_steps));
            return CallDescription{fmt::format("{} T{}", key(geometry), params.n_iter), costs};
          }};
}

// What the kernels read; `steps`: sigma, tau and theta where they are on a device.
template <class T>
PdhgProblem<T> problem_of(const Tensor& z, const Tensor& lambda, const Tensor& steps = {}) {
  return {z.device_view5<const T>(), lambda.defined() ? lambda.device_view5<const T>() : View5<const T>{},
          steps.defined() ? steps.device_span<const T>().data() : nullptr};
}

template <class T>
PdhgFields<T> fields_of(const PdhgState& state) {
  return {state.x.device_view5<T>(), state.x_bar.device_view5<T>(), state.p.device_view5<T>(),
          state.q.device_view5<T>()};
}

// n_iter iterations of a checked call.
void iterate(const Tensor& z, const Tensor& lambda, const PdhgParams& params, const PdhgState& state) {
  dispatch_floating(z.dtype(), "pdhg", [&]<class T>() {
    const PdhgDoor<T> door = door_of<T>(z, state.x.shape(), lambda.shape(), params);
    door.open("forward")([&](const Exec& exec, const PdhgKernels<T>& kernels) {
      kernels.forward(exec, problem_of<T>(z, lambda), params, fields_of<T>(state), {});
    });
  });
}

PdhgTapeLayout tape_layout(const Shape& x, const PdhgParams& params) {
  return {x[0], params.n_iter, params.axes.count(), x[2], x[3], x[4]};
}

// The steps of a call. Where one of them lives on a device, all are gathered there and nobody waits to look
// at them.
struct Steps {
  PdhgParams params;  // with the values that the host has
  Tensor on_device;   // [3]: sigma, tau, theta; undefined where the host has them all
};

Steps steps_of(const Variable& z, const Variable& sigma, const Variable& tau, const Variable& theta,
               const PdhgParams& params) {
  struct Named {
    const char* name;
    const Variable& step;
    double PdhgParams::*value;
  };
  const Named all[] = {{"sigma", sigma, &PdhgParams::sigma},
                       {"tau", tau, &PdhgParams::tau},
                       {"theta", theta, &PdhgParams::theta}};
  Steps steps{params, {}};
  bool on_device = false;
  for (const auto& [name, step, value] : all) {
    if (!step.defined() || step.value().numel() != 1) {
      throw ShapeError("[pdhg] {} must be a scalar: {}", name,
                       step.defined() ? step.value().str() : "undefined");
    }
    const bool constant_on_cpu = step.device().is_cpu() && !step.requires_grad();
    const bool fits = z.device().is_cpu() || step.dtype() == z.dtype();
    if (!constant_on_cpu) common_device("pdhg", {z.value(), step.value()});
    if (!constant_on_cpu && !fits)
      throw ShapeError("[pdhg] {} is {}, but z {}", name, step.value().str(), z.value().str());
    if (step.device().is_cpu()) {
      steps.params.*value = step.value().item();
    } else {
      on_device = true;
    }
  }
  check_pdhg_count(params);
  if (!on_device) {
    check_pdhg_params(steps.params);
    return steps;
  }
  steps.on_device = Tensor::empty({3}, z.dtype(), z.device());
  for (int64_t i = 0; i < 3; ++i) {
    const Tensor& step = all[i].step.value();
    const Tensor same_type = step.device().is_cpu() ? step.to(z.dtype()) : step;
    steps.on_device.slice(i, i + 1).copy_from(same_type.reshape({1}));
  }
  return steps;
}

// sigma, tau and theta in one tensor.
Steps steps_of(const Variable& z, const Variable& steps, const PdhgParams& params) {
  if (steps.shape() != Shape{3} || steps.dtype() != z.dtype())
    throw ShapeError("[pdhg] the steps must be {}[3]: {}", name_of(z.dtype()), steps.value().str());
  check_pdhg_count(params);
  if (!common_device("pdhg", {z.value(), steps.value()}).is_cpu()) return {params, steps.value()};
  Steps here{params, {}};
  const std::vector<double> values = steps.value().to_doubles();
  here.params.sigma = values[0], here.params.tau = values[1], here.params.theta = values[2];
  check_pdhg_params(here.params);
  return here;
}

struct Wanted {
  bool z, lambda, sigma, tau, theta;
  bool together = false;  // the steps are one input [3], not three
  bool steps() const { return sigma || tau || theta; }

  static constexpr size_t kFirstStep = 2;  // among the inputs

  // Where the gradient of step i goes.
  Tensor grad_of_step(const Gradients& g, size_t i) const {
    const auto n = static_cast<int64_t>(i);
    return together ? g.grad_of(kFirstStep).slice(n, n + 1) : g.grad_of(kFirstStep + i);
  }
};

// Adds the gradients of the node: inputs z, lambda, sigma, tau, theta.
template <class T>
void backward(const Phase<PdhgKernels<T>>& phase, Gradients& g, const Tensor& z, const Shape& lambda_shape,
              const Steps& steps, const PdhgTape& tape, const Wanted& wanted) {
  const Tensor& grad_x = g.upstream();
  const PdhgParams& params = steps.params;
  const bool shared = lambda_shape.rank() != 5 || lambda_shape[1] == 1;
  const Shape kernel_shape = grad_x.shape().with(1, shared ? 1 : params.axes.count());
  // The kernel adds into a map; a lambda shared in other ways than among the axes gets sums of it.
  const bool direct = wanted.lambda && lambda_shape == kernel_shape;
  // Some kernels can overwrite a tensor that holds no gradient yet; the others add to zeros.
  const bool overwrites = phase.kernels().overwrites && z.numel() > 0;
  PdhgGradients<T> grads;
  Tensor grad_lambda;
  if (direct && overwrites) {
    const Gradients::Destination to = g.destination(1);
    grad_lambda = to.buffer;
    grads.add_lambda = to.add;
  } else if (direct) {
    grad_lambda = g.grad_of(1);
  } else {
    grad_lambda = overwrites ? Tensor::empty(kernel_shape, grad_x.dtype(), z.device())
                             : Tensor::zeros(kernel_shape, grad_x.dtype(), z.device());
    grads.add_lambda = !overwrites;
  }
  if (wanted.z) grads.z = g.grad_of(0).device_view5<T>();
  grads.lambda = grad_lambda.device_view5<T>();

  const bool step_wanted[] = {wanted.sigma, wanted.tau, wanted.theta};
  PdhgStepGradients on_host;
  if (z.device().is_cpu() && wanted.steps()) grads.steps = &on_host;
  // If the three steps are in one tensor, their gradients are wanted together, and all of the tensor is
  // written.
  if (overwrites && wanted.together && wanted.steps())
    grads.add_steps = g.destination(Wanted::kFirstStep).add;
  for (size_t i = 0; i < 3; ++i) {
    if (!z.device().is_cpu() && step_wanted[i])
      grads.device_steps[i] = wanted.grad_of_step(g, i).template device_span<T>().data();
  }

  phase([&](const Exec& exec, const PdhgKernels<T>& kernels) {
    kernels.adjoint(exec, problem_of<T>(z, {}, steps.on_device), params, tape.view<T>(),
                    grad_x.device_view5<const T>(), grads);
    if (!wanted.lambda || direct) return;
    const Tensor& to = g.grad_of(1);
    const Tensor to_map = lambda_shape.rank() == 5 ? to : to.reshape({to.numel(), 1, 1, 1, 1});
    kernels.add_reduced(exec, grad_lambda.device_view5<const T>(), to_map.device_view5<T>());
  });
  const double host_sums[] = {on_host.sigma, on_host.tau, on_host.theta};
  for (size_t i = 0; i < 3; ++i) {
    if (!grads.steps || !step_wanted[i]) continue;
    const Tensor to = wanted.grad_of_step(g, i);
    to.fill(to.item() + host_sums[i]);
  }
}

}  // namespace

PdhgStart parse_start(const std::string& name) {
  for (const PdhgStart start : {PdhgStart::zero, PdhgStart::noisy}) {
    if (name == name_of(start)) return start;
  }
  throw ConfigError("[pdhg] the start of p is 'zero' or 'noisy', not '{}'", name);
}

double pdhg_norm(const Axes& axes) { return std::sqrt(1.0 + 4.0 * axes.count()); }

namespace {

constexpr const PdhgStartImplementation* kStarts[] = {PRIMAL_DEVICES(pdhg_start_elementwise)};

// Memory of a state whose x has this shape.
PdhgState unset_state(const Tensor& z, const PdhgParams& params, const Shape& shape) {
  const auto field = [&](int64_t components) {
    return Tensor::empty(shape.with(1, components), z.dtype(), z.device());
  };
  return {field(1), field(1), field(1), field(params.axes.count())};
}

PdhgState start_on_device(const Tensor& z, const PdhgParams& params, const Shape& shape) {
  const PdhgState state = unset_state(z, params, shape);
  choose<OnlyShape, PdhgStartKernels>("pdhg_start", "forward", kStarts, OnlyShape{}, z.device())
      .kernels.start(exec_on(z.device()), z.device_span<const float>(), params.p_start == PdhgStart::noisy,
                     state.x.device_span<float>(), state.x_bar.device_span<float>(),
                     state.p.device_span<float>(), state.q.device_span<float>());
  return state;
}

}  // namespace

PdhgState pdhg_start(const Tensor& z, const PdhgParams& params, int64_t n_problems) {
  check_pdhg_z(z);
  if (z.size(0) != 1 && n_problems != 1 && n_problems != z.size(0)) {
    throw ShapeError("[pdhg] {} problems asked for, z holds {}: z={}", n_problems, z.size(0), z.str());
  }
  const Shape shape = z.shape().with(0, z.size(0) == 1 ? n_problems : z.size(0));
  if (!z.device().is_cpu() && z.dtype() == DType::f32) return start_on_device(z, params, shape);
  const auto copy_of_z = [&] {
    const Tensor t = Tensor::empty(shape, z.dtype(), z.device());
    if (z.size(0) == shape[0]) {
      t.copy_from(z);
    } else {
      for (int64_t n = 0; n < shape[0]; ++n) t.slice(n, n + 1).copy_from(z);
    }
    return t;
  };
  const bool noisy = params.p_start == PdhgStart::noisy;
  return {copy_of_z(), copy_of_z(), noisy ? copy_of_z() : Tensor::zeros(shape, z.dtype(), z.device()),
          Tensor::zeros(shape.with(1, params.axes.count()), z.dtype(), z.device())};
}

void pdhg_iterate(const Tensor& z, const Tensor& lambda, const PdhgParams& params, const PdhgState& state) {
  check_pdhg_params(params);
  check_pdhg_z(z);
  check_pdhg_state(state, z, params.axes);
  const Tensor map = checked_pdhg_lambda(lambda, z, state.x.size(0), params.axes);
  iterate(z, map, params, state);
}

Tensor pdhg_solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params) {
  check_pdhg_z(z);
  const bool per_problem = lambda.shape().rank() > 0;
  const PdhgState state =
      pdhg_start(z, params, per_problem ? std::max(z.size(0), lambda.size(0)) : z.size(0));
  pdhg_iterate(z, lambda, params, state);
  return state.x;
}

PdhgReport pdhg_solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params, const PdhgState& state,
                      const PdhgStop& stop) {
  check_pdhg_params(params);
  check_pdhg_z(z);
  check_pdhg_state(state, z, params.axes);
  if (stop.check_every < 1) throw ConfigError("[pdhg] check_every {} is below one", stop.check_every);
  if (!(stop.relative_gap >= 0.0))
    throw ConfigError("[pdhg] relative_gap {} is below zero", stop.relative_gap);
  const Tensor map = checked_pdhg_lambda(lambda, z, state.x.size(0), params.axes);
  PdhgReport report;
  const auto look = [&] {
    report.objective = tv_objective(state.x, z, map, params.axes);
    report.gap = tv_gap(state.x, state.q, z, map, params.axes);
    report.converged = stop.relative_gap > 0.0;
    for (size_t n = 0; n < report.gap.size(); ++n) {
      report.converged = report.converged && report.gap[n] <= stop.relative_gap * report.objective[n];
    }
  };
  while (report.iterations < params.n_iter && !report.converged) {
    PdhgParams some = params;
    const int64_t left = params.n_iter - report.iterations;
    const bool in_slices = stop.relative_gap > 0.0 || stop.watch;
    some.n_iter = in_slices ? std::min(stop.check_every, left) : left;
    iterate(z, map, some, state);
    report.iterations += some.n_iter;
    if (stop.watch) stop.watch(report.iterations);
    if (stop.relative_gap > 0.0 || report.iterations == params.n_iter) look();
  }
  if (report.iterations == 0) look();
  return report;
}

int64_t pdhg_tape_bytes(const Shape& x, DType dtype, const PdhgParams& params, bool learn_steps) {
  const PdhgTapeLayout layout = tape_layout(x, params);
  const int64_t x_bytes = learn_steps ? layout.n_x() * static_cast<int64_t>(size_of(dtype)) : 0;
  return layout.n_code_words() * int64_t{sizeof(CodeWord)} + PdhgTape::kSlackBytes + x_bytes;
}

namespace {

// The node of z, lambda and the steps, which are the rest of its inputs.
Variable solve(const std::vector<Variable>& inputs, const Steps& steps, const PdhgParams& params,
               const Wanted& wanted) {
  const Variable &z = inputs[0], &lambda = inputs[1];
  const Tensor map = checked_pdhg_lambda(lambda.value(), z.value(), z.shape()[0], params.axes);
  const bool record_it = will_record(inputs);
  return dispatch_floating(z.dtype(), "pdhg", [&]<class T>() {
    const PdhgDoor<T> door = door_of<T>(z.value(), z.shape(), map.shape(), params, record_it, wanted.steps());
    const auto forward = door.open("forward");
    const bool kernel_starts = forward.kernels().starts && params.n_iter > 0;
    const PdhgState state =
        kernel_starts ? unset_state(z.value(), params, z.shape()) : pdhg_start(z.value(), params);
    PdhgFields<T> fields = fields_of<T>(state);
    fields.unset = kernel_starts;
    const PdhgTape tape =
        record_it ? PdhgTape(tape_layout(z.shape(), params), z.dtype(), wanted.steps(), z.device())
                  : PdhgTape();
    forward([&](const Exec& exec, const PdhgKernels<T>& kernels) {
      kernels.forward(exec, problem_of<T>(z.value(), map, steps.on_device), steps.params, fields,
                      record_it ? tape.view<T>() : PdhgTapeView<T>{});
    });
    if (!record_it) return Variable(state.x);
    const auto phase = door.phase("backward");
    return record("pdhg", state.x, inputs,
                  [phase, z = z.value(), shape = lambda.shape(), steps, tape, wanted](Gradients& g) {
                    backward<T>(phase, g, z, shape, steps, tape, wanted);
                  });
  });
}

}  // namespace

Variable pdhg(const Variable& z, const Variable& lambda, const Variable& sigma, const Variable& tau,
              const Variable& theta, const PdhgParams& params) {
  check_pdhg_z(z.value());
  return solve({z, lambda, sigma, tau, theta}, steps_of(z, sigma, tau, theta, params), params,
               {z.requires_grad(), lambda.requires_grad(), sigma.requires_grad(), tau.requires_grad(),
                theta.requires_grad()});
}

Variable pdhg(const Variable& z, const Variable& lambda, const Variable& steps, const PdhgParams& params) {
  check_pdhg_z(z.value());
  const bool learnt = steps.requires_grad();
  return solve({z, lambda, steps}, steps_of(z, steps, params), params,
               {z.requires_grad(), lambda.requires_grad(), learnt, learnt, learnt, true});
}

Variable pdhg(const Variable& z, const Variable& lambda, const PdhgParams& params) {
  const auto constant = [](double value) { return Variable(Tensor::scalar(value, DType::f64)); };
  return pdhg(z, lambda, constant(params.sigma), constant(params.tau), constant(params.theta), params);
}

}  // namespace primal
