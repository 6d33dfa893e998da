// The tensor-core kernels of conv3d on the emulation, beyond the corner cases that apps/device_ops_test.cpp
// runs: several steps, splits, parts and planes; accuracy; when they run; shared memory without bank
// conflicts.
#include <algorithm>
#include <gtest/gtest.h>

#include "nn/conv3d/conv3d.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"
#include "support/op_test.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

constexpr const char *kTf32 = "tensor_core", *kThree = "tensor_core_3x";

OpCase make_case(std::string name, const Shape& x, int64_t n_out, std::array<int64_t, 3> kernel) {
  const std::array<int64_t, 3> strides{1, 1, 1}, padding{kernel[0] / 2, kernel[1] / 2, kernel[2] / 2};
  return {std::move(name),
          {{"stride", strides}, {"padding", padding}},
          {{"x", x}, {"weight", {n_out, x[1], kernel[0], kernel[1], kernel[2]}}, {"bias", {n_out}}}};
}

// Copied four pixels at a time where rows are multiples of 4, four weights at a time where channels are.
std::vector<OpCase> cases() {
  return {make_case("wide copies, five steps", {1, 40, 1, 9, 36}, 36, {1, 3, 3}),
          make_case("narrow weights", {2, 18, 1, 11, 32}, 33, {1, 3, 3}),
          make_case("narrow pixels, two tiles in a row", {1, 12, 2, 6, 37}, 40, {1, 3, 3}),
          make_case("pointwise", {2, 45, 1, 7, 13}, 70, {1, 1, 1}),
          make_case("pointwise, wide copies", {1, 24, 3, 8, 44}, 4, {1, 1, 1}),
          make_case("cubes", {1, 20, 4, 9, 36}, 12, {3, 3, 3}),
          make_case("cubes of two planes", {2, 3, 2, 10, 11}, 5, {3, 3, 3})};
}

// Results and gradients in f32, for a random upstream gradient.
OpResult run(const OpCase& op_case, std::string_view implementation, Device device,
             DType dtype = DType::f32) {
  const OpInfo info = conv3d_info();
  const ImplementationScope scope("conv3d", implementation);
  const TensorMap inputs = make_inputs(op_case, dtype);
  const TensorMap outputs = info.run({inputs, op_case.attrs, {}, op_case.name, {}, device}).outputs;
  const TensorMap upstream = make_upstream(info.results, outputs);
  OpResult result = info.run({inputs, op_case.attrs, upstream, op_case.name, {}, device});
  EXPECT_TRUE(scope.used("conv3d", implementation));
  return result;
}

