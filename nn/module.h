// Module: parameters, buffers and children under names, so that a model can be saved, loaded and optimised.
//
// A module registers its parts in its constructor; parts keep their address, so modules are neither copied
// nor moved. Names are joined with dots: "cnn.encoder.0.double_conv.conv_block.0.weight". Order is the order
// of registration.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "tensor/op/op.h"
#include "tensor/random.h"

namespace primal {

// Where fresh parameters come from: a seed, and a number of its own for each parameter in order of creation;
// and where they live. The same values on every device.
class Initialiser {
 public:
  explicit Initialiser(uint64_t seed = 42, DType dtype = DType::f32, Device device = {})
      : seed_(seed), dtype_(dtype), device_(device) {}
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  Tensor uniform(const Shape& shape, double low, double high);
  // PyTorch's default for a weight or bias of a convolution or linear layer: uniform in +-1/sqrt(fan_in).
  Tensor fan_in_uniform(const Shape& shape, int64_t fan_in);
  // Glorot's for a weight [O,C] or [O,C,..] with k cells per kernel: uniform in +-sqrt(6 / (C k + O k)).
  // Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
  // networks", AISTATS 2010.
  Tensor glorot_uniform(const Shape& shape);

 private:
  uint64_t seed_;
  DType dtype_;
  Device device_;
  uint32_t next_ = 0;
};

// What a forward pass is for, where a layer behaves differently in the two: batch normalisation and dropout.
enum class Mode { training, inference };

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  std::vector<std::pair<std::string, Variable>> parameters() const;
  int64_t n_parameters() const;  // scalars in all parameters
  Device device() const;         // where its parameters live; the CPU for a module without
  void zero_grad() const;
  // The name under which the parent registered it: "conv_block.0"; empty for the outermost.
  const std::string& name() const { return name_; }

  // Parameters and buffers under their names. The tensors are the module's own, not copies.
  TensorMap state() const;
  // The buffers alone: what a forward pass in training mode may change, as running statistics are.
  TensorMap buffers() const;
  // Copies values in. DataError that lists every missing, unknown and misshapen name; then nothing has been
  // changed.
  void load_state(const TensorMap& state) const;

 protected:
  Variable register_parameter(std::string name, Tensor value);
  Tensor register_buffer(std::string name, Tensor value);
  void register_module(std::string name, const Module& child);

 private:
  template <class Visit>
  void visit(const std::string& prefix, const Visit& visit_one) const;

  mutable std::string name_;  // given by the parent
  std::vector<std::pair<std::string, Variable>> parameters_;
  std::vector<std::pair<std::string, Tensor>> buffers_;
  std::vector<std::pair<std::string, const Module*>> children_;
};

}  // namespace primal
