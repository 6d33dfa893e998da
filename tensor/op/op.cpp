#include "tensor/op/op.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>

#include "tensor/random.h"

namespace primal {

std::vector<ImplementationInfo> OpInfo::implementations_on(Device::Kind kind) const {
  std::vector<ImplementationInfo> there;
  std::ranges::copy_if(implementations, std::back_inserter(there),
                       [&](const ImplementationInfo& i) { return i.device == kind; });
  return there;
}

std::string OpInfo::implementation_names() const {
  std::vector<std::string_view> names;
  for (const ImplementationInfo& i : implementations) {
    if (std::ranges::count(names, i.name) == 0) names.push_back(i.name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

TensorMap moved_to(const TensorMap& tensors, Device device) {
  TensorMap moved;
  for (const auto& [name, tensor] : tensors) moved[name] = tensor.to(device);
  return moved;
}

double relative_l2(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) throw ShapeError("[relative_l2] {} against {}", a.str(), b.str());
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double difference = 0.0, norm = 0.0;
  for (size_t i = 0; i < u.size(); ++i) {
    difference += (u[i] - v[i]) * (u[i] - v[i]);
    norm += v[i] * v[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

Judge judge_relative_l2(double outputs, double grads) {
  return
      [outputs, grads](const std::string& tensor, const Tensor& got, const Tensor& expected, const OpCall&) {
        Verdict v;
        v.error = relative_l2(got, expected);
        v.allowed = got.dtype() == DType::f64 ? 1e-6 : tensor.starts_with("grad.") ? grads : outputs;
        return v;
      };
}

namespace {

// FNV-1a: a number from a name, the same on every machine.
uint32_t hash_of(std::string_view text) {
  uint32_t h = 2166136261u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

Tensor make_input(const OpInput& input, const RandomStream& random) {
  const auto n = static_cast<uint64_t>(input.shape.numel());
  std::vector<float> values(n);
  switch (input.fill) {
    case OpInput::Fill::normal:
      for (uint64_t i = 0; i < n; ++i) {
        const double v = random.normal(i);
        values[i] = static_cast<float>(v + std::copysign(0.05, v));
      }
      break;
    case OpInput::Fill::uniform:
      for (uint64_t i = 0; i < n; ++i) {
        values[i] = static_cast<float>(input.low + (input.high - input.low) * random.uniform(i));
      }
      break;
    case OpInput::Fill::distinct: {
      const std::vector<int64_t> order = random.permutation(static_cast<int64_t>(n));
      for (uint64_t i = 0; i < n; ++i) {
        values[i] =
            static_cast<float>((2.0 * static_cast<double>(order[i]) + 1.0) / static_cast<double>(n) - 1.0);
      }
      break;
    }
    case OpInput::Fill::labels: {
      std::vector<int64_t> labels(n);
      for (uint64_t i = 0; i < n; ++i) {
        labels[i] =
            static_cast<int64_t>(std::floor(input.low + (input.high - input.low) * random.uniform(i)));
      }
      return Tensor::from(input.shape, labels);
    }
  }
  return Tensor::from(input.shape, values);
}

}  // namespace

TensorMap make_inputs(const OpCase& op_case, DType dtype, uint64_t seed) {
  TensorMap inputs;
  for (const OpInput& input : op_case.inputs) {
    const RandomStream random(seed, RandomPurpose::test, hash_of(op_case.name), hash_of(input.name));
    // Values are made in f32, so that a call in f64 sees the same numbers.
    const Tensor t = make_input(input, random);
    inputs[input.name] = is_floating(t.dtype()) ? t.to(dtype) : t;
  }
  return inputs;
}

TensorMap make_upstream(const std::vector<std::string>& results, const TensorMap& outputs) {
  TensorMap upstream;
  for (const std::string& name : results) {
    const Tensor& output = outputs.at(name);
    upstream[name] = make_inputs({name, {}, {{name, output.shape()}}}, output.dtype(), 1).at(name);
  }
  return upstream;
}

OpShapes shapes_of(const OpCall& call, const OpResult& result) {
  OpShapes shapes;
  for (const auto& [name, tensor] : call.inputs) shapes.inputs[name] = tensor.shape();
  for (const auto& [name, tensor] : result.outputs) shapes.outputs[name] = tensor.shape();
  shapes.attrs = call.attrs;
  return shapes;
}

void OpRegistry::add(OpInfo info) {
  if (find(info.name) != nullptr) throw ConfigError("[ops] {} is registered twice", info.name);
  ops_.push_back(std::move(info));
}

const OpInfo* OpRegistry::find(std::string_view name) const {
  const auto found = std::ranges::find(ops_, name, &OpInfo::name);
  return found == ops_.end() ? nullptr : &*found;
}

}  // namespace primal