std::vector<double> values_of(const OpResult& result) {
  std::vector<double> all = result.outputs.at("y").to_doubles();
  for (const auto& [name, grad] : result.grads) {
    const std::vector<double> values = grad.to_doubles();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// The largest relative error of y and the gradients against the reference in double.
double error_of(const OpCase& op_case, std::string_view implementation, Device device) {
  const OpResult exact = run(op_case, kReference, Device{}, DType::f64);
  const OpResult got = run(op_case, implementation, device);
  const auto error = [](const Tensor& mine, const Tensor& expected) {
    return relative_l2(mine.to(DType::f64), expected);
  };
  double worst = error(got.outputs.at("y"), exact.outputs.at("y"));
  for (const auto& [name, grad] : exact.grads) worst = std::max(worst, error(got.grads.at(name), grad));
  return worst;
}

TensorMap operands_of_tf32(TensorMap tensors) {
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.clone();
    float* values = tensor.data<float>();
    for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = rounded_to_tf32(values[i]);
  }
  return tensors;
}

// With operands of 11 bits there is nothing to round: over all corner cases the results are those of float32.
// A slope of 1/2 keeps the masked gradient at 11 bits too.
TEST(Conv3dTensorCore, OneProductIsExactWhereOperandsAre) {
  const PrecisionScope allowed(Precision::tf32);
  int n_ran = 0;
  for (const OpInfo& info : {conv3d_info(), conv3d_leaky_relu_info()}) {
    for (OpCase op_case : info.corner_cases) {
      if (info.name == "conv3d_leaky_relu") op_case.attrs["slope"] = 0.5;
      OpCall call{operands_of_tf32(make_inputs(op_case, DType::f32)), op_case.attrs, {}, op_case.name};
      const ImplementationScope reference("conv3d", kReference);
      call.upstream = operands_of_tf32(make_upstream(info.results, info.run(call).outputs));
      const OpResult expected = info.run(call);
      const ImplementationScope named("conv3d", kTf32);
      call.device = Device::simt();
      const OpResult got = info.run(call);
      if (!named.used("conv3d", kTf32)) continue;
      ++n_ran;
      const std::string where = info.name + ", " + op_case.name;
      EXPECT_LE(relative_l2(got.outputs.at("y"), expected.outputs.at("y")), 1e-6)
          << where;  // measured 5.3e-7
      for (const auto& [name, grad] : expected.grads)
        EXPECT_LE(relative_l2(got.grads.at(name), grad), 2e-6) << where << ", " << name;
    }
  }
  EXPECT_GT(n_ran, 50);
}

TEST(Conv3dTensorCore, OneProductErrsAsTf32Does) {
  const PrecisionScope allowed(Precision::tf32);
  std::vector<OpCase> all = cases();
  all.push_back(make_case("several tiles in a part", {1, 8, 1, 134, 132}, 8, {1, 3, 3}));
  for (const OpCase& op_case : all) {
    const double error = error_of(op_case, kTf32, Device::simt());
    EXPECT_LT(error, 5e-4) << op_case.name;  // measured 2.0e-4 to 2.9e-4
    EXPECT_GT(error, 1e-5) << op_case.name;  // and it does round
  }
}

TEST(Conv3dTensorCore, ThreeProductsErrAsFloat32Does) {
  for (const OpCase& op_case : cases())
    EXPECT_LT(error_of(op_case, kThree, Device::simt()), 5e-7) << op_case.name;
}

// Positive numbers: sums that a tensor core cuts off 36 times in a row would be 6e-7 too small.
TEST(Conv3dTensorCore, ThreeProductsDoNotDriftWhereSumsAreCutOff) {
  OpCase op_case = make_case("deep", {1, 256, 1, 8, 32}, 32, {1, 3, 3});
  for (OpInput& input : op_case.inputs) input.fill = OpInput::Fill::uniform;
  // measured 1.0e-7, and 6.6e-7 where the sums stay in the tensor core
  EXPECT_LT(error_of(op_case, kThree, Device::simt()), 2e-7);
}

TEST(Conv3dTensorCore, BitsDoNotDependOnTheOrderOfThreadsAndNothingRaces) {
  const PrecisionScope allowed(Precision::tf32);
  for (const OpCase& op_case : {make_case("wide", {1, 20, 1, 9, 36}, 12, {1, 3, 3}),
                                make_case("narrow", {1, 9, 1, 5, 35}, 10, {1, 3, 3}),
                                make_case("pointwise", {1, 20, 1, 5, 36}, 34, {1, 1, 1}),
                                make_case("two tiles in a part", {1, 2, 1, 531, 3}, 5, {1, 3, 3}),
                                make_case("cubes", {1, 9, 3, 5, 12}, 3, {3, 3, 3})}) {
    for (const char* implementation : {kTf32, kThree}) {
      SCOPED_TRACE(op_case.name + std::string(", ") + implementation);
      const auto run_it = [&] { return values_of(run(op_case, implementation, Device::simt())); };
      const std::vector<double> bits = simt::same_in_all_orders("conv3d", run_it);
      const simt::Recording recording({.races = true, .counters = false});
      EXPECT_EQ(run_it(), bits);
      EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
    }
  }
}

// The layout in shared memory: 32 lanes read 32 banks. Only the copies of forward's weights meet in a bank,
// where eight lanes go on from one output to the next and skip the four words between them.
TEST(Conv3dTensorCore, ReadsSharedMemoryWithoutBankConflicts) {
  const PrecisionScope allowed(Precision::tf32);
  for (const std::array<int64_t, 3>& kernel : {std::array<int64_t, 3>{1, 3, 3}, {1, 1, 1}}) {
    const simt::Recording recording({.races = false, .counters = true});
    run(make_case("wide", {1, 32, 1, 16, 32}, 32, kernel), kTf32, Device::simt());
    int n_kernels = 0;
    for (const simt::LaunchCounters& k : simt::sum_by_kernel(recording.launches())) {
      if (k.matrix_products == 0) continue;
      ++n_kernels;
      const double share = static_cast<double>(k.bank_conflicts) / static_cast<double>(k.shared_requests);
      EXPECT_LE(share, k.name == "conv3d_forward_tensor_core" ? 0.1 : 0.0)
          << k.name;  // measured 0.058, 0.036
    }
    EXPECT_EQ(n_kernels, 3);
  }
}

TEST(Conv3dTensorCore, TakesAsManyProductsAsTheConvolutionHas) {
  const PrecisionScope allowed(Precision::tf32);
  for (const auto& [implementation, each] : {std::pair{kTf32, 1}, {kThree, 3}}) {
    const simt::Recording recording({.races = false, .counters = true});
    run(make_case("square", {1, 32, 1, 16, 32}, 32, {1, 3, 3}), implementation, Device::simt());
    for (const simt::LaunchCounters& k : simt::sum_by_kernel(recording.launches())) {
      // 512 pixels x 32 x 32 channels x 9 taps, in products of 16 x 8 x 8; forward runs twice
      const int64_t products = int64_t{512} * 32 * 32 * 9 / (16 * 8 * 8) * each;
      if (k.matrix_products == 0) continue;
      EXPECT_EQ(k.matrix_products, products * k.launches) << k.name;
    }
  }
}

TEST(Conv3dTensorCore, RunsByRuleOnlyWherePrecisionAllows) {
  const Variable x(Tensor::full({1, 8, 1, 8, 8}, 1.0, DType::f32).to(Device::simt())),
      weight(Tensor::full({8, 8, 1, 3, 3}, 1.0, DType::f32).to(Device::simt()));
  const Conv3dParams same{.padding = {0, 1, 1}};
  const auto runs = [&](const char* implementation, const ImplementationScope& scope) {
    conv3d(x, weight, {}, same);
    return scope.used("conv3d", implementation);
  };
  {
    const ImplementationScope rule;
    EXPECT_TRUE(runs("tiled", rule));
  }
  {
    const ImplementationScope named("conv3d", kTf32);
    EXPECT_FALSE(runs(kTf32, named)) << "without --precision tf32";
  }
  {
    const ImplementationScope named("conv3d", kThree);
    EXPECT_TRUE(runs(kThree, named));
  }
  const PrecisionScope allowed(Precision::tf32);
  const ImplementationScope rule;
  EXPECT_TRUE(runs(kTf32, rule));
}

TEST(Conv3dTensorCore, LeavesOtherShapesToOthers) {
  const PrecisionScope allowed(Precision::tf32);
  const auto runs = [&](const std::array<int64_t, 3>& kernel, const Conv3dParams& params) {
    const ImplementationScope named("conv3d", kThree);
    conv3d(Tensor::zeros({1, 2, 3, 6, 6}, DType::f32, Device::simt()),
           Tensor::zeros({2, 2, kernel[0], kernel[1], kernel[2]}, DType::f32, Device::simt()), {}, params);
    return named.used("conv3d", kThree);
  };
  EXPECT_TRUE(runs({3, 3, 3}, {.padding = {1, 1, 1}}));
  EXPECT_TRUE(runs({1, 1, 1}, {}));
  EXPECT_FALSE(runs({3, 3, 3}, {.padding = {0, 1, 1}}));
  EXPECT_FALSE(runs({1, 3, 3}, {.stride = {1, 2, 2}, .padding = {0, 1, 1}}));
  EXPECT_FALSE(runs({1, 3, 3}, {.padding = {0, 0, 0}}));
  EXPECT_FALSE(runs({3, 1, 1}, {.padding = {1, 0, 0}}));
  EXPECT_FALSE(runs({1, 5, 5}, {.padding = {0, 2, 2}}));
}

}  // namespace
}  // namespace primal
