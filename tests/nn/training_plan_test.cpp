// The plan of a training step against counts by hand and against what a step does.
#include "nn/unrolled_tv/training_plan.h"

#include <gtest/gtest.h>

#include "nn/adam/adam.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/sure_loss/sure_loss.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

UnrolledTvOptions options_of(int64_t filters, int64_t blocks, int64_t n_iter, bool learn_steps) {
  UnrolledTvOptions options;
  options.unet.filters = filters;
  options.unet.blocks = blocks;
  options.n_iter = n_iter;
  options.learn_steps = learn_steps;
  return options;
}

TEST(TrainingPlan, CountsTheThesisModel) {
  UnrolledTvOptions options;
  options.learn_steps = false;
  Initialiser init;
  const UnrolledTv model(options, init);
  const TrainingPlan plan = plan_training(model, {1, 1, 1, 256, 256});
  EXPECT_NEAR(plan.flops.convolutions * 1e-9, 53.25, 0.005);
  EXPECT_NEAR(plan.flops.pdhg * 1e-9, 2 * 0.386, 0.001);  // 23 a pixel and iteration, each way
  EXPECT_LT(plan.flops.rest, 0.01 * plan.flops.convolutions);
  EXPECT_NEAR(static_cast<double>(plan.bytes.weights), 4.0 * 1796034, 0.02 * 4.0 * 1796034);
  EXPECT_NEAR(static_cast<double>(plan.bytes.tape), 256.0 * 65536 * 2 * 2 / 8, 1e5);
}

TEST(TrainingPlan, BatchesCountTwice) {
  Initialiser init;
  const UnrolledTv model(options_of(4, 2, 8, true), init);
  const TrainingPlan one = plan_training(model, {1, 1, 1, 32, 32}),
                     two = plan_training(model, {2, 1, 1, 32, 32});
  EXPECT_DOUBLE_EQ(two.flops.convolutions, 2.0 * one.flops.convolutions);
  EXPECT_DOUBLE_EQ(two.flops.pdhg, 2.0 * one.flops.pdhg);
  EXPECT_EQ(two.bytes.weights, one.bytes.weights);
}

// The most that the pool held in a step after the first, less what was there before the model.
int64_t measured_bytes(const UnrolledTvOptions& options, const Shape& shape) {
  const auto before = static_cast<int64_t>(host_pool().stats().live_bytes);
  Initialiser init;
  const UnrolledTv model(options, init);
  Adam adam(model.parameters(), {});
  const Tensor z = Tensor::full(shape, 0.5), clean = Tensor::full(shape, 0.25);
  for (int step = 0; step < 2; ++step) {
    host_pool().reset_peak();
    model.zero_grad();
    mse_loss(model.forward(z).denoised, clean).backward();
    adam.step();
  }
  return static_cast<int64_t>(host_pool().stats().peak_bytes) - before;
}

void expect_planned_as_measured(const UnrolledTvOptions& options, const Shape& z) {
  Initialiser init;
  const UnrolledTv model(options, init);
  const auto planned = static_cast<double>(plan_training(model, z).bytes.total());
  const auto measured = static_cast<double>(measured_bytes(options, z));
  EXPECT_NEAR(planned / measured, 1.0, 0.1)
      << z.str() << ": planned " << planned << ", measured " << measured;
}

TEST(TrainingPlan, MemoryIsWhatAStepTakes) {
  for (const bool learn_steps : {true, false}) {
    expect_planned_as_measured(options_of(32, 3, 64, learn_steps), {1, 1, 1, 128, 128});
    expect_planned_as_measured(options_of(16, 2, 100, learn_steps), {2, 1, 1, 128, 96});
    expect_planned_as_measured(options_of(24, 1, 20, learn_steps), {1, 1, 1, 131, 97});
  }
}

TEST(TrainingPlan, StepsOfSureRunTheModelTwiceAndKeepBoth) {
  Initialiser init;
  const UnrolledTv model(options_of(16, 2, 64, false), init);
  const Shape z{1, 1, 1, 96, 96};
  const TrainingPlan mse = plan_training(model, z), sure = plan_training(model, z, StepLoss::sure);
  EXPECT_DOUBLE_EQ(sure.flops.convolutions, 2.0 * mse.flops.convolutions);
  EXPECT_DOUBLE_EQ(sure.flops.pdhg, 2.0 * mse.flops.pdhg);
  EXPECT_EQ(sure.bytes.tape, 2 * mse.bytes.tape);
  EXPECT_EQ(sure.bytes.weights, mse.bytes.weights);
  EXPECT_NEAR(static_cast<double>(sure.bytes.activations), 2.0 * static_cast<double>(mse.bytes.activations),
              0.05 * static_cast<double>(sure.bytes.activations));
  // What a step takes.
  const auto before = static_cast<int64_t>(host_pool().stats().live_bytes);
  const UnrolledTv trained(model.options(), init);
  Adam adam(trained.parameters(), {});
  const Tensor picture = Tensor::full(z, 0.5), one = Tensor::full({1}, 0.1);
  for (int step = 0; step < 2; ++step) {
    host_pool().reset_peak();
    trained.zero_grad();
    const Tensor moved = Tensor::full(z, 0.51), b = Tensor::full(z, 1.0);
    sure_loss(trained.forward(picture).denoised, trained.forward(moved).denoised, {picture, b, one, one})
        .backward();
    adam.step();
  }
  const auto measured = static_cast<double>(static_cast<int64_t>(host_pool().stats().peak_bytes) - before);
  EXPECT_NEAR(static_cast<double>(sure.bytes.total()) / measured, 1.0, 0.1);
}

TEST(TrainingPlan, CountsTheWeightsOfTheSymmetricBoundary) {
  // A network so small that the fields of the solver and the weights are most of it.
  for (const int64_t filters : {1, 16}) {
    UnrolledTvOptions options = options_of(filters, 0, 4, false);
    options.boundary = Boundary::symmetric;
    expect_planned_as_measured(options, {1, 1, 1, 512, 480});
  }
}

TEST(TrainingPlan, SteadyStepsAskTheSystemForNothing) {
  const int before = num_threads();
  for (const int n_threads : {1, 2}) {
    set_num_threads(n_threads);
    const UnrolledTvOptions options = options_of(16, 2, 12, true);
    Initialiser init;
    const UnrolledTv model(options, init);
    Adam adam(model.parameters(), {});
    const Tensor z = Tensor::full({1, 1, 1, 64, 64}, 0.5), clean = Tensor::full(z.shape(), 0.25);
    uint64_t allocations = 0;
    for (int step = 0; step < 10; ++step) {
      if (step == 5) allocations = host_pool().stats().system_allocations;
      model.zero_grad();
      mse_loss(model.forward(z).denoised, clean).backward();
      adam.step();
    }
    EXPECT_EQ(host_pool().stats().system_allocations, allocations) << n_threads << " threads";
  }
  set_num_threads(before);
}

}  // namespace
}  // namespace primal
