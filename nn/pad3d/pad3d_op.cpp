// The ladder of pad3d and crop3d, and what verify, check and the tests know of them.
#include "autograd/differentiable_op.h"
#include "nn/pad3d/pad3d.h"
#include "nn/pad3d/pad3d_kernels.h"

namespace primal {
namespace {

constexpr const Lookup3dImplementation<float>* kF32[] = {PRIMAL_DEVICES(lookup3d_cells),
                                                         &cpu::lookup3d_reference_f32};
constexpr const Lookup3dImplementation<double>* kF64[] = {&cpu::lookup3d_reference_f64};

PadMode mode_of(const std::string& name) {
  if (name == "zero") return PadMode::zero;
  if (name == "edge") return PadMode::edge;
  if (name == "reflect") return PadMode::reflect;
  if (name == "circular") return PadMode::circular;
  throw DataError("[pad3d] mode expects zero, edge, reflect or circular, found '{}'", name);
}

// "mode": "reflect" for every axis, or ["zero", "reflect", "edge"] for D, H and W.
Pad3dParams params_of(const Attributes& attrs) {
  Pad3dParams params;
  params.low = attribute_triple(attrs, "low", params.low);
  params.high = attribute_triple(attrs, "high", params.high);
  if (attrs.contains("mode")) {
    for (size_t a = 0; a < 3; ++a) {
      const Attribute& mode = attrs.at("mode");
      params.mode[a] = mode_of(mode.is_list() ? mode.get<std::array<std::string, 3>>("mode")[a]
                                              : mode.get<std::string>("mode"));
    }
  }
  return params;
}

OpCase volume_case(std::string name, Attributes attrs, Shape x) {
  return {std::move(name), std::move(attrs), {{"x", x}}};
}

OpInfo lookup_info(std::string name, NamedFunction f) {
  OpInfo info;
  info.name = std::move(name);
  info.run = differentiable(std::move(f));
  info.cost = [](const OpShapes& s) {
    return map_cost(elements_of(s.in("x")), elements_of(s.out()), 0.0, 0.0);
  };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.linear_in = {"x"};
  info.implementations = infos_of(lookup3d_ladder.f32);
  return info;
}

}  // namespace

const Ladder<Lookup3dImplementation> lookup3d_ladder{kF32, kF64};

OpInfo pad3d_info() {
  OpInfo info = lookup_info("pad3d", [](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", pad3d(required(inputs, "x"), params_of(attrs))}};
  });
  info.equation = "y[n,c,d,h,w] = x[n,c, s_D(d), s_H(h), s_W(w)], s by the mode of the axis";
  const auto padding = [](Attribute mode, Attribute low, Attribute high) {
    return Attributes{{"mode", std::move(mode)}, {"low", std::move(low)}, {"high", std::move(high)}};
  };
  info.corner_cases = {
      volume_case("nothing", padding("reflect", {0, 0, 0}, {0, 0, 0}), {1, 1, 1, 3, 2}),
      volume_case("one_cell_zero", padding("zero", {1, 2, 3}, {3, 2, 1}), {1, 1, 1, 1, 1}),
      volume_case("one_cell_edge", padding("edge", {1, 2, 3}, {3, 2, 1}), {1, 1, 1, 1, 1}),
      volume_case("zero", padding("zero", {0, 1, 2}, {1, 3, 0}), {2, 3, 2, 3, 4}),
      volume_case("edge", padding("edge", {1, 5, 2}, {0, 1, 3}), {2, 3, 2, 3, 4}),
      volume_case("reflect", padding("reflect", {1, 2, 3}, {1, 1, 2}), {2, 3, 2, 3, 4}),
      volume_case("circular", padding("circular", {2, 1, 4}, {1, 3, 4}), {2, 3, 2, 3, 4}),
      volume_case("several_blocks", padding("reflect", {0, 3, 3}, {0, 4, 4}), {1, 3, 1, 17, 19}),
      volume_case("one_axis", padding("reflect", {0, 0, 0}, {0, 0, 4}), {1, 2, 1, 3, 5}),
      volume_case("a_mode_per_axis", padding({"zero", "reflect", "edge"}, {1, 1, 4}, {0, 2, 4}),
                  {1, 2, 1, 3, 2}),
      volume_case("another_mode_per_axis", padding({"circular", "edge", "reflect"}, {2, 3, 1}, {1, 0, 2}),
                  {2, 1, 2, 2, 3}),
      volume_case("zero_between_others", padding({"edge", "zero", "circular"}, {1, 2, 3}, {2, 1, 0}),
                  {1, 2, 1, 2, 3}),
      volume_case("empty_batch", padding("edge", {0, 1, 1}, {0, 1, 1}), {0, 3, 1, 4, 4}),
  };
  info.stages = {volume_case("picture", padding("reflect", {0, 3, 3}, {0, 4, 4}), {1, 1, 1, 249, 249})};
  return info;
}

OpInfo crop3d_info() {
  OpInfo info = lookup_info("crop3d", [](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", crop3d(required(inputs, "x"), {.low = attribute_triple(attrs, "low", {0, 0, 0}),
                                                 .high = attribute_triple(attrs, "high", {0, 0, 0})})}};
  });
  info.equation = "y[n,c,d,h,w] = x[n,c, d + low_D, h + low_H, w + low_W]";
  info.corner_cases = {
      volume_case("nothing", {}, {1, 1, 1, 3, 2}),
      volume_case("one_cell_left", {{"low", {1, 0, 2}}, {"high", {0, 2, 1}}}, {1, 1, 2, 3, 4}),
      volume_case("every_axis", {{"low", {1, 2, 0}}, {"high", {1, 0, 3}}}, {2, 3, 4, 5, 6}),
      volume_case("empty_batch", {{"low", {0, 1, 1}}}, {0, 3, 1, 4, 4}),
  };
  info.stages = {volume_case("map", {{"low", {0, 3, 3}}, {"high", {0, 4, 4}}}, {1, 2, 1, 256, 256})};
  return info;
}

}  // namespace primal
