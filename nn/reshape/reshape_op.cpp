// The ladder of reshape and flatten, and what verify, check and the tests know of them.
#include "autograd/differentiable_op.h"
#include "nn/reshape/reshape.h"
#include "nn/reshape/reshape_kernels.h"

namespace primal {
namespace {

constexpr const ReshapeImplementation<float>* kF32[] = {PRIMAL_DEVICES(reshape_elementwise),
                                                        &cpu::reshape_reference_f32};
constexpr const ReshapeImplementation<double>* kF64[] = {&cpu::reshape_reference_f64};

std::vector<int64_t> shape_of(const Attributes& attrs) {
  return attrs.at("shape").get<std::vector<int64_t>>("shape");
}

OpInfo info_of(std::string name, std::string equation, NamedFunction function) {
  OpInfo info;
  info.name = std::move(name);
  info.equation = std::move(equation);
  info.run = differentiable(std::move(function));
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.linear_in = {"x"};
  info.cost = [](const OpShapes& s) { return reshape_cost(s.in("x")); };
  info.implementations = infos_of(reshape_ladder.f32);
  info.chooses = "reshape";
  return info;
}

}  // namespace

const Ladder<ReshapeImplementation> reshape_ladder{kF32, kF64};

PhaseCosts reshape_cost(const Shape& x) {
  const double n = elements_of(x);
  return {{"forward", {}}, {"backward", {0.0, f32_bytes(n + n)}}};
}

OpInfo reshape_info() {
  OpInfo info = info_of("reshape", "y = x in another shape",
                        [](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
                          return {{"y", reshape(required(inputs, "x"), shape_of(attrs))}};
                        });
  info.chooses.clear();
  const auto reshaping = [](std::string name, Shape x, const std::vector<int64_t>& shape) {
    return OpCase{std::move(name), {{"shape", shape}}, {{"x", x}}};
  };
  info.corner_cases = {
      reshaping("scalar", {}, {}),
      reshaping("scalar_to_axes", {}, {1, 1, -1}),
      reshaping("to_scalar", {1, 1}, {}),
      reshaping("same_shape", {2, 3}, {2, 3}),
      reshaping("vector_to_volume", {2, 60}, {2, 3, 1, 4, 5}),
      reshaping("extent_found", {2, 3, 4}, {4, -1}),
      reshaping("several_blocks", {7, 100}, {100, 7}),
      reshaping("empty", {0, 3}, {3, 0, 5}),
      reshaping("empty_batch", {0, 3, 4}, {-1, 12}),
  };
  info.stages = {reshaping("decoder", {32, 3136}, {32, 64, 1, 7, 7})};
  return info;
}

OpInfo flatten_info() {
  OpInfo info = info_of("flatten", "y = x with neighbouring axes taken together",
                        [](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
                          return {{"y", flatten(required(inputs, "x"), attrs.value("first_axis", 1),
                                                attrs.value("last_axis", -1))}};
                        });
  const auto flattening = [](std::string name, Shape x, Attributes attrs) {
    return OpCase{std::move(name), std::move(attrs), {{"x", x}}};
  };
  info.corner_cases = {
      flattening("scalar", {}, {}),
      flattening("batch", {3, 2, 1, 4, 5}, {}),
      flattening("rows", {3, 5}, {}),
      flattening("everything", {3, 2, 4}, {{"first_axis", 0}}),
      flattening("inner_axes", {3, 2, 4, 5}, {{"first_axis", 1}, {"last_axis", 2}}),
      flattening("axes_from_the_end", {3, 2, 4, 5}, {{"first_axis", -3}, {"last_axis", -2}}),
      flattening("one_axis", {3, 2, 4}, {{"first_axis", 1}, {"last_axis", 1}}),
      flattening("empty_batch", {0, 3, 4}, {}),
  };
  info.stages = {flattening("encoder", {32, 64, 1, 7, 7}, {})};
  return info;
}

}  // namespace primal
