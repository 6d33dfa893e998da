#include "nn/unrolled_tv/unrolled_tv.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Tensor random_picture(const Shape& shape, uint32_t sample) {
  const Tensor t = Tensor::empty(shape, DType::f64);
  RandomStream(5, RandomPurpose::test, 0, sample).fill_uniform(t, 0.0, 1.0);
  return t;
}

TEST(UnrolledTv, ModelAndTrainingAgreeWithFloat64) {
  expect_op_proven(thesis_model_info());
  expect_op_proven(thesis_training_info());
}

// The proof of the whole machine: through MSE, T iterations, the map and the network, to every parameter.
TEST(UnrolledTv, GradientOfEveryParameterMatchesCentralDifferences) {
  for (const bool bounded : {false, true}) {
    UnrolledTvOptions options;
    options.unet = {.filters = 2, .blocks = 1};
    options.n_iter = 7;
    options.up_bound = bounded ? 0.5 : 0.0;
    options.start = bounded ? PdhgStart::zero : PdhgStart::noisy;
    options.boundary = bounded ? Boundary::symmetric : Boundary::periodic;
    Initialiser init(2, DType::f64);
    const UnrolledTv model(options, init);
    const Tensor z = random_picture({2, 1, 1, 7, 6}, 1), clean = random_picture({2, 1, 1, 7, 6}, 2);

    NamedGradcheck check;
    std::vector<Tensor> values;
    for (const auto& [name, parameter] : model.parameters()) {
      check.names.push_back(name);
      // sigmoid(10) is flat to 5e-5: move the raw steps to where they matter.
      if (name.starts_with("pdhg.")) parameter.value().fill(0.5);
      values.push_back(parameter.value().clone());
    }
    const auto put = [&](const std::vector<Tensor>& list) {
      for (size_t i = 0; i < list.size(); ++i) model.parameters()[i].second.value().copy_from(list[i]);
    };
    check.loss = [&](const std::vector<Tensor>& list) {
      put(list);
      const NoGrad no_grad;
      return mse_loss(model.forward(z).denoised, clean).value();
    };
    check.gradients = [&](const std::vector<Tensor>& list) {
      put(list);
      model.zero_grad();
      mse_loss(model.forward(z).denoised, clean).backward();
      std::vector<Tensor> grads;
      for (const auto& [name, parameter] : model.parameters()) grads.push_back(parameter.grad().clone());
      return grads;
    };
    // The loss is about 0.1 and its gradients about 1e-3: a tolerance that sees them.
    const CheckReport report =
        gradcheck(check, values, {.step = 1e-5, .tolerance = 1e-8, .max_elements = 16});
    EXPECT_TRUE(report.ok) << report.message;
    EXPECT_GT(report.n_points, 100);
  }
}

TEST(UnrolledTv, PadsForTheNetworkOnlyAndCropsTheMapBack) {
  UnrolledTvOptions options;
  options.unet = {.filters = 2, .blocks = 2};
  options.n_iter = 3;
  Initialiser init(2, DType::f64);
  const UnrolledTv model(options, init);
  // 7 rows become 8 by one more at the end, the reflection of the last but one; 4 columns stay.
  const Tensor z = random_picture({1, 1, 1, 7, 4}, 1), padded = Tensor::empty({1, 1, 1, 8, 4}, DType::f64);
  std::copy_n(z.data<double>(), 28, padded.data<double>());
  std::copy_n(z.data<double>() + 20, 4, padded.data<double>() + 28);
  const std::vector<double> whole = model.map_of(padded).value().to_doubles();
  const UnrolledTv::Result result = model.forward(z);
  EXPECT_EQ(result.lambda.value().to_doubles(), std::vector<double>(whole.begin(), whole.begin() + 28));
  EXPECT_EQ(result.denoised.shape(), z.shape());
}

