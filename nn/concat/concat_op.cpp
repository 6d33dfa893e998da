// The ladder of concat, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/concat/concat.h"
#include "nn/concat/concat_kernels.h"

namespace primal {
namespace {

constexpr const ConcatImplementation<float>* kF32[] = {PRIMAL_DEVICES(concat_elementwise),
                                                       &cpu::concat_reference_f32};
constexpr const ConcatImplementation<double>* kF64[] = {&cpu::concat_reference_f64};

OpCase concat_case(std::string name, int axis, const std::vector<Shape>& parts) {
  OpCase result{std::move(name), {{"axis", axis}}, {}};
  for (size_t p = 0; p < parts.size(); ++p) result.inputs.push_back({std::string(1, "abc"[p]), parts[p]});
  return result;
}

}  // namespace

const Ladder<ConcatImplementation> concat_ladder{kF32, kF64};

OpInfo concat_info() {
  OpInfo info;
  info.name = "concat";
  info.equation = "y[.., offset_p + i, ..] = x_p[.., i, ..]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    std::vector<Variable> parts;  // in the order of their names: a, b, ...
    for (const auto& [name, part] : inputs) parts.push_back(part);
    return {{"y", concat(parts, attrs.value("axis", 1))}};
  });
  info.cost = [](const OpShapes& s) {
    return map_cost(elements_of(s.out()), elements_of(s.out()), 0.0, 0.0);
  };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {
      concat_case("channels", 1, {{2, 3, 1, 4, 5}, {2, 2, 1, 4, 5}}),
      concat_case("batch", 0, {{1, 2, 3}, {3, 2, 3}}),
      concat_case("last_axis", -1, {{2, 3, 1, 4, 5}, {2, 3, 1, 4, 1}}),
      concat_case("frames_of_three", 2, {{1, 2, 1, 3, 2}, {1, 2, 4, 3, 2}, {1, 2, 2, 3, 2}}),
      concat_case("rows", 3, {{2, 3, 1, 4, 5}, {2, 3, 1, 2, 5}}),
      concat_case("second_from_the_end", -2, {{2, 1, 5}, {2, 4, 5}, {2, 2, 5}}),
      concat_case("one_part", 0, {{3}}),
      concat_case("a_part_without_extent", 1, {{2, 0, 1, 2, 3}, {2, 2, 1, 2, 3}}),
      concat_case("several_blocks", 1, {{2, 3, 1, 16, 9}, {2, 2, 1, 16, 9}}),
      concat_case("empty_batch", 1, {{0, 3, 1, 4, 4}, {0, 1, 1, 4, 4}}),
  };
  info.stages = {
      concat_case("decoder2", 1, {{1, 128, 1, 64, 64}, {1, 128, 1, 64, 64}}),
      concat_case("decoder1", 1, {{1, 64, 1, 128, 128}, {1, 64, 1, 128, 128}}),
      concat_case("decoder0", 1, {{1, 32, 1, 256, 256}, {1, 32, 1, 256, 256}}),
  };
  info.linear_in = {"a", "b"};
  info.implementations = infos_of(concat_ladder.f32);
  return info;
}

}  // namespace primal
