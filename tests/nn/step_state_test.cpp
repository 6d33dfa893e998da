// What a step that a device repeats alone reads and decides, on the emulation: losses, the first
// bad step, Adam, buffers.
#include "nn/step_state/step_state.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "autograd/zero_gradients.h"
#include "nn/adam/adam.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/dropout/dropout.h"
#include "support/temporary_folder.h"
#include "tensor/device_graph.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor on_simt(const std::vector<float>& values) {
  return Tensor::from(Shape{std::ssize(values)}, values).to(Device::simt());
}

TEST(StepState, KeepsTheLossesAndTheFirstStepThatIsNotFinite) {
  const StepState state(Device::simt(), 4);
  const simt::Recording recording;
  // 70 gradients: two launches; one of them has two chunks.
  std::vector<Tensor> gradients;
  for (int i = 0; i < 70; ++i) gradients.push_back(on_simt(std::vector<float>(i == 3 ? 5000 : 3, 0.5F)));
  const auto judge = [&](int64_t step, int64_t place, float loss) {
    state.begin(step, place, {0.1, 1.0});
    state.judge(on_simt({loss}).reshape({}), gradients);
  };
  judge(11, 0, 0.25F);
  EXPECT_EQ(state.first_bad_step(), 0);
  gradients[69] = on_simt({1.0F, -kInfinity, 2.0F});
  judge(12, 1, 0.5F);
  EXPECT_EQ(state.first_bad_step(), 12);
  gradients[69] = on_simt({1.0F, 1.0F, 2.0F});
  judge(13, 2, kNan);
  EXPECT_EQ(state.first_bad_step(), 12);  // and stays
  EXPECT_EQ(state.losses(2), (std::vector<double>{0.25, 0.5}));
  simt::require_no_races(recording.launches());

  const StepState other(Device::simt(), 1);
  other.begin(5, 0, {0.1, 1.0});
  other.judge(on_simt({kNan}).reshape({}), {});
  EXPECT_EQ(other.first_bad_step(), 5);
}

TEST(StepState, RestoresBuffersFromTheFirstBadStepOn) {
  const StepState state(Device::simt(), 1);
  const std::vector<Tensor> kept{on_simt({1, 2}), on_simt(std::vector<float>(5000, 3.0F))};
  const std::vector<Tensor> buffers{on_simt({5, 6}), on_simt(std::vector<float>(5000, 7.0F))};
  state.restore(kept, buffers);
  EXPECT_EQ(buffers[0].to_doubles(), (std::vector<double>{5, 6}));
  state.begin(1, 0, {0.1, 1.0});
  state.judge(on_simt({kNan}).reshape({}), {});
  state.restore(kept, buffers);
  EXPECT_EQ(buffers[0].to_doubles(), (std::vector<double>{1, 2}));
  EXPECT_EQ(buffers[1].to_doubles(), std::vector<double>(5000, 3.0));
}

TEST(StepState, RefusesWhatDoesNotFit) {
  EXPECT_THROW(StepState(Device{}, 1), DeviceError);
  const StepState state(Device::simt(), 2);
  EXPECT_THROW(state.begin(1, 2, {0.1, 1.0}), ShapeError);
  const std::vector<Tensor> one{on_simt({1})}, two{on_simt({1, 2})};
  EXPECT_THROW(state.restore(one, two), ShapeError);
  EXPECT_THROW(state.restore(one, {}), ShapeError);
  EXPECT_THROW(state.judge(two[0], {}), ShapeError);
}

