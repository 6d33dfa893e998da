// Variable: a tensor that remembers how it was made, so that backward() can find its gradient.
//
// An op computes its value and, if an input requires a gradient, records a Node: where its inputs' gradients
// go, and a function that adds each input's gradient from the result's. The nodes a result depends on form
// its tape; numbers given at recording order it. backward() walks the tape from the newest node to the
// oldest, hands each node the gradient of its result and lets it add into the gradients of its inputs.
//
//   Rule for every backward: it ADDS into the gradients of its inputs, the tape zeroes them. Shared inputs
//   just work. (Where zeros would cost, Gradients::destination says when to overwrite instead.)
//
// Memory: a node does not hold the values of its inputs, only what its function captured. A node is spent
// once it has run: what it captured and the gradient it consumed are freed at once, so activations die as the
// tape consumes them, and a second backward through it is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

class Gradients;
using BackwardFunction = std::function<void(Gradients&)>;

class Variable {
 public:
  Variable() = default;
  // A leaf. Without requires_grad it is a constant, so a Tensor can stand wherever a Variable is expected.
  Variable(Tensor value, bool requires_grad = false);  // NOLINT(google-explicit-constructor)

  bool defined() const { return value_.defined(); }
  const Tensor& value() const;
  const Shape& shape() const { return value().shape(); }
  DType dtype() const { return value().dtype(); }
  Device device() const { return value().device(); }

  bool requires_grad() const;
  bool is_leaf() const;
  // The op that made this value; empty for a leaf or a constant.
  std::string_view made_by() const;

  // The gradient of a leaf after backward(): undefined until the first one, added to by each.
  const Tensor& grad() const;
  void zero_grad() const;  // fills it with zeros where it is defined

  // Adds d<upstream, this>/dleaf to the gradient of every leaf this depends on. Without upstream this must be
  // a scalar.
  void backward(const Tensor& upstream = {}) const;

  // The same value, cut off from how it was made.
  Variable detach() const { return Variable(value()); }

 private:
  friend class Gradients;
  friend Variable record(const char*, Tensor, const std::vector<Variable>&, BackwardFunction);
  struct Node;
  struct Slot;  // where this value's gradient is gathered, and the node that made it

  Tensor value_;
  std::shared_ptr<Slot> slot_;  // null for a constant
};

// What a node's backward sees: the upstream gradient, that of its result, and the gradients of its inputs.
class Gradients {
 public:
  const Tensor& upstream() const { return upstream_; }
  bool needs(size_t input) const;             // does anyone want this input's gradient?
  const Tensor& grad_of(size_t input) const;  // buffer to ADD into, zeroed when first asked for

  // For a node that can also overwrite: the buffer, and whether it holds a gradient to add to. If not,
  // all of it must be written.
  struct Destination {
    Tensor buffer;
    bool add;
  };
  Destination destination(size_t input) const;

 private:
  friend class Variable;
  Gradients(Tensor upstream, const Variable::Node& node) : upstream_(std::move(upstream)), node_(node) {}
  Tensor upstream_;
  const Variable::Node& node_;
};

// The result of an op: records a node named `op` unless no input requires a gradient or a NoGrad lives.
// Inputs may be undefined (an absent bias). `backward` captures just what it reads.
Variable record(const char* op, Tensor value, const std::vector<Variable>& inputs, BackwardFunction backward);

// True where record() would keep a node for these inputs: ask before saving something costly.
bool will_record(const std::vector<Variable>& inputs);

// While one lives on this thread, nothing is recorded.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace primal
