#include "data/classification/classification.h"

#include <cmath>
#include <gtest/gtest.h>

#include "data/metrics/fit_scores.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

// truth 0: 5 right, 1 taken for 1;  truth 1: 2 taken for 0, 3 right, 1 for 2;  truth 2: 4 for 1, 4 right
ConfusionMatrix example() {
  ConfusionMatrix c(3);
  c.add(0, 0, 5), c.add(0, 1), c.add(1, 0, 2), c.add(1, 1, 3), c.add(1, 2), c.add(2, 1, 4), c.add(2, 2, 4);
  return c;
}

TEST(ConfusionMatrix, HasTheScoresThatHandsCompute) {
  const ConfusionMatrix c = example();
  EXPECT_EQ(c.n(), 20);
  EXPECT_EQ(c.n_of(1), 6);
  EXPECT_EQ(c.n_taken_for(1), 8);
  EXPECT_DOUBLE_EQ(c.accuracy(), 12.0 / 20.0);
  EXPECT_DOUBLE_EQ(c.scores_of(0).precision, 5.0 / 7.0);
  EXPECT_DOUBLE_EQ(c.scores_of(0).recall, 5.0 / 6.0);
  EXPECT_DOUBLE_EQ(c.scores_of(0).f1, 10.0 / 13.0);
  EXPECT_DOUBLE_EQ(c.scores_of(1).precision, 3.0 / 8.0);
  EXPECT_DOUBLE_EQ(c.scores_of(2).recall, 0.5);
  EXPECT_DOUBLE_EQ(c.scores_of(2).f1, 8.0 / 13.0);
  EXPECT_NEAR(c.macro().precision, (5.0 / 7 + 3.0 / 8 + 4.0 / 5) / 3, 1e-15);
  EXPECT_NEAR(c.macro().recall, (5.0 / 6 + 1.0 / 2 + 1.0 / 2) / 3, 1e-15);
  EXPECT_NEAR(c.macro().f1, (10.0 / 13 + 6.0 / 14 + 8.0 / 13) / 3, 1e-15);
  EXPECT_NEAR(c.weighted().precision, (6 * 5.0 / 7 + 6 * 3.0 / 8 + 8 * 4.0 / 5) / 20, 1e-15);
  EXPECT_NEAR(c.weighted().recall, c.accuracy(), 1e-15);
  EXPECT_NEAR(c.weighted().f1, (6 * 10.0 / 13 + 6 * 6.0 / 14 + 8 * 8.0 / 13) / 20, 1e-15);
}

// What scikit-learn 1.x prints for y_true = [0, 0, 1, 1], y_pred = [0, 0, 0, 0] and a third class that never
// occurs.
TEST(ConfusionMatrix, CountsZeroOverZeroAsZero) {
  ConfusionMatrix c(3);
  c.add(0, 0, 2), c.add(1, 0, 2);
  EXPECT_EQ(c.scores_of(1).precision, 0.0);
  EXPECT_EQ(c.scores_of(1).f1, 0.0);
  EXPECT_EQ(c.scores_of(2).recall, 0.0);
  EXPECT_DOUBLE_EQ(c.macro().precision, 0.25);  // over the two classes that occur
  EXPECT_DOUBLE_EQ(c.macro().recall, 0.5);
  EXPECT_DOUBLE_EQ(c.macro().f1, 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(c.weighted().precision, 0.25);
  EXPECT_DOUBLE_EQ(c.weighted().f1, 1.0 / 3.0);
}

TEST(ConfusionMatrix, RefusesClassesThatAreNone) {
  ConfusionMatrix c(2);
  EXPECT_TRUE(std::isnan(c.accuracy()));
  EXPECT_TRUE(std::isnan(c.weighted().f1));
  EXPECT_THROW(c.add(2, 0), ShapeError);
  EXPECT_THROW(c.add(0, -1), ShapeError);
  EXPECT_THROW(ConfusionMatrix(1), ShapeError);
}

TEST(FitScores, HaveTheValuesThatHandsCompute) {
  FitScores scores;
  scores.add(Tensor::from<double>({2, 2}, std::vector<double>{0, 1, 1, 0}),
             Tensor::from<double>({2, 2}, std::vector<double>{0.2, 0.4, 0.9, 0.5}));
  EXPECT_EQ(scores.n(), 4);
  EXPECT_NEAR(scores.mse(), (0.04 + 0.36 + 0.01 + 0.25) / 4, 1e-16);
  EXPECT_NEAR(scores.rmse(), std::sqrt(0.165), 1e-16);
  EXPECT_NEAR(scores.mae(), (0.2 + 0.6 + 0.1 + 0.5) / 4, 1e-16);
  EXPECT_NEAR(scores.r2(), 1 - 0.66, 1e-15);
  EXPECT_EQ(scores.soft_accuracy(), 0.75);  // 0.4 rounds to 0; 0.5 to the even number, 0
}

TEST(FitScores, AreAboutTheMeanOfTheWholeSet) {
  const Tensor y = Tensor::empty({6, 50}, DType::f64), f = Tensor::empty({6, 50}, DType::f64);
  RandomStream(1, RandomPurpose::test).fill_uniform(y, 0.0, 1.0);
  for (int64_t i = 0; i < 300; ++i) {
    const int64_t picture = i / 50;
    y.data<double>()[i] += static_cast<double>(picture);  // each picture another mean
  }
  RandomStream(2, RandomPurpose::test).fill_normal(f);
  FitScores at_once, apart;
  at_once.add(y, f);
  for (int64_t k = 0; k < 6; ++k) apart.add(y.slice(k, k + 1), f.slice(k, k + 1));
  EXPECT_NEAR(apart.r2(), at_once.r2(), 1e-13);
  EXPECT_NEAR(apart.mse(), at_once.mse(), 1e-13);
  EXPECT_EQ(apart.soft_accuracy(), at_once.soft_accuracy());
  FitScores single;  // of f32
  single.add(y.to(DType::f32), f.to(DType::f32));
  EXPECT_NEAR(single.r2(), at_once.r2(), 1e-6);
}

TEST(FitScores, OfEqualValuesAreThoseOfScikitLearn) {
  FitScores none, same, other;
  EXPECT_TRUE(std::isnan(none.mse()) && std::isnan(none.r2()) && std::isnan(none.soft_accuracy()));
  const Tensor y = Tensor::full({3}, 0.25);
  same.add(y, y);
  EXPECT_EQ(same.r2(), 1.0);
  other.add(y, Tensor::full({3}, 0.5));
  EXPECT_EQ(other.r2(), 0.0);
  EXPECT_THROW(same.add(y, Tensor::zeros({4})), ShapeError);
  EXPECT_THROW(same.add(y, y.to(DType::f64)), ShapeError);
  EXPECT_THROW(same.add(Tensor::zeros({3}, DType::u8), Tensor::zeros({3}, DType::u8)), ShapeError);
}

}  // namespace
}  // namespace primal
