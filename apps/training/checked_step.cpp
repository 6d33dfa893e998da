#include "apps/training/checked_step.h"

#include "apps/training/buffer_snapshot.h"
#include "apps/training/failed_step.h"
#include "autograd/finite_check.h"
#include "tensor/error.h"

namespace primal {

CheckedStep::Loss CheckedStep::run(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples,
                                   int64_t n_all, const volatile std::sig_atomic_t& signal) {
  task_.model().zero_grad();
  const BufferSnapshot buffers(task_.model());
  try {
    Loss loss;
    if (!samples.empty()) loss.own = finite_loss(step, batch, samples);
    divided_.backward(loss.own, std::ssize(samples), n_all);
    check_gradients(step, batch, samples);
    if (divided_.is_divided()) {
      const double own = loss.own.defined() ? loss.own.value().item() : 0.0;
      divided_.sum_gradients();
      const auto agreed = divided_.agree(own, std::ssize(samples), n_all, signal);
      loss.of_batch = agreed.loss;
      loss.signal = agreed.signal;
    }
    return loss;
  } catch (...) {
    divided_.abandon();
    buffers.restore();  // the checkpoint holds the state before this step
    throw;
  }
}

// An op that meets a NaN first (a step size, a lambda) says so itself.
Variable CheckedStep::finite_loss(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples) {
  std::string what = "the loss is not finite";
  try {
    const Variable loss = divided_.forward([&] { return task_.loss(batch); });
    if (count_non_finite(loss.value()) == 0) return loss;
  } catch (const NumericError& error) {
    what = error.what();
  }
  fail_step(task_, config_, folder_, step, what, batch, samples);
}

void CheckedStep::check_gradients(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples) {
  if (samples.empty()) return;
  const auto parameters = task_.model().parameters();
  std::vector<Tensor> gradients;
  for (const auto& [name, parameter] : parameters) gradients.push_back(parameter.grad());
  const std::vector<int64_t> counts = count_non_finite(gradients);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0)
      fail_step(task_, config_, folder_, step, "the gradient of " + parameters[i].first + " is not finite",
                batch, samples);
  }
}

}  // namespace primal
