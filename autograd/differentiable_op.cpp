#include "autograd/differentiable_op.h"

#include <algorithm>

#include "tensor/error.h"

namespace primal {

std::function<OpResult(const OpCall&)> differentiable(NamedFunction f, std::vector<std::string> constants) {
  return [f = std::move(f), constants = std::move(constants)](const OpCall& call) {
    const bool backward = !call.upstream.empty();
    VariableMap leaves;
    for (const auto& [name, value] : call.inputs) {
      const bool constant = !is_floating(value.dtype()) || std::ranges::count(constants, name) > 0 ||
                            call.constants.count(name) > 0;
      leaves[name] = Variable(value.to(call.device), backward && !constant);
    }
    const VariableMap results = f(leaves, call.attrs);

    OpResult result;
    for (const auto& [name, variable] : results) result.outputs[name] = variable.value().to(Device{});
    if (!backward) return result;
    for (const auto& [name, upstream] : call.upstream) {
      const auto found = results.find(name);
      if (found == results.end()) throw DataError("[op] upstream.{} has no result of that name", name);
      found->second.backward(upstream.to(call.device));
    }
    for (const auto& [name, leaf] : leaves) {
      if (!leaf.requires_grad()) continue;
      result.grads[name] =
          leaf.grad().defined() ? leaf.grad().to(Device{}) : Tensor::zeros(leaf.shape(), leaf.dtype());
    }
    return result;
  };
}

const Variable& required(const VariableMap& inputs, const std::string& name) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) throw DataError("[op] input.{} is missing", name);
  return found->second;
}

Variable optional(const VariableMap& inputs, const std::string& name) {
  const auto found = inputs.find(name);
  return found == inputs.end() ? Variable() : found->second;
}

}  // namespace primal
