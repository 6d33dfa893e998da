// The CUDA kernels of conv3d on the emulation, beyond the corner cases that apps/device_ops_test.cpp runs:
// several tiles, splits and parts; every order of threads; races.
#include <algorithm>
#include <fmt/core.h>
#include <functional>
#include <gtest/gtest.h>

#include "nn/concat/concat.h"
#include "nn/conv3d/conv3d.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/libraries/conv3d_cudnn.h"
#include "support/op_test.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/simt/emulated_device.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

OpCase make_case(std::string name, const Shape& x, int64_t n_out, int64_t side, int64_t stride = 1) {
  const std::array<int64_t, 3> strides{1, stride, stride}, padding{0, side / 2, side / 2};
  return {std::move(name),
          {{"stride", strides}, {"padding", padding}},
          {{"x", x}, {"weight", {n_out, x[1], 1, side, side}}, {"bias", {n_out}}}};
}

// Results and gradients in f32, for a random upstream gradient.
OpResult run(const OpCase& op_case, std::string_view implementation, Device device) {
  const OpInfo info = conv3d_info();
  const ImplementationScope scope("conv3d", implementation);
  const TensorMap inputs = make_inputs(op_case, DType::f32);
  const TensorMap outputs = info.run({inputs, op_case.attrs, {}, op_case.name, {}, device}).outputs;
  const TensorMap upstream = make_upstream(info.results, outputs);
  OpResult result = info.run({inputs, op_case.attrs, upstream, op_case.name, {}, device});
  EXPECT_TRUE(scope.used("conv3d", implementation));
  return result;
}

