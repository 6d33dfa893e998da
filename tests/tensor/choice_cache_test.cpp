// A library is asked once for each geometry, and what trying has shown replaces its answer.
#include "tensor/vendor/choice_cache.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace primal {
namespace {

TEST(ChoiceCache, AsksOncePerKey) {
  ChoiceCache<std::string> cache;
  int asked = 0;
  const auto ask = [&] { return "answer " + std::to_string(++asked); };
  EXPECT_EQ(cache.get({1, 2}, ask), "answer 1");
  EXPECT_EQ(cache.get({1, 2}, ask), "answer 1");
  EXPECT_EQ(cache.get({1, 3}, ask), "answer 2");
  EXPECT_EQ(cache.get({1}, ask), "answer 3");
  EXPECT_EQ(asked, 3);
}

TEST(ChoiceCache, KeepsWhatTryingHasShown) {
  ChoiceCache<int> cache;
  EXPECT_EQ(cache.get({7}, [] { return 1; }), 1);
  cache.put({7}, 2);
  EXPECT_EQ(cache.get({7}, [] { return 3; }), 2);
}

TEST(ChoiceCache, KeepsNothingOfAnAnswerThatFailed) {
  ChoiceCache<int> cache;
  EXPECT_THROW(cache.get({7}, []() -> int { throw std::runtime_error("no device"); }), std::runtime_error);
  EXPECT_EQ(cache.get({7}, [] { return 4; }), 4);
}

}  // namespace
}  // namespace primal
