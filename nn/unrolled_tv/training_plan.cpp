#include "nn/unrolled_tv/training_plan.h"

#include "nn/mse_loss/mse_loss.h"
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

TrainingPlan plan_training(const UnrolledTv& model, const Shape& z) {
  const Device device = model.device();
  const UnrolledTvOptions& options = model.options();
  return plan_training(RehearsedStep{
      .make_model =
          [&] {
            Initialiser init(0, DType::f32, device);
            return std::make_unique<UnrolledTv>(options, init);
          },
      .make_loss = [&](const Module& rehearsed) -> std::function<Variable()> {
        const Tensor noisy = Tensor::empty(z, DType::f32, device),
                     clean = Tensor::empty(z, DType::f32, device);
        const auto& own = dynamic_cast<const UnrolledTv&>(rehearsed);
        return [=, &own] { return mse_loss(own.forward(noisy).denoised, clean); };
      },
      .tape_bytes = pdhg_tape_bytes(z, DType::f32, {.n_iter = options.n_iter, .axes = options.axes},
                                    options.learn_steps)});
}

}  // namespace primal
