// The measure: what follows from its definition, and what is refused. Its numbers are those of tests/golden
// and, where the package is installed, of tests/scripts/lpips_test.py.
#include "nn/lpips/lpips.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr LpipsOptions kSmall{.filters = {3, 4, 5, 4, 3}};

Tensor noise(const Shape& shape, uint32_t sample) {
  const Tensor x = Tensor::empty(shape);
  RandomStream(5, RandomPurpose::test, 0, sample).fill_uniform(x, 0.0, 1.0);
  return x;
}

TEST(Lpips, AgreesOnEveryImplementation) { expect_op_proven(lpips_info()); }

TEST(Lpips, HasTheLayersOfAlexNet) {
  Initialiser init;
  const Lpips model({}, init);
  const TensorMap state = model.state();
  EXPECT_EQ(state.at("features.0.weight").shape(), Shape({64, 3, 1, 11, 11}));
  EXPECT_EQ(state.at("features.3.weight").shape(), Shape({192, 64, 1, 5, 5}));
  EXPECT_EQ(state.at("features.6.weight").shape(), Shape({384, 192, 1, 3, 3}));
  EXPECT_EQ(state.at("features.8.weight").shape(), Shape({256, 384, 1, 3, 3}));
  EXPECT_EQ(state.at("features.10.weight").shape(), Shape({256, 256, 1, 3, 3}));
  EXPECT_EQ(state.at("lin4.weight").shape(), Shape({256}));
  EXPECT_EQ(model.n_parameters(), 2469696 + 1152);  // of torchvision's features, and of the heads
}

TEST(Lpips, EqualPicturesAreAtNoDistanceAndOthersAtTheSameBothWays) {
  Initialiser init;
  const Lpips model(kSmall, init);
  const Tensor a = noise({2, 1, 1, 40, 33}, 0), b = noise({2, 1, 1, 40, 33}, 1);
  for (const double d : model.distance(a, a)) EXPECT_EQ(d, 0.0);
  const std::vector<double> there = model.distance(a, b), back = model.distance(b, a);
  EXPECT_EQ(there, back);
  for (const double d : there) EXPECT_GT(d, 0.0);
}

TEST(Lpips, APictureOfABatchHasTheDistanceThatItHasAlone) {
  Initialiser init;
  const Lpips model(kSmall, init);
  const Tensor a = noise({3, 1, 1, 35, 39}, 0), b = noise({3, 1, 1, 35, 39}, 1);
  const std::vector<double> all = model.distance(a, b);
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(model.distance(a.slice(i, i + 1), b.slice(i, i + 1)).front(), all[static_cast<size_t>(i)],
                1e-6 * all[static_cast<size_t>(i)]);
}

TEST(Lpips, AGreyPictureIsOneOfThreeEqualChannels) {
  Initialiser init;
  const Lpips model(kSmall, init);
  const auto coloured = [](const Tensor& grey) {
    const Tensor three = Tensor::empty(grey.shape().with(1, 3));
    for (int64_t c = 0; c < 3; ++c)
      std::ranges::copy(grey.span<const float>(), three.data<float>() + c * grey.numel());
    return three;
  };
  const Tensor a = noise({1, 1, 1, 31, 37}, 0), b = noise({1, 1, 1, 31, 37}, 1);
  EXPECT_EQ(model.distance(a, b), model.distance(coloured(a), coloured(b)));
}

TEST(Lpips, RefusesWhatItCannotCompare) {
  Initialiser init;
  const Lpips model(kSmall, init);
  const auto refused = [&](const Shape& a, const Shape& b) {
    EXPECT_THROW(model.distance(noise(a, 0), noise(b, 1)), ShapeError) << a.str() << b.str();
  };
  refused({1, 1, 1, 30, 31}, {1, 1, 1, 30, 31});
  refused({1, 1, 1, 31, 30}, {1, 1, 1, 31, 30});
  refused({1, 2, 1, 40, 40}, {1, 2, 1, 40, 40});
  refused({1, 1, 2, 40, 40}, {1, 1, 2, 40, 40});
  refused({1, 1, 1, 40, 40}, {1, 1, 1, 40, 41});
  refused({1, 1, 1, 40, 40}, {1, 3, 1, 40, 40});
  refused({40, 40}, {40, 40});
  EXPECT_NO_THROW(model.distance(noise({1, 1, 1, 31, 31}, 0), noise({1, 1, 1, 31, 31}, 1)));
  EXPECT_THROW(Lpips({.filters = {3, 0, 5, 4, 3}}, init), ConfigError);
}

}  // namespace
}  // namespace primal
