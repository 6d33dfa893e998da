// PDHG with its adjoint, for primal.torch, and one iterate after another, for those who want to look.
#include <array>
#include <memory>
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/calls.h"
#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/tv_objective/tv_objective.h"
#include "tensor/error.h"

namespace nb = nanobind;

namespace primal::python {
namespace {

// Pixels times iterations that take about 20 ms on one core.
constexpr int64_t kBriefWork = 10'000'000;

PdhgParams params_of(int64_t n_iter, const std::vector<int>& axes, const std::string& start) {
  PdhgParams params{.n_iter = n_iter, .axes = Axes(std::span<const int>(axes))};
  params.sigma = params.tau = 1.0 / pdhg_norm(params.axes);
  params.p_start = parse_start(start);
  return params;
}

constexpr size_t kInputs = 5;  // z, lambda, sigma, tau, theta
using Wanted = std::array<bool, kInputs>;

// A solve and what its adjoint needs. One backward() spends it.
class Tape {
 public:
  Tape(std::array<Variable, kInputs> inputs, Variable x) : inputs_(std::move(inputs)), x_(std::move(x)) {}

  bool is_spent() const { return !x_.defined(); }

  // Gradients of <upstream, x>; None where none was wanted.
  nb::tuple backward(const Array& upstream) {
    if (is_spent()) throw CheckFailed("[pdhg] the tape of this solve has been used already");
    const Tensor seed = borrowed(upstream);
    const Variable x = std::exchange(x_, Variable());
    const bool brief = work_ <= kBriefWork;
    const std::vector<Tensor> grads = without_lock(brief, [x, seed, inputs = inputs_](const Stop&) {
      x.backward(seed);
      std::vector<Tensor> all;
      for (const Variable& input : inputs) all.push_back(input.requires_grad() ? input.grad() : Tensor());
      return all;
    });
    inputs_ = {};
    const auto given = [](const Tensor& t) { return t.defined() ? array_of(t) : nb::none(); };
    return nb::make_tuple(given(grads[0]), given(grads[1]), given(grads[2]), given(grads[3]),
                          given(grads[4]));
  }

  void set_work(int64_t work) { work_ = work; }

 private:
  std::array<Variable, kInputs> inputs_;
  Variable x_;
  int64_t work_ = 0;
};

// z [N,1,D,H,W], lambda as pdhg.h has it, the steps []. -> x, and a tape where a gradient is wanted.
nb::tuple pdhg_forward(const std::array<Array, kInputs>& arrays, const Wanted& wanted, int64_t n_iter,
                       const std::vector<int>& axes, const std::string& start, const std::string& boundary) {
  std::array<Tensor, kInputs> tensors;
  for (size_t i = 0; i < kInputs; ++i) tensors[i] = borrowed(arrays[i]);
  const PdhgParams params = params_of(n_iter, axes, start);
  const Boundary edges = parse_boundary(boundary);
  const int64_t work = tensors[0].numel() * n_iter;
  struct Result {
    std::array<Variable, kInputs> inputs;
    Variable x;
  };
  Result result = without_lock(work <= kBriefWork, [=](const Stop&) {
    Result r;
    for (size_t i = 0; i < kInputs; ++i) r.inputs[i] = Variable(tensors[i], wanted[i]);
    const auto& [z, lambda, sigma, tau, theta] = r.inputs;
    r.x = pdhg(z, weights_at(edges, lambda, z.shape(), params.axes), sigma, tau, theta, params);
    return r;
  });
  const nb::object x = array_of(result.x.value());
  if (!result.x.requires_grad()) return nb::make_tuple(x, nb::none());
  auto tape = std::make_unique<Tape>(std::move(result.inputs), std::move(result.x));
  tape->set_work(work);
  return nb::make_tuple(x, nb::cast(tape.release(), nb::rv_policy::take_ownership));
}

// PDHG held in the hand: the state after any number of iterations.
class Iterates {
 public:
  Iterates(const Array& z, const Array& lambda, const std::vector<int>& axes, const std::string& start,
           const std::string& boundary, const std::optional<std::array<double, 3>>& steps)
      : z_(borrowed(z).clone()), params_(params_of(0, axes, start)) {
    if (steps) std::tie(params_.sigma, params_.tau, params_.theta) = std::tuple_cat(*steps);
    const NoGrad no_grad;
    lambda_ =
        weights_at(parse_boundary(boundary), borrowed(lambda).clone(), z_.shape(), params_.axes).value();
    state_ = pdhg_start(z_, params_);
    pdhg_iterate(z_, lambda_, params_, state_);  // no iterations: only what it checks
  }

