#include "nn/mse_loss/mse_loss.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

TEST(MseLoss, IsProven) { expect_op_proven(mse_loss_info()); }

TEST(MseLoss, MatchesHandArithmetic) {
  const Variable x(Tensor::from(Shape{2, 2}, std::vector<double>{1, 2, 3, 4}), true);
  const Variable target(Tensor::from(Shape{2, 2}, std::vector<double>{1, 0, 4, 1}), true);
  const Variable y = mse_loss(x, target);
  EXPECT_EQ(y.shape(), Shape{});
  EXPECT_EQ(y.value().item(), (0.0 + 4.0 + 1.0 + 9.0) / 4.0);
  y.backward();
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0, 1, -0.5, 1.5}));
  EXPECT_EQ(target.grad().to_doubles(), (std::vector<double>{0, -1, 0.5, -1.5}));
}

TEST(MseLoss, SumsInDouble) {
  // In f32 a running sum of ones stops at 2^24.
  const Tensor ones = Tensor::full({(1 << 24) + 1024}, 1.0);
  EXPECT_EQ(mse_loss(ones, Tensor::zeros(ones.shape())).value().item(), 1.0);
}

TEST(MseLoss, GivesTheSameBitsForAnyThreadCount) {
  const OpCase op_case{"many", {}, {{"x", {200000}}, {"target", {200000}}}};
  const TensorMap inputs = make_inputs(op_case, DType::f64);
  const int before = num_threads();
  std::vector<double> losses;
  for (int n : {1, 2, 5}) {
    set_num_threads(n);
    losses.push_back(mse_loss(inputs.at("x"), inputs.at("target")).value().item());
  }
  set_num_threads(before);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

TEST(MseLoss, NamesBothTensorsWhereTheyDiffer) {
  const auto message_of = [](const Tensor& x, const Tensor& target) -> std::string {
    try {
      mse_loss(x, target);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})),
            "[mse_loss] x and target differ: x=f32[2,3] target=f32[3,2]");
  EXPECT_EQ(message_of(Tensor::zeros({2}), Tensor::zeros({2}, DType::f64)),
            "[mse_loss] x and target differ: x=f32[2] target=f64[2]");
  EXPECT_EQ(message_of(Tensor::zeros({0, 2}), Tensor::zeros({0, 2})),
            "[mse_loss] x has no elements: f32[0,2]");
}

TEST(MseLoss, StaysOnItsDeviceAndRefusesTwo) {
  const Tensor x = Tensor::full({3}, 2.0, DType::f32, Device::simt());
  EXPECT_EQ(mse_loss(x, x).value().device(), Device::simt());
  try {
    mse_loss(x, Tensor::zeros({3}));
    ADD_FAILURE() << "no error";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(), "[mse_loss] its inputs live on different devices: [3] on simt, [3] on cpu");
  }
}

}  // namespace
}  // namespace primal
