// The ladder of the symmetric boundary, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "solvers/boundary/boundary.h"
#include "solvers/boundary/boundary_kernels.h"
#include "solvers/difference/difference.h"

namespace primal {
namespace {

constexpr const BoundaryImplementation<float>* kF32[] = {PRIMAL_DEVICES(boundary_gather),
                                                         &cpu::boundary_reference_f32};
constexpr const BoundaryImplementation<double>* kF64[] = {&cpu::boundary_reference_f64};

OpCase make_case(std::string name, const Shape& lambda, std::array<int64_t, 3> volume,
                 std::vector<int> axes) {
  return {std::move(name), {{"volume", volume}, {"axes", std::move(axes)}}, {{"lambda", lambda}}};
}

}  // namespace

const Ladder<BoundaryImplementation> boundary_ladder{kF32, kF64};

PhaseCosts symmetric_boundary_cost(const Shape& lambda, const Shape& y) {
  return map_cost(elements_of(lambda), elements_of(y), 0.0, elements_of(y));
}

OpInfo symmetric_boundary_info() {
  OpInfo info;
  info.name = "symmetric_boundary";
  info.equation = "y[n,a,i] = 0 where i is the last index along axis a, else lambda[n,a,i]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", symmetric_boundary(required(inputs, "lambda"),
                                     attrs.at("volume").get<std::array<int64_t, 3>>("volume"),
                                     axes_attribute(attrs))}};
  });
  info.cost = [](const OpShapes& s) { return symmetric_boundary_cost(s.in("lambda"), s.out()); };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {
      make_case("picture", {2, 1, 1, 5, 4}, {1, 5, 4}, {3, 4}),
      make_case("map_of_each_axis", {1, 2, 1, 6, 3}, {1, 6, 3}, {3, 4}),
      make_case("scalar", {}, {1, 5, 7}, {3, 4}),
      make_case("scalar_of_each_problem", {3}, {1, 4, 6}, {3, 4}),
      make_case("sequence", {2, 1, 3, 5, 4}, {3, 5, 4}, {2, 3, 4}),
      make_case("one_map_for_each_frame", {2, 1, 3, 1, 1}, {3, 5, 4}, {2, 3, 4}),
      make_case("other_order", {1, 2, 2, 3, 5}, {2, 3, 5}, {4, 2}),
      make_case("one_pixel", {1, 1, 1, 1, 1}, {1, 1, 1}, {3, 4}),
      make_case("one_pixel_wide", {2, 1, 1, 9, 1}, {1, 9, 1}, {3, 4}),
      make_case("empty_batch", {0, 1, 1, 4, 4}, {1, 4, 4}, {3, 4}),
      make_case("many_rows", {3, 1, 2, 19, 35}, {2, 19, 35}, {4, 3, 2}),
  };
  info.stages = {make_case("picture", {1, 1, 1, 256, 256}, {1, 256, 256}, {3, 4})};
  info.linear_in = {"lambda"};
  info.implementations = infos_of(boundary_ladder.f32);
  return info;
}

}  // namespace primal
