// What verify, check and the tests know of cross_entropy.
#include "autograd/differentiable_op.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/cross_entropy/cross_entropy_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "sample by sample in double"};
constexpr ImplementationInfo kColumns{"columns",
                                      "a sample is a thread's or a warp's, in double; sums in a fixed order"};

}  // namespace

template <>
std::span<const DeviceKernels<CrossEntropyKernels<float>>> cross_entropy_kernels<float>() {
  static const DeviceKernels<CrossEntropyKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kColumns, cross_entropy_columns),
      {kPlain, {cpu::cross_entropy_forward<float>, cpu::cross_entropy_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<CrossEntropyKernels<double>>> cross_entropy_kernels<double>() {
  static constexpr DeviceKernels<CrossEntropyKernels<double>> kernels[] = {
      {kPlain, {cpu::cross_entropy_forward<double>, cpu::cross_entropy_backward<double>}}};
  return kernels;
}

namespace {

OpCase class_case(std::string name, Shape x, Shape labels) {
  const auto n_classes = static_cast<double>(x[1]);
  return {std::move(name),
          Attributes::object(),
          {{"x", x}, {"labels", labels, OpInput::Fill::labels, 0.0, n_classes, false}}};
}

}  // namespace

OpInfo cross_entropy_info() {
  OpInfo info;
  info.name = "cross_entropy";
  info.equation = "y = 1/M sum over samples of (log sum over k of exp(x[k]) - x[label])";
  info.run = differentiable([](const VariableMap& inputs, const Attributes&) -> VariableMap {
    return {{"y", cross_entropy(required(inputs, "x"), required(inputs, "labels").value())}};
  });
  info.cost = [](const OpShapes& s) {  // max, minus, exp, sum; labels are 8 bytes each
    const double n = elements_of(s.in("x")), labels = 8.0 * elements_of(s.in("labels"));
    return PhaseCosts{{"forward", {4.0 * n, f32_bytes(n) + labels}},
                      {"backward", {4.0 * n, f32_bytes(2.0 * n) + labels}}};
  };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      class_case("one_sample", {1, 3}, {1}),
      class_case("two_classes", {5, 2}, {5}),
      class_case("several_chunks", {600, 4}, {600}),
      class_case("many_classes", {9, 70}, {9}),
      class_case("many_pixels", {2, 3, 1, 17, 19}, {2, 1, 17, 19}),
      class_case("pixels", {2, 3, 1, 4, 5}, {2, 1, 4, 5}),
  };
  info.stages = {class_case("rows", {256, 1000}, {256})};
  info.implementations = infos_of(cross_entropy_kernels<float>());
  return info;
}

}  // namespace primal
