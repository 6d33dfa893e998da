#include "autograd/zero_gradients.h"

#include <vector>

#include "autograd/gradient_kernels.h"

namespace primal {

void zero_gradients(std::span<const Variable> variables) {
  std::vector<std::span<float>> together;
  Device device;
  for (const Variable& variable : variables) {
    const bool alone = variable.device().is_cpu() || variable.dtype() != DType::f32;
    if (!variable.grad().defined()) continue;
    if (alone || (!together.empty() && variable.device() != device)) {
      variable.zero_grad();
      continue;
    }
    device = variable.device();
    together.push_back(variable.grad().device_span<float>());
  }
  if (together.empty()) return;
  choose("zero_gradients", "zero", gradient_ladder.of<float>(), OnlyShape{}, device)
      .kernels.zero(exec_on(device), together);
}

}  // namespace primal
