// The opponent channels of pictures in colour.
#include "data/preprocess/opponent.h"

#include <cmath>
#include <gtest/gtest.h>

#include "data/preprocess/preprocess.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

Tensor random_rgb(int64_t height, int64_t width, uint64_t seed) {
  const Tensor rgb = Tensor::empty({3, 1, 1, height, width});
  const RandomStream random(seed, RandomPurpose::noise, 0, 0);
  for (size_t i = 0; i < rgb.span<float>().size(); ++i)
    rgb.span<float>()[i] = static_cast<float>(random.uniform(static_cast<uint32_t>(i)));
  return rgb;
}

Tensor pixel(float r, float g, float b) {
  const Tensor rgb = Tensor::empty({3, 1, 1, 1, 1});
  rgb.span<float>()[0] = r;
  rgb.span<float>()[1] = g;
  rgb.span<float>()[2] = b;
  return rgb;
}

double square_distance(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.span<const float>().size(); ++i)
    sum += std::pow(double{a.span<const float>()[i]} - b.span<const float>()[i], 2);
  return sum;
}

TEST(Opponent, IsTheFormulaOfTheHeader) {
  const Tensor y = to_opponent(pixel(0.9F, 0.2F, 0.4F));
  EXPECT_NEAR(y.span<const float>()[0], 0.5, 1e-7);
  EXPECT_NEAR(y.span<const float>()[1], 0.5 + 0.5 / std::sqrt(6.0), 1e-7);
  EXPECT_NEAR(y.span<const float>()[2], 0.5 + 0.9 / std::sqrt(18.0), 1e-7);
}

TEST(Opponent, ComesBack) {
  const Tensor rgb = random_rgb(7, 5, 1), back = from_opponent(to_opponent(rgb));
  for (size_t i = 0; i < rgb.span<const float>().size(); ++i)
    ASSERT_NEAR(back.span<const float>()[i], rgb.span<const float>()[i], 3e-7) << i;  // measured 1.2e-7
}

// Rows that are orthogonal and of length 1 / sqrt(3): all distances are those of R, G and B over sqrt(3).
TEST(Opponent, KeepsDistancesButForOneFactor) {
  for (const uint64_t seed : {1U, 2U, 3U}) {
    const Tensor a = random_rgb(9, 8, seed), b = random_rgb(9, 8, seed + 10);
    EXPECT_NEAR(square_distance(to_opponent(a), to_opponent(b)) / square_distance(a, b),
                kOpponentScale * kOpponentScale, 1e-6);
  }
}

TEST(Opponent, StaysBetweenZeroAndOne) {
  for (int corner = 0; corner < 8; ++corner) {
    const Tensor y = to_opponent(pixel(static_cast<float>(corner & 1), static_cast<float>(corner >> 1 & 1),
                                       static_cast<float>(corner >> 2)));
    for (const float value : y.span<const float>()) {
      EXPECT_GE(value, 0.0F) << corner;
      EXPECT_LE(value, 1.0F + 1e-6F) << corner;
    }
  }
}

TEST(Opponent, AGreyPictureHasConstantChroma) {
  const Tensor grey = random_rgb(4, 6, 5).slice(0, 1), rgb = Tensor::empty({3, 1, 1, 4, 6});
  for (int64_t c = 0; c < 3; ++c) rgb.slice(c, c + 1).copy_from(grey);
  const Tensor y = to_opponent(rgb);
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(y.span<const float>()[i], grey.span<const float>()[i], 1e-7);
    EXPECT_NEAR(y.span<const float>()[24 + i], 0.5, 1e-7);
    EXPECT_NEAR(y.span<const float>()[48 + i], 0.5, 1e-7);
  }
}

TEST(Opponent, ChannelsOfPicturesAreThoseOfTensors) {
  for (const int depth : {8, 16}) {
    Image image(6, 5, 3, depth);
    const Tensor rgb = random_rgb(5, 6, 7), exact = Tensor::empty(rgb.shape());
    for (size_t i = 0; i < 30; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        image.levels[3 * i + c] = static_cast<uint16_t>(
            std::lround(double{rgb.span<const float>()[c * 30 + i]} * image.max_level()));
        exact.span<float>()[c * 30 + i] =
            static_cast<float>(image.levels[3 * i + c]) / static_cast<float>(image.max_level());
      }
    }
    const Tensor y = to_opponent(exact);
    for (int c = 0; c < 3; ++c) {
      const Image channel = opponent_channel(image, c);
      ASSERT_EQ(channel.bit_depth, 16);
      const Tensor values = to_tensor(channel);
      for (size_t i = 0; i < 30; ++i)
        ASSERT_NEAR(values.span<const float>()[i], y.span<const float>()[static_cast<size_t>(c) * 30 + i],
                    0.51 / 65535)
            << depth << " bit, channel " << c;
    }
  }
}

TEST(Opponent, RefusesWhatIsNotInColour) {
  EXPECT_THROW(to_opponent(Tensor::zeros({1, 1, 1, 4, 4})), ShapeError);
  EXPECT_THROW(to_opponent(Tensor::zeros({3, 1, 1, 4, 4}, DType::f64)), ShapeError);
  EXPECT_THROW(from_opponent(Tensor::zeros({3, 4, 4})), ShapeError);
  EXPECT_THROW(opponent_channel(Image(4, 4, 1), 0), ShapeError);
  EXPECT_THROW(opponent_channel(Image(4, 4, 3), 3), ShapeError);
}

}  // namespace
}  // namespace primal
