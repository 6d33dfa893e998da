// The ladder of linear, and what verify, check and the tests know of it.
#include <algorithm>

#include "autograd/differentiable_op.h"
#include "nn/linear/linear.h"
#include "nn/linear/linear_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

constexpr const LinearImplementation<float>* kF32[] = {
#if PRIMAL_HAS_CUBLASLT
    &cuda::linear_cublaslt,
#endif
    PRIMAL_DEVICES(linear_tiled), &cpu::linear_blocked, &cpu::linear_reference_f32};
constexpr const LinearImplementation<double>* kF64[] = {&cpu::linear_reference_f64};

OpCase linear_case(std::string name, Shape x, int64_t n_out) {
  const int64_t n_in = x[-1];
  return {std::move(name), {}, {{"x", x}, {"weight", {n_out, n_in}}, {"bias", {n_out}}}};
}

// Both throw DataError: the text comes from a file.
OpCase case_of(const std::string& text) {
  const LinearGeometry g = linear_geometry(text);
  return linear_case(text, {g.n, g.c}, g.o);
}

std::vector<std::string> supporting(const std::string& text, Device::Kind kind) {
  return names_supporting(linear_ladder.f32, linear_geometry(text), kind);
}

}  // namespace

const Ladder<LinearImplementation> linear_ladder{kF32, kF64};

std::string key(const LinearGeometry& g) { return fmt::format("n{} c{} o{}", g.n, g.c, g.o); }

LinearGeometry linear_geometry(const std::string& text) {
  const GeometryText words("linear", text);
  const LinearGeometry g{words.one("n"), words.one("c"), words.one("o")};
  if (key(g) != text) words.fail(fmt::format("the canonical form is '{}'", key(g)));
  return g;
}

PhaseCosts linear_cost(const LinearGeometry& g) {
  const auto n = static_cast<double>(g.n), c = static_cast<double>(g.c), o = static_cast<double>(g.o);
  const Cost product{2.0 * n * c * o, f32_bytes(n * c + o * c + n * o)};
  return {{"forward", product}, {"backward_data", product}, {"backward_weights", product}};
}

OpInfo linear_info() {
  OpInfo info;
  info.name = "linear";
  info.equation = "y[n,o] = bias[o] + sum over c of weight[o,c] x[n,c]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes&) -> VariableMap {
    return {{"y", linear(required(inputs, "x"), required(inputs, "weight"), optional(inputs, "bias"))}};
  });
  info.cost = [](const OpShapes& s) {
    const int64_t c = s.in("x")[-1];
    return linear_cost({s.in("x").numel() / std::max<int64_t>(c, 1), c, s.in("weight")[0]});
  };
  info.judge = judge_relative_l2(2e-6, 5e-6);
  OpCase no_bias = linear_case("no_bias", {3, 5}, 4);
  no_bias.inputs.pop_back();
  info.corner_cases = {
      linear_case("one_number", {1, 1}, 1),
      linear_case("one_row", {7}, 3),
      linear_case("odd_extents", {5, 13}, 7),
      linear_case("leading_axes", {2, 3, 1, 5}, 4),
      no_bias,
      linear_case("several_chunks", {4, 520}, 9),
      linear_case("several_tiles", {33, 3}, 34),
      linear_case("many_rows", {66, 17}, 2),
      linear_case("many_outputs", {1, 19}, 70),
      linear_case("many_features", {2, 1040}, 1),
      linear_case("empty_batch", {0, 4}, 3),
  };
  info.stages = {linear_case("head", {8, 4096}, 1024)};
  info.linear_in = {"x", "weight", "bias"};
  info.geometry = {case_of, supporting};
  info.implementations = infos_of(linear_ladder.f32);
  return info;
}

}  // namespace primal
