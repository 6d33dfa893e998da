#include "nn/module.h"

#include <cmath>

#include "autograd/zero_gradients.h"
#include "tensor/error.h"

namespace primal {

Tensor Initialiser::uniform(const Shape& shape, double low, double high) {
  const Tensor t = Tensor::empty(shape, dtype_);
  RandomStream(seed_, RandomPurpose::initialisation, 0, next_++).fill_uniform(t, low, high);
  return t.to(device_);
}

Tensor Initialiser::fan_in_uniform(const Shape& shape, int64_t fan_in) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  return uniform(shape, -bound, bound);
}

Tensor Initialiser::glorot_uniform(const Shape& shape) {
  int64_t n_cells = 1;
  for (int a = 2; a < shape.rank(); ++a) n_cells *= shape[a];
  const double bound = std::sqrt(6.0 / static_cast<double>((shape[0] + shape[1]) * n_cells));
  return uniform(shape, -bound, bound);
}

// visit_one(name, parameter or undefined, buffer or undefined), own parts first, then the children's.
template <class Visit>
void Module::visit(const std::string& prefix, const Visit& visit_one) const {
  for (const auto& [name, parameter] : parameters_) visit_one(prefix + name, parameter, Tensor());
  for (const auto& [name, buffer] : buffers_) visit_one(prefix + name, Variable(), buffer);
  for (const auto& [name, child] : children_) child->visit(prefix + name + ".", visit_one);
}

std::vector<std::pair<std::string, Variable>> Module::parameters() const {
  std::vector<std::pair<std::string, Variable>> all;
  visit("", [&](const std::string& name, const Variable& parameter, const Tensor&) {
    if (parameter.defined()) all.emplace_back(name, parameter);
  });
  return all;
}

int64_t Module::n_parameters() const {
  int64_t n = 0;
  for (const auto& [name, parameter] : parameters()) n += parameter.value().numel();
  return n;
}

Device Module::device() const {
  const auto all = parameters();
  return all.empty() ? Device{} : all.front().second.device();
}

void Module::zero_grad() const {
  std::vector<Variable> all;
  for (const auto& [name, parameter] : parameters()) all.push_back(parameter);
  zero_gradients(all);
}

TensorMap Module::state() const {
  TensorMap all;
  visit("", [&](const std::string& name, const Variable& parameter, const Tensor& buffer) {
    all[name] = parameter.defined() ? parameter.value() : buffer;
  });
  return all;
}

TensorMap Module::buffers() const {
  TensorMap all;
  visit("", [&](const std::string& name, const Variable&, const Tensor& buffer) {
    if (buffer.defined()) all[name] = buffer;
  });
  return all;
}

void Module::load_state(const TensorMap& loaded) const {
  const TensorMap own = state();
  std::string problems;
  for (const auto& [name, tensor] : own) {
    const auto found = loaded.find(name);
    if (found == loaded.end()) {
      problems += fmt::format("\n  {} is missing, expected {}", name, tensor.str());
    } else if (found->second.shape() != tensor.shape()) {
      problems +=
          fmt::format("\n  {} expects shape {}, found {}", name, tensor.shape().str(), found->second.str());
    } else if (is_floating(found->second.dtype()) != is_floating(tensor.dtype())) {
      problems += fmt::format("\n  {} expects {}, found {}", name, tensor.str(), found->second.str());
    }
  }
  for (const auto& [name, tensor] : loaded) {
    if (!own.contains(name))
      problems += fmt::format("\n  {} {} is not part of this model", name, tensor.str());
  }
  if (!problems.empty()) throw DataError("[state] these tensors do not fit the model:{}", problems);
  for (const auto& [name, tensor] : own) tensor.copy_from(loaded.at(name).to(Device{}).to(tensor.dtype()));
}

Variable Module::register_parameter(std::string name, Tensor value) {
  return parameters_.emplace_back(std::move(name), Variable(std::move(value), true)).second;
}

Tensor Module::register_buffer(std::string name, Tensor value) {
  return buffers_.emplace_back(std::move(name), std::move(value)).second;
}

void Module::register_module(std::string name, const Module& child) {
  child.name_ = name;
  children_.emplace_back(std::move(name), &child);
}

}  // namespace primal