  void run(int64_t n) {
    if (n < 0) throw ConfigError("[pdhg] cannot run {} iterations", n);
    PdhgParams params = params_;
    params.n_iter = n;
    // A state of its own, so that work which is left alone after Ctrl-C does not meet the next call.
    const bool brief = z_.numel() * n <= kBriefWork;
    PdhgState next{state_.x.clone(), state_.x_bar.clone(), state_.p.clone(), state_.q.clone()};
    state_ = without_lock(brief, [z = z_, lambda = lambda_, params, next](const Stop& stop) {
      PdhgStop until;
      until.watch = [&](int64_t) { stop.check(); };
      pdhg_solve(z, lambda, params, next, until);
      return next;
    });
    done_ += n;
  }

  nb::object x() const { return array_of(state_.x.clone()); }
  nb::object q() const { return array_of(state_.q.clone()); }
  nb::object weights() const { return array_of(lambda_.clone()); }
  int64_t done() const { return done_; }
  std::vector<double> objective() const { return tv_objective(state_.x, z_, map(), params_.axes); }
  std::vector<double> gap() const { return tv_gap(state_.x, state_.q, z_, map(), params_.axes); }

 private:
  // lambda of rank 5, as the objective takes it.
  Tensor map() const {
    return lambda_.shape().rank() == 5 ? lambda_ : lambda_.reshape({lambda_.numel(), 1, 1, 1, 1});
  }

  Tensor z_, lambda_;
  PdhgParams params_;
  PdhgState state_;
  int64_t done_ = 0;
};

int64_t tape_bytes(const std::vector<int64_t>& shape, bool is_f64, int64_t n_iter,
                   const std::vector<int>& axes, bool learn_steps) {
  return pdhg_tape_bytes(Shape(std::span<const int64_t>(shape)), is_f64 ? DType::f64 : DType::f32,
                         params_of(n_iter, axes, "zero"), learn_steps);
}

}  // namespace

void bind_solver(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<Tape>(m, "Tape")
      .def("backward", &Tape::backward, "upstream"_a.noconvert())
      .def_prop_ro("is_spent", &Tape::is_spent);
  m.def("pdhg_forward", pdhg_forward, "inputs"_a.noconvert(), "wanted"_a, "iterations"_a, "axes"_a, "start"_a,
        "boundary"_a);
  nb::class_<Iterates>(m, "Iterates")
      .def(nb::init<const Array&, const Array&, const std::vector<int>&, const std::string&,
                    const std::string&, const std::optional<std::array<double, 3>>&>(),
           "z"_a.noconvert(), "lam"_a.noconvert(), "axes"_a, "start"_a, "boundary"_a, "steps"_a.none())
      .def("run", &Iterates::run, "iterations"_a)
      .def_prop_ro("x", &Iterates::x)
      .def_prop_ro("q", &Iterates::q)
      .def_prop_ro("weights", &Iterates::weights)
      .def_prop_ro("done", &Iterates::done)
      .def("objective", &Iterates::objective)
      .def("gap", &Iterates::gap);
  m.def("norm_bound",
        [](const std::vector<int>& axes) { return pdhg_norm(Axes(std::span<const int>(axes))); });
  m.def("tape_bytes", tape_bytes, "shape"_a, "is_f64"_a, "iterations"_a, "axes"_a, "learn_steps"_a);
}

}  // namespace primal::python
