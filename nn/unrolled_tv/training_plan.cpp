#include "nn/unrolled_tv/training_plan.h"

#include "nn/mse_loss/mse_loss.h"
#include "nn/sure_loss/sure_loss.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/rehearsal.h"

namespace primal {

TrainingPlan plan_training(const RehearsedStep& step) {
  Rehearsal rehearsal;
  const auto live = [&] { return static_cast<int64_t>(rehearsal.stats().live_bytes); };
  TrainingPlan plan;
  TrainingMemory& bytes = plan.bytes;

  const std::unique_ptr<Module> rehearsed = step.make_model();
  bytes.weights = live();
  Adam adam(rehearsed->parameters(), step.adam);
  bytes.moments = live() - bytes.weights;
  const std::function<Variable()> loss = step.make_loss(*rehearsed);
  const int64_t before = live();
  loss().backward();  // the first step makes the gradients, which stay
  bytes.gradients = live() - before;

  const std::map<std::string, Cost> first = rehearsal.costs();
  rehearsal.reset_peak();
  {
    const Variable result = loss();
    bytes.tape = step.tape_bytes;
    bytes.activations = live() - before - bytes.gradients - bytes.tape;
    result.backward();
  }
  adam.step();
  bytes.temporary = static_cast<int64_t>(rehearsal.stats().peak_bytes) - bytes.total();
  plan.flops.rest = adam_cost(static_cast<double>(rehearsed->n_parameters())).flops;
  for (const auto& [op, cost] : first) {
    double& sum = op.starts_with("conv") ? plan.flops.convolutions
                  : op == "pdhg"         ? plan.flops.pdhg
                                         : plan.flops.rest;
    sum += cost.flops;
  }
  return plan;
}

namespace {

// The loss of a step on pictures of any content.
std::function<Variable()> loss_on(const UnrolledTv& model, const Shape& z, StepLoss loss) {
  const auto picture = [&] { return Tensor::empty(z, DType::f32, model.device()); };
  if (loss == StepLoss::mse)
    return [&model, noisy = picture(), clean = picture()] {
      return mse_loss(model.forward(noisy).denoised, clean);
    };
  const auto of_each = [&] { return Tensor::full({z[0]}, 1.0, DType::f32, model.device()); };
  return [&model, moved = picture(),
          in = SureInputs{.z = picture(), .b = picture(), .sigma = of_each(), .eps = of_each()}] {
    return sure_loss(model.forward(in.z).denoised, model.forward(moved).denoised, in);
  };
}

}  // namespace

TrainingPlan plan_training(const UnrolledTv& model, const Shape& z, StepLoss loss) {
  const Device device = model.device();
  const UnrolledTvOptions& options = model.options();
  const int64_t tape =
      pdhg_tape_bytes(z, DType::f32, {.n_iter = options.n_iter, .axes = options.axes}, options.learn_steps);
  return plan_training(RehearsedStep{.make_model =
                                         [&] {
                                           Initialiser init(0, DType::f32, device);
                                           return std::make_unique<UnrolledTv>(options, init);
                                         },
                                     .make_loss = [&](const Module& rehearsed) -> std::function<Variable()> {
                                       return loss_on(dynamic_cast<const UnrolledTv&>(rehearsed), z, loss);
                                     },
                                     .tape_bytes = loss == StepLoss::sure ? 2 * tape : tape});
}

}  // namespace primal