// Two Adams on the same gradients, one with its numbers in memory.
TEST(StepState, AdamWithNumbersInMemoryHasTheSameBits) {
  for (const Device device : {Device{}, Device::simt()}) {
    for (const bool amsgrad : {false, true}) {
      const AdamParams params{.lr = 0.03, .weight_decay = 0.01, .amsgrad = amsgrad};
      const std::vector<float> start(3000, 0.7F);
      const auto leaf = [&] { return Variable(Tensor::from(Shape{3000}, start).to(device), true); };
      const Variable x = leaf(), y = leaf();
      Adam plain({{"x", x}}, params), now({{"x", y}}, params);
      const Tensor skip = Tensor::zeros({1}, DType::i32, device);
      for (int step = 0; step < 4; ++step) {
        std::vector<float> gradient(3000);
        for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = 1e-3F * static_cast<float>(i % 97) - 0.05F;
        for (const Variable& v : {x, y}) {
          v.zero_grad();
          v.backward(Tensor::from(Shape{3000}, gradient).to(device));
        }
        plain.set_lr(0.03 / (1 + step)), now.set_lr(0.03 / (1 + step));
        plain.step();
        const std::array<double, 2> factors = now.factors_of(now.n_steps() + 1);
        now.step_now(Tensor::from(Shape{2}, std::vector<double>{factors[0], factors[1]}).to(device), skip);
        now.add_steps(1);
        EXPECT_EQ(x.value().to_doubles(), y.value().to_doubles()) << step;
      }
      EXPECT_EQ(plain.n_steps(), now.n_steps());
      const std::vector<double> before = y.value().to_doubles();
      now.step_now(Tensor::zeros({2}, DType::f64, device), Tensor::full({1}, 9.0, DType::i32, device));
      EXPECT_EQ(y.value().to_doubles(), before);
      EXPECT_THROW(now.step_now(Tensor::zeros({2}, DType::f32, device), skip), ShapeError);
    }
  }
}

TEST(StepState, ManyGradientsAreZeroedInOneLaunch) {
  std::vector<Variable> variables;
  for (int i = 0; i < 40; ++i)
    variables.emplace_back(on_simt(std::vector<float>(i == 7 ? 9000 : 2, 1.0F)), true);
  for (size_t i = 0; i + 1 < variables.size(); ++i) variables[i].backward(variables[i].value());
  {
    const simt::OperationCount count;
    zero_gradients(variables);
    EXPECT_EQ(count.operations(), std::vector<std::string>{"zero_gradients"});
  }
  zero_gradients(variables);
  EXPECT_EQ(variables[7].grad().to_doubles(), std::vector<double>(9000, 0.0));
  EXPECT_FALSE(variables.back().grad().defined());
}

TEST(StepState, ADropoutsPlaceIsReadWhenItRuns) {
  const Tensor place = Tensor::from(Shape{4}, std::vector<int64_t>{3, 20, 7, 8}).to(Device::simt());
  const Variable x(Tensor::full({3, 50}, 1.0, DType::f32, Device::simt()), true);
  const Variable live = dropout(x, 0.4, {.seed = 7, .layer = 1, .place = place});
  const Variable fixed = dropout(x, 0.4, {.seed = 7, .epoch = 3, .layer = 1, .samples = {20, 7, 8}});
  EXPECT_EQ(live.value().to_doubles(), fixed.value().to_doubles());
  live.backward(fixed.value());
  const std::vector<double> gradient = x.grad().to_doubles();
  x.zero_grad();
  fixed.backward(fixed.value());
  EXPECT_EQ(x.grad().to_doubles(), gradient);
  EXPECT_THROW(dropout(x, 0.4, {.place = Tensor::zeros({4}, DType::i64)}), DeviceError);
  EXPECT_THROW(dropout(x, 0.4, {.place = Tensor::zeros({3}, DType::i64, Device::simt())}), ShapeError);
}

TEST(StepState, ALabelOutsideIsNanInARecordedStep) {
  const Variable x(Tensor::full({2, 3}, 1.0, DType::f32, Device::simt()));
  const Tensor labels = Tensor::from(Shape{2}, std::vector<int64_t>{2, 1}).to(Device::simt());
  Variable loss;
  Capture capture(Device::simt(), make_graph_memory(Device::simt()));
  loss = cross_entropy(x, labels);
  const auto graph = capture.finish();
  graph->replay();
  EXPECT_NEAR(loss.value().item(), std::log(3.0), 1e-6);
  for (const int64_t outside : {int64_t{3}, int64_t{-1}}) {
    labels.copy_from(Tensor::from(Shape{2}, std::vector<int64_t>{2, outside}));
    graph->replay();
    EXPECT_TRUE(std::isnan(loss.value().item()));
    EXPECT_THROW(cross_entropy(x, labels), ShapeError);  // where the host can look
  }
}

}  // namespace
}  // namespace primal