TEST(UnrolledTv, TakesPicturesDownToOnePixel) {
  Initialiser init;
  const UnrolledTv model({.unet = {.filters = 2, .blocks = 3}, .n_iter = 4}, init);
  for (const Shape& shape : {Shape{1, 1, 1, 1, 1}, Shape{1, 1, 1, 1, 19}, Shape{2, 1, 1, 5, 3}}) {
    const UnrolledTv::Result result = model.forward(random_picture(shape, 3).to(DType::f32));
    EXPECT_EQ(result.denoised.shape(), shape);
    for (const double v : result.denoised.value().to_doubles()) EXPECT_TRUE(std::isfinite(v));
  }
}

// Where the picture is periodic, what happens at one edge reaches the opposite one; where it is symmetric, it
// does not.
TEST(UnrolledTv, OppositeEdgesPullAtEachOtherOnlyWhereThePictureIsPeriodic) {
  const Shape shape{2, 1, 1, 9, 40};
  const Tensor z = random_picture(shape, 3), changed = z.clone();
  for (int64_t h = 0; h < 18; ++h) changed.data<double>()[h * 40 + 39] += 0.5;  // the last column
  const Tensor map = Tensor::full({2, 1, 1, 9, 40}, 0.2, DType::f64);
  for (const Boundary boundary : {Boundary::periodic, Boundary::symmetric}) {
    UnrolledTvOptions options;
    options.unet = {.filters = 2, .blocks = 1};
    options.n_iter = 12;  // what is 39 columns apart has not met yet
    options.boundary = boundary;
    Initialiser init(2, DType::f64);
    const UnrolledTv model(options, init);
    const auto first_column = [&](const Tensor& picture) {
      const Tensor x = model.solve(picture, map).value();
      std::vector<double> column;
      for (int64_t h = 0; h < 18; ++h) column.push_back(x.data<double>()[h * 40]);
      return column;
    };
    EXPECT_EQ(first_column(z) == first_column(changed), boundary == Boundary::symmetric);
  }
}

TEST(UnrolledTv, TilesTakeTheBoundaryToo) {
  UnrolledTvOptions options;
  options.unet = {.filters = 2, .blocks = 1};
  options.n_iter = 10;
  options.boundary = Boundary::symmetric;
  Initialiser init(2);
  const UnrolledTv model(options, init);
  const Tensor z = random_picture({1, 1, 1, 40, 33}, 4).to(DType::f32);
  const NoGrad no_grad;
  const std::vector<double> whole = model.forward(z).denoised.value().to_doubles(),
                            tiled = model.forward(z, 16).denoised.value().to_doubles();
  for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(whole[i], tiled[i], 1e-6);
}

TEST(UnrolledTv, StepsStartJustBelowOneOverL) {
  Initialiser init;
  const UnrolledTv learnt({.unet = {.filters = 1, .blocks = 0}}, init);
  EXPECT_NEAR(learnt.steps().sigma, 1.0 / 3.0 * 0.9999546, 1e-6);
  EXPECT_NEAR(learnt.steps().theta, 0.9999546, 1e-6);
  const UnrolledTv fixed({.unet = {.filters = 1, .blocks = 0}, .learn_steps = false}, init);
  EXPECT_DOUBLE_EQ(fixed.steps().tau, 1.0 / 3.0);
  EXPECT_EQ(fixed.steps().theta, 1.0);
  EXPECT_EQ(learnt.n_parameters(), fixed.n_parameters() + 3);
}

TEST(ReferenceLayout, GoesThereAndBack) {
  const Tensor kernel = Tensor::empty({2, 3, 4, 5, 6});
  RandomStream(1, RandomPurpose::test).fill_normal(kernel);
  const TensorMap state = {{"weight", kernel}, {"bias", Tensor::zeros({2})}};
  const TensorMap there = to_reference_layout(state);
  EXPECT_EQ(there.at("weight").shape(), (Shape{2, 3, 5, 6, 4}));
  // (o,c,d,h,w) -> (o,c,h,w,d)
  EXPECT_EQ((there.at("weight").view5<const float>()(1, 2, 4, 5, 3)),
            (kernel.view5<const float>()(1, 2, 3, 4, 5)));
  EXPECT_EQ(from_reference_layout(there).at("weight").to_doubles(), kernel.to_doubles());
}

}  // namespace
}  // namespace primal
