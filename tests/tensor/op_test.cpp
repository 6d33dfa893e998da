#include "tensor/op/op.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

#include "tensor/error.h"

namespace primal {
namespace {

struct Geometry {
  int width;
};
std::string key(const Geometry& g) { return fmt::format("w{}", g.width); }
struct Kernels {
  int id;
};
using ToyImplementation = Implementation<Geometry, Kernels>;

const ToyImplementation kEven = {{"even", "pairs"}, [](const Geometry& g) { return g.width % 2 == 0; }, {1}};
const ToyImplementation kPlain = {{kReference, "plain"}, [](const Geometry&) { return true; }, {0}};
const std::array<const ToyImplementation*, 2> kLadder = {&kEven, &kPlain};

int run(int width) {
  return choose<Geometry, Kernels>("toy", "forward", kLadder, Geometry{width}).kernels.id;
}

TEST(Implementation, TheFirstThatSupportsTheGeometryRuns) {
  EXPECT_EQ(run(4), 1);
  EXPECT_EQ(run(5), 0);
}

TEST(Implementation, AForcedOneRunsWhereItCanAndTheUseIsNoted) {
  const ImplementationScope scope("toy", "reference");
  EXPECT_EQ(run(4), 0);
  EXPECT_TRUE(scope.used("toy", "reference"));
  EXPECT_FALSE(scope.used("toy", "even"));
  const ImplementationScope inner("toy", "even");
  EXPECT_EQ(run(5), 0);
  EXPECT_FALSE(inner.used("toy", "even"));
  EXPECT_EQ(run(6), 1);
  EXPECT_TRUE(inner.used("toy", "even"));
}

TEST(Implementation, APlanDecidesByPhaseAndGeometryAndForcingByNameWins) {
  const auto plan = std::make_shared<ImplementationPlan>();
  plan->set({"toy", "forward", "w4", "reference"});
  plan->set({"toy", "backward", "w6", "reference"});
  {
    const ImplementationScope scope({}, plan);
    EXPECT_EQ(run(4), 0);
    EXPECT_EQ(run(6), 1);             // the plan has another phase
    EXPECT_EQ(run(8), 1);             // the plan says nothing
    const ImplementationScope inner;  // has no plan of its own
    EXPECT_EQ(run(4), 0);
    const ImplementationScope forced("toy", "even");
    EXPECT_EQ(run(4), 1);
  }
  EXPECT_EQ(run(4), 1);
  set_process_plan(plan);
  EXPECT_EQ(run(4), 0);
  {
    const ImplementationScope empty({}, std::make_shared<ImplementationPlan>());
    EXPECT_EQ(run(4), 1);  // the innermost plan decides, even with nothing in it
  }
  set_process_plan(nullptr);
  EXPECT_EQ(run(4), 1);
}

TEST(Implementation, ScopesListWhatWasChosen) {
  const ImplementationScope scope;
  run(5);
  run(4);
  run(4);
  const std::vector<ImplementationChoice> expected = {{"toy", "forward", "w4", "even"},
                                                      {"toy", "forward", "w5", "reference"}};
  EXPECT_EQ(scope.choices(), expected);
  EXPECT_EQ(current_choices(), expected);
}

TEST(Implementation, APlanKeepsOneChoiceForEachPlace) {
  ImplementationPlan plan;
  plan.set({"toy", "forward", "w4", "even"});
  plan.set({"toy", "forward", "w4", "reference"});
  EXPECT_EQ(plan.choices().size(), 1u);
  EXPECT_EQ(plan.find("toy", "forward", "w4"), "reference");
  EXPECT_EQ(plan.find("toy", "forward", "w5"), "");
}

TEST(OpCase, InputsAreReproducibleAndKeepTheirPromises) {
  const OpCase c{
      "case",
      {},
      {{"n", {50}}, {"d", {50}, OpInput::Fill::distinct}, {"l", {50}, OpInput::Fill::labels, 0, 3}}};
  const TensorMap a = make_inputs(c, DType::f64), b = make_inputs(c, DType::f64),
                  narrow = make_inputs(c, DType::f32);
  EXPECT_EQ(a.at("n").to_doubles(), b.at("n").to_doubles());
  EXPECT_EQ(a.at("n").to_doubles(), narrow.at("n").to_doubles());
  for (double v : a.at("n").to_doubles()) EXPECT_GE(std::abs(v), 0.05f);
  const std::vector<double> d = a.at("d").to_doubles();
  EXPECT_EQ(std::set<double>(d.begin(), d.end()).size(), 50u);
  for (double l : a.at("l").to_doubles()) EXPECT_TRUE(l == 0 || l == 1 || l == 2);
}

TEST(Judge, MeasuresRelativeErrorAndFailsOnNaN) {
  const Tensor a = Tensor::from(Shape{2}, std::vector<float>{3, 4}),
               b = Tensor::from(Shape{2}, std::vector<float>{3, 4.5f});
  EXPECT_NEAR(relative_l2(b, a), 0.1, 1e-12);
  EXPECT_THROW(relative_l2(a, Tensor::zeros({1})), ShapeError);
  const Judge judge = judge_relative_l2(0.05, 0.2);
  EXPECT_FALSE(judge("output.y", b, a, {}).pass());
  EXPECT_TRUE(judge("grad.x", b, a, {}).pass());
  EXPECT_FALSE(judge("grad.x", Tensor::full({2}, NAN), a, {}).pass());
}

TEST(OpRegistry, RefusesTheSameNameTwice) {
  OpRegistry registry;
  OpInfo info;
  info.name = "toy";
  registry.add(info);
  EXPECT_THROW(registry.add(info), ConfigError);
  EXPECT_EQ(registry.find("unknown"), nullptr);
}

}  // namespace
}  // namespace primal
