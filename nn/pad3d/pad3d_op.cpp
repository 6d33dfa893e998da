// What verify, check and the tests know of pad3d and crop3d.
#include "autograd/differentiable_op.h"
#include "nn/pad3d/pad3d.h"
#include "nn/pad3d/pad3d_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "row by row, the inner run of each in one go"};
constexpr ImplementationInfo kCells{"cells", "one thread for each cell, which computes where it comes from"};

}  // namespace

template <>
std::span<const DeviceKernels<Lookup3dKernels<float>>> lookup3d_kernels<float>() {
  static const DeviceKernels<Lookup3dKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kCells, lookup3d_cells),
      {kPlain, {cpu::lookup3d_forward<float>, cpu::lookup3d_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<Lookup3dKernels<double>>> lookup3d_kernels<double>() {
  static constexpr DeviceKernels<Lookup3dKernels<double>> kernels[] = {
      {kPlain, {cpu::lookup3d_forward<double>, cpu::lookup3d_backward<double>}}};
  return kernels;
}

namespace {

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
      const Attributes& mode = attrs.at("mode");
      params.mode[a] = mode_of((mode.is_array() ? mode.at(a) : mode).get<std::string>());
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
  info.implementations = infos_of(lookup3d_kernels<float>());
  return info;
}

}  // namespace

OpInfo pad3d_info() {
  OpInfo info = lookup_info("pad3d", [](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", pad3d(required(inputs, "x"), params_of(attrs))}};
  });
  info.equation = "y[n,c,d,h,w] = x[n,c, s_D(d), s_H(h), s_W(w)], s by the mode of the axis";
  const auto padding = [](Attributes mode, Attributes low, Attributes high) {
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
      volume_case("nothing", Attributes::object(), {1, 1, 1, 3, 2}),
      volume_case("one_cell_left", {{"low", {1, 0, 2}}, {"high", {0, 2, 1}}}, {1, 1, 2, 3, 4}),
      volume_case("every_axis", {{"low", {1, 2, 0}}, {"high", {1, 0, 3}}}, {2, 3, 4, 5, 6}),
      volume_case("empty_batch", {{"low", {0, 1, 1}}}, {0, 3, 1, 4, 4}),
  };
  info.stages = {volume_case("map", {{"low", {0, 3, 3}}, {"high", {0, 4, 4}}}, {1, 2, 1, 256, 256})};
  return info;
}

}  // namespace primal
