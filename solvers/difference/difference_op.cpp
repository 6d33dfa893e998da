// The ladder of the difference and its adjoint, and what verify, check and the tests know of them.
#include "autograd/differentiable_op.h"
#include "solvers/difference/difference.h"
#include "solvers/difference/difference_kernels.h"

namespace primal {
namespace {

constexpr const DifferenceImplementation<float>* kF32[] = {PRIMAL_DEVICES(difference_elementwise),
                                                           &cpu::difference_reference_f32};
constexpr const DifferenceImplementation<double>* kF64[] = {&cpu::difference_reference_f64};

struct Corner {
  const char* name;
  Shape x;  // [N,1,D,H,W]
  std::vector<int> axes;
};

const std::vector<Corner> kCorners = {
    {"picture", {2, 1, 1, 5, 4}, {3, 4}},        {"one_pixel", {1, 1, 1, 1, 1}, {3, 4}},
    {"one_pixel_wide", {2, 1, 1, 9, 1}, {3, 4}}, {"sequence", {2, 1, 3, 5, 4}, {2, 3, 4}},
    {"frames_only", {1, 1, 7, 3, 2}, {2}},       {"other_order", {1, 1, 2, 3, 5}, {4, 2}},
    {"rows_only", {1, 1, 2, 5, 4}, {3}},         {"columns_only", {2, 1, 1, 3, 7}, {4}},
    {"empty_batch", {0, 1, 1, 4, 4}, {3, 4}},    {"many_rows", {3, 1, 2, 19, 35}, {4, 3, 2}},
};

// `input` is "x" for the difference and "q", with one channel per axis, for its adjoint.
OpInfo difference_info(std::string name, std::string equation, const char* input,
                       Variable (*op)(const Variable&, const Axes&)) {
  const auto make_case = [&](const Corner& corner) {
    const bool adjoint = input[0] == 'q';
    const Shape shape = adjoint ? corner.x.with(1, std::ssize(corner.axes)) : corner.x;
    return OpCase{corner.name, {{"axes", corner.axes}}, {{input, shape}}};
  };
  OpInfo info;
  info.name = std::move(name);
  info.equation = std::move(equation);
  info.run = differentiable([input, op](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", op(required(inputs, input), axes_attribute(attrs))}};
  });
  info.cost = [](const OpShapes& s) {
    return s.has("q") ? gradient_adjoint_cost(s.in("q")) : gradient_cost(s.in("x"), axes_attribute(s.attrs));
  };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  for (const Corner& corner : kCorners) info.corner_cases.push_back(make_case(corner));
  info.stages = {make_case({"picture", {1, 1, 1, 256, 256}, {3, 4}})};
  info.linear_in = {input};
  info.implementations = infos_of(difference_ladder.f32);
  return info;
}

}  // namespace

const Ladder<DifferenceImplementation> difference_ladder{kF32, kF64};

PhaseCosts gradient_cost(const Shape& x, const Axes& axes) {
  const double n = elements_of(x), dual = n * axes.count();
  return map_cost(n, dual, dual, 2.0 * dual - n);
}

PhaseCosts gradient_adjoint_cost(const Shape& q) {
  const double dual = elements_of(q), n = elements_of(q.with(1, 1));
  return map_cost(dual, n, 2.0 * dual - n, dual);
}

Axes axes_attribute(const Attributes& attrs) { return Axes(attrs.value("axes", std::vector<int>{3, 4})); }

OpInfo gradient_info() {
  return difference_info("gradient", "y[a,i] = x[i + e_a] - x[i], periodic", "x", gradient);
}

OpInfo gradient_adjoint_info() {
  return difference_info("gradient_adjoint", "y[i] = sum over a of q[a,i - e_a] - q[a,i], periodic", "q",
                         gradient_adjoint);
}

}  // namespace primal