// Those of the emulation, one after the other.
std::vector<double> run_emulated(const OpCase& op_case, std::string_view implementation) {
  const OpResult result = run(op_case, implementation, Device::simt());
  std::vector<double> all = result.outputs.at("y").to_doubles();
  for (const auto& [name, grad] : result.grads) {
    const std::vector<double> values = grad.to_doubles();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

TEST(Conv3dCuda, OnlyWhatAnIntCanCountIsForCudnn) {
  constexpr int64_t kLarge = int64_t{1} << 15;
  EXPECT_TRUE(cuda::conv3d_fits_int({{1, 1, 1, kLarge, kLarge}, {1, 1, 1, 3, 3}, {}}));
  EXPECT_FALSE(cuda::conv3d_fits_int({{2, 1, 1, kLarge, kLarge}, {1, 1, 1, 3, 3}, {{1, 2, 2}, {}}})) << "x";
  EXPECT_FALSE(cuda::conv3d_fits_int({{1, 1, 1, kLarge, kLarge}, {64, 1, 1, 3, 3}, {}})) << "y";
  EXPECT_TRUE(cuda::conv3d_fits_int({{1, 1, 1, kLarge, kLarge}, {64, 1, 1, 3, 3}, {{1, 8, 8}, {}}}));
  EXPECT_FALSE(cuda::conv3d_fits_int({{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}, {{1, 1, 1}, {0, kLarge, kLarge}}}))
      << "y";
  EXPECT_FALSE(cuda::conv3d_fits_int({{1, 2 * kLarge, 1, 1, 1}, {kLarge, 2 * kLarge, 1, 1, 1}, {}}))
      << "weight";
  EXPECT_FALSE(cuda::conv3d_fits_int({{0, 1, 1, 4, 4}, {1, 1, 1, 1, 1}, {}})) << "nothing to do";
}

TEST(Conv3dCuda, AgreesWithTheReferenceWhereChannelsAndPixelsAreSplit) {
  for (const OpCase& op_case : {
           make_case("two splits of 16 and 4 channels, two tiles in a part", {2, 20, 1, 90, 130}, 5, 3),
           make_case("five splits, two blocks of output channels", {1, 36, 2, 6, 37}, 40, 3),
           make_case("pointwise, many rows", {1, 12, 3, 83, 71}, 3, 1),
           make_case("pointwise, wide", {1, 45, 1, 7, 13}, 70, 1),
       }) {
    SCOPED_TRACE(op_case.name);
    const OpResult expected = run(op_case, kReference, Device{});
    const OpResult got = run(op_case, "tiled", Device::simt());
    // measured at most 3.6e-7
    EXPECT_LE(relative_l2(got.outputs.at("y"), expected.outputs.at("y")), 2e-6);
    for (const auto& [name, grad] : expected.grads)
      EXPECT_LE(relative_l2(got.grads.at(name), grad), 2e-6) << name;
  }
}

TEST(Conv3dCuda, BitsDoNotDependOnTheOrderOfThreadsAndNothingRaces) {
  const OpCase square = make_case("square", {1, 10, 1, 5, 35}, 34, 3),
               pointwise = make_case("pointwise", {1, 10, 1, 5, 35}, 34, 1),
               strided = make_case("strided", {2, 2, 1, 7, 6}, 3, 3, 2),
               two_tiles = make_case("two tiles in a part of the weight gradient", {1, 2, 1, 531, 3}, 5, 3);
  for (const auto& [op_case, implementation] :
       {std::pair{square, "tiled"}, {pointwise, "tiled"}, {two_tiles, "tiled"}, {strided, "direct"}}) {
    SCOPED_TRACE(op_case.name);
    const std::vector<double> bits = simt::same_in_all_orders(
        "conv3d", [&, &which = op_case, name = implementation] { return run_emulated(which, name); });
    const simt::Recording recording;
    EXPECT_EQ(run_emulated(op_case, implementation), bits);
    EXPECT_FALSE(recording.launches().empty());
    EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
  }
}

// x with zeros in all but some of its rows of `row` elements.
Tensor only(const Tensor& x, int64_t row, const std::function<bool(int64_t)>& wanted) {
  const Tensor masked = x.clone();
  for (int64_t i = 0; i < masked.numel(); ++i) {
    if (!wanted(i / row)) masked.data<float>()[i] = 0.0f;
  }
  return masked;
}

// Each split has 8 of 64 channels: where the others are zero, its part is the result.
TEST(Conv3dCuda, AClusterAddsTheSplitsInOrder) {
  const OpCase op_case = make_case("eight splits", {1, 64, 1, 16, 32}, 32, 3);
  TensorMap inputs = make_inputs(op_case, DType::f32);
  inputs.erase("bias");
  const OpInfo info = conv3d_info();
  const PrecisionScope allowed(Precision::tf32);
  for (const char* implementation : {"tiled", "tensor_core", "tensor_core_3x"}) {
    SCOPED_TRACE(implementation);
    const ImplementationScope scope("conv3d", implementation);
    const auto y_of = [&](const Tensor& x) {
      return info
          .run({{{"x", x}, {"weight", inputs.at("weight")}}, op_case.attrs, {}, "", {}, Device::simt()})
          .outputs.at("y")
          .to(Device{});
    };
    std::vector<float> expected(32 * 16 * 32, 0.0f);
    for (int64_t split = 0; split < 8; ++split) {
      const Tensor part =
          y_of(only(inputs.at("x"), 16 * 32, [&](int64_t channel) { return channel / 8 == split; }));
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += part.data<float>()[i];
    }
    const Tensor y = y_of(inputs.at("x"));
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(y.data<float>()[i], expected[i]) << i;
  }
}

// Each part has two of eight rows: where the gradient is zero in the others, it is the result.
TEST(Conv3dCuda, AClusterAddsThePartsOfWeightGradientsInOrder) {
  const OpCase op_case = make_case("four parts", {1, 20, 1, 8, 32}, 24, 3);
  const TensorMap inputs = make_inputs(op_case, DType::f32);
  const OpInfo info = conv3d_info();
  const Tensor upstream = make_inputs({"up", {}, {{"y", {1, 24, 1, 8, 32}}}}, DType::f32).at("y");
  for (const char* implementation : {"tiled", "tensor_core_3x"}) {
    const ImplementationScope scope("conv3d", implementation);
    for (const char* name : {"weight", "bias"}) {
      SCOPED_TRACE(fmt::format("{} {}", implementation, name));
      const auto gradient_of = [&](const Tensor& up) {
        return info.run({inputs, op_case.attrs, {{"y", up}}, "", {}, Device::simt()})
            .grads.at(name)
            .to(Device{});
      };
      const Tensor whole = gradient_of(upstream);
      std::vector<double> expected(static_cast<size_t>(whole.numel()), 0.0);
      for (int64_t part = 0; part < 4; ++part) {
        const Tensor one =
            gradient_of(only(upstream, 2 * 32, [&](int64_t rows) { return rows % 4 == part; }));
        for (size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<double>(one.data<float>()[i]);
      }
      for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(whole.data<float>()[i], static_cast<float>(expected[i])) << i;
    }
  }
}

// Where the gradient of x is wanted too, its launch adds the parts of the gradients of weight and bias.
TEST(Conv3dCuda, PartsAddedBesideTheGradientOfXHaveTheSameBits) {
  const PrecisionScope allowed(Precision::tf32);
  for (const OpCase& op_case :
       {make_case("few parts", {1, 20, 1, 40, 32}, 34, 3), make_case("many parts", {1, 3, 1, 100, 64}, 5, 3),
        make_case("pointwise", {2, 35, 1, 27, 31}, 4, 1)}) {
    const TensorMap inputs = make_inputs(op_case, DType::f32);
    const auto there = [&](const char* name) { return inputs.at(name).to(Device::simt()); };
    const Conv3dParams params{op_case.attrs.at("stride").get<std::array<int64_t, 3>>(),
                              op_case.attrs.at("padding").get<std::array<int64_t, 3>>()};
    for (const char* implementation : {"tiled", "tensor_core", "tensor_core_3x"}) {
      SCOPED_TRACE(fmt::format("{} {}", op_case.name, implementation));
      const ImplementationScope scope("conv3d", implementation);
      const auto gradients = [&](bool of_x) {
        const Variable x(there("x"), of_x), weight(there("weight"), true), bias(there("bias"), true);
        const Variable y = conv3d(x, weight, bias, params);
        y.backward(make_inputs({"up", {}, {{"y", y.shape()}}}, DType::f32).at("y").to(Device::simt()));
        std::vector<double> all = weight.grad().to_doubles();
        const std::vector<double> of_bias = bias.grad().to_doubles();
        all.insert(all.end(), of_bias.begin(), of_bias.end());
        return all;
      };
      EXPECT_EQ(gradients(true), gradients(false));
      const simt::OperationCount count;
      gradients(true);
      EXPECT_EQ(std::ranges::count(count.operations(), "conv3d_add_parts"), 0);
      gradients(false);
      EXPECT_EQ(std::ranges::count(count.operations(), "conv3d_add_parts"), 1);
    }
  }
}

// The picture's gradient is not wanted, and x has one channel: a kernel of its own.
TEST(Conv3dCuda, OneChannelHasAGradientOfWeightsOfItsOwn) {
  const PrecisionScope allowed(Precision::tf32);
  for (const OpCase& op_case :
       {make_case("odd", {2, 1, 3, 19, 45}, 37, 3), make_case("parts", {1, 1, 1, 90, 130}, 32, 3)}) {
    const OpResult expected = run(op_case, kReference, Device{});
    for (const char* implementation : {"tiled", "tensor_core", "tensor_core_3x"}) {
      SCOPED_TRACE(fmt::format("{} {}", op_case.name, implementation));
      const simt::Recording recording;
      const OpResult got = run(op_case, implementation, Device::simt());
      // As in float32 with --precision tf32 too: nothing is rounded.
      for (const char* name : {"weight", "bias"})
        EXPECT_LE(relative_l2(got.grads.at(name), expected.grads.at(name)), 2e-6) << name;
      const std::vector<simt::LaunchCounters> kernels = simt::sum_by_kernel(recording.launches());
      EXPECT_EQ(
          std::ranges::count(kernels, "conv3d_backward_weights_one_channel", &simt::LaunchCounters::name), 1);
      EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
    }
  }
}

TEST(Conv3dCuda, DevicesWithoutClustersAddTheSameInOneLaunchMore) {
  const PrecisionScope allowed(Precision::tf32);
  const auto sums = [](const OpCase& op_case, const char* implementation) {
    const simt::OperationCount count;
    run_emulated(op_case, implementation);
    return std::ranges::count_if(count.operations(), [](const std::string& name) {
      return name == "conv3d_sum_of_splits" || name == "conv3d_add_parts";
    });
  };
  for (const OpCase& op_case :
       {make_case("square", {1, 70, 1, 8, 35}, 34, 3), make_case("pointwise", {1, 19, 1, 8, 35}, 40, 1)}) {
    for (const char* implementation : {"tiled", "tensor_core", "tensor_core_3x"}) {
      SCOPED_TRACE(fmt::format("{} {}", op_case.name, implementation));
      const std::vector<double> in_clusters = run_emulated(op_case, implementation);
      EXPECT_EQ(sums(op_case, implementation), 0);
      const simt::EmulatedSetting older(simt::emulated_capability, 8);
      EXPECT_EQ(run_emulated(op_case, implementation), in_clusters);
      EXPECT_GE(sums(op_case, implementation), 2);  // forward and data, which adds the parts of weights
    }
  }
}

// What surrounds a library's convolution, against plain loops: three channels and two, more pixels
// than a block has threads.
TEST(Conv3dCuda, JoinsSplitsGatesAndFinishes) {
  const Exec exec = exec_on(Device::simt());
  const Conv3dElementwise& kernels = simt::conv3d_elementwise;
  const auto values = [](const char* name, const Shape& shape) {
    return make_inputs({name, {}, {{name, shape}}}, DType::f32).at(name);
  };
  const auto on_device = [](const Tensor& x) { return x.to(Device::simt()); };
  const auto read = [](const Tensor& x) { return x.device_view5<const float>(); };
  const auto write = [](const Tensor& x) { return x.device_view5<float>(); };
  const Tensor a = values("a", {2, 3, 1, 17, 19}), b = values("b", {2, 2, 1, 17, 19});
  const Tensor first = on_device(a), second = on_device(b);
  const Tensor whole = Tensor::empty({2, 5, 1, 17, 19}, DType::f32, Device::simt());
  kernels.join(exec, {read(first), read(second)}, write(whole));
  EXPECT_EQ(whole.to_doubles(), concat({a, b}, 1).value().to_doubles());

  const Tensor once = Tensor::empty(a.shape(), DType::f32, Device::simt()),
               twice = Tensor::empty(b.shape(), DType::f32, Device::simt());
  const ChannelParts<float> parts{write(once), write(twice)};
  kernels.split(exec, read(whole), false, parts);
  EXPECT_EQ(once.to_doubles(), a.to_doubles());
  EXPECT_EQ(twice.to_doubles(), b.to_doubles());
  kernels.split(exec, read(whole), true, parts);
  const auto doubled = [](std::vector<double> of) {
    for (double& v : of) v *= 2.0;
    return of;
  };
  EXPECT_EQ(once.to_doubles(), doubled(a.to_doubles()));
  EXPECT_EQ(twice.to_doubles(), doubled(b.to_doubles()));

  const Tensor bias = values("bias", {3}), bias_there = on_device(bias);
  std::vector<double> u = a.to_doubles(), masked = a.to_doubles();
  const float slope = 0.25f;
  for (size_t i = 0; i < u.size(); ++i) {
    const float sum = bias.data<float>()[i / (17 * 19) % 3] + a.data<float>()[i];
    u[i] = static_cast<double>(sum > 0.0f ? sum : slope * sum);
    if (u[i] <= 0.0) masked[i] *= 0.25;
  }
  const Tensor y = on_device(a);
  kernels.finish(exec, bias_there.device_view<const float, 1>(), slope, write(y));
  EXPECT_EQ(y.to_doubles(), u);
  kernels.mask(exec, {read(first), y.device_span<const float>().data(), slope}, write(once));
  EXPECT_EQ(once.to_doubles(), masked);
}

TEST(Conv3dCuda, ChannelsLastAndBack) {
  const Exec exec = exec_on(Device::simt());
  const auto values = [](const char* name, const Shape& shape) {
    return make_inputs({name, {}, {{name, shape}}}, DType::f32).at(name);
  };
  const int64_t n_pixels = 7 * 10;
  const Tensor a = values("a", {2, 35, 1, 7, 10}), b = values("b", {2, 4, 1, 7, 10});
  const Tensor whole = concat({a, b}, 1).value();
  const Tensor first = a.to(Device::simt()), second = b.to(Device::simt());
  const Tensor last = Tensor::empty({2, n_pixels, 39}, DType::f32, Device::simt());
  simt::conv3d_channels_last.to_last(exec,
                                     {first.device_view5<const float>(), second.device_view5<const float>()},
                                     last.device_span<float>());
  std::vector<double> expected;
  for (int64_t i = 0; i < 2 * n_pixels * 39; ++i) {
    const int64_t c = i % 39, pixel = i / 39 % n_pixels, image = i / (39 * n_pixels);
    const int64_t at = (image * 39 + c) * n_pixels + pixel;
    expected.push_back(static_cast<double>(whole.data<float>()[static_cast<size_t>(at)]));
  }
  EXPECT_EQ(last.to_doubles(), expected);
  const Tensor back = Tensor::empty(whole.shape(), DType::f32, Device::simt());
  const simt::Recording recording({.races = false});
  simt::conv3d_channels_last.from_last(exec, last.device_span<const float>(), back.device_view5<float>());
  EXPECT_EQ(back.to_doubles(), whole.to_doubles());
  // The tiles of both images along x: along y and z a grid may have no more than 65535 blocks.
  EXPECT_EQ(recording.launches().at(0).counters.grid, (std::array<unsigned, 3>{2 * 3 * 2, 1, 1}));
}

TEST(Conv3dCuda, WantsItsInputsOnOneDevice) {
  const Variable x = Tensor::zeros({1, 2, 1, 4, 4}), weight = Tensor::zeros({3, 2, 1, 3, 3});
  EXPECT_THROW(conv3d(x.value().to(Device::simt()), weight), DeviceError);
  EXPECT_THROW(conv3d(x, weight, Tensor::zeros({3}, DType::f32, Device::simt())), DeviceError);
}

}  // namespace
}  // namespace primal
