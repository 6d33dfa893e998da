#include "nn/module.h"

#include <gtest/gtest.h>
#include <set>

#include "tensor/error.h"

namespace primal {
namespace {

struct Inner : Module {
  explicit Inner(Initialiser& init) : weight(register_parameter("weight", init.fan_in_uniform({2, 3}, 3))) {}
  Variable weight;
};

struct Outer : Module {
  explicit Outer(Initialiser& init)
      : first(init), second(init), mean(register_buffer("mean", Tensor::zeros({2}))) {
    register_module("first", first);
    register_module("second", second);
  }
  Inner first, second;
  Tensor mean;
};

TEST(Module, NamesAndCountsItsParameters) {
  Initialiser init(1);
  const Outer model(init);
  ASSERT_EQ(model.parameters().size(), 2u);
  EXPECT_EQ(model.parameters()[0].first, "first.weight");
  EXPECT_EQ(model.parameters()[1].first, "second.weight");
  EXPECT_EQ(model.n_parameters(), 12);
  EXPECT_EQ(model.state().size(), 3u);  // and the buffer
}

TEST(Module, InitialisesEachParameterWithNumbersOfItsOwnWithinTheBound) {
  Initialiser init(1), same(1), other(2);
  const Outer a(init), b(same), c(other);
  EXPECT_EQ(a.first.weight.value().to_doubles(), b.first.weight.value().to_doubles());
  EXPECT_NE(a.first.weight.value().to_doubles(), a.second.weight.value().to_doubles());
  EXPECT_NE(a.first.weight.value().to_doubles(), c.first.weight.value().to_doubles());
  for (double w : a.first.weight.value().to_doubles()) EXPECT_LE(std::abs(w), 1.0 / std::sqrt(3.0));
}

TEST(Module, LoadsItsOwnState) {
  Initialiser init(1), other(2);
  const Outer a(init), b(other);
  b.load_state(a.state());
  EXPECT_EQ(a.second.weight.value().to_doubles(), b.second.weight.value().to_doubles());
}

TEST(Module, NamesEveryTensorThatDoesNotFitAndChangesNothing) {
  Initialiser init(1);
  const Outer model(init);
  const std::vector<double> before = model.second.weight.value().to_doubles();
  TensorMap state = {{"first.weight", Tensor::zeros({3, 3})},
                     {"second.weight", Tensor::zeros({2, 3})},
                     {"third.weight", Tensor::zeros({1})}};
  try {
    model.load_state(state);
    FAIL() << "a state that does not fit was loaded";
  } catch (const DataError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("first.weight expects shape [2,3], found f32[3,3]"), std::string::npos) << message;
    EXPECT_NE(message.find("mean is missing"), std::string::npos) << message;
    EXPECT_NE(message.find("third.weight f32[1] is not part"), std::string::npos) << message;
  }
  EXPECT_EQ(model.second.weight.value().to_doubles(), before);
}

}  // namespace
}  // namespace primal
