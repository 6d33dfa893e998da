// What verify, check and the tests know of concat.
#include "autograd/differentiable_op.h"
#include "nn/concat/concat.h"
#include "nn/concat/concat_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one copy per part and block"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each element of a part"};

}  // namespace

template <>
std::span<const DeviceKernels<ConcatKernels<float>>> concat_kernels<float>() {
  static const DeviceKernels<ConcatKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, concat_elementwise),
      {kPlain, {cpu::concat_forward<float>, cpu::concat_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<ConcatKernels<double>>> concat_kernels<double>() {
  static constexpr DeviceKernels<ConcatKernels<double>> kernels[] = {
      {kPlain, {cpu::concat_forward<double>, cpu::concat_backward<double>}}};
  return kernels;
}

namespace {

OpCase concat_case(std::string name, int axis, const std::vector<Shape>& parts) {
  OpCase result{std::move(name), {{"axis", axis}}, {}};
  for (size_t p = 0; p < parts.size(); ++p) result.inputs.push_back({std::string(1, "abc"[p]), parts[p]});
  return result;
}

}  // namespace

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
  info.implementations = infos_of(concat_kernels<float>());
  return info;
}

}  // namespace primal
