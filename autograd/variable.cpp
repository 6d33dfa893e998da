#include "autograd/variable.h"

#include <algorithm>
#include <atomic>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "autograd/finite_check.h"
#include "autograd/gradient_kernels.h"
#include "autograd/gradient_ready.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {

struct Variable::Slot {
  Shape shape;
  DType dtype;
  Device device;
  Tensor grad;
  std::shared_ptr<Node> node;  // null for a leaf

  Gradients::Destination destination() {
    const bool add = grad.defined();
    if (!add) grad = Tensor::empty(shape, dtype, device);
    return {grad, add};
  }

  const Tensor& zeroed_grad() {
    if (!grad.defined()) {
      const Range range("tape", "zero_gradient", [&] {
        return RangeDetail{shape.str(), {}, {0.0, f32_bytes(elements_of(shape))}};
      });
      grad = Tensor::zeros(shape, dtype, device);
    }
    return grad;
  }
};

struct Variable::Node {
  const char* op;
  uint64_t number;  // a node's inputs are always older than it
  std::vector<std::shared_ptr<Slot>> inputs;
  BackwardFunction backward;
  RangeOriginPointer origin;  // of the forward range, where one recorded
  int64_t checked_as = 0;     // its number for a FiniteCheck
};

namespace {

thread_local bool recording = true;

uint64_t next_number() {
  static std::atomic<uint64_t> counter = 0;
  return ++counter;
}

}  // namespace

Variable::Variable(Tensor value, bool requires_grad) : value_(std::move(value)) {
  if (!requires_grad) return;
  if (!value_.defined() || !is_floating(value_.dtype())) {
    throw ShapeError("[variable] only f32 and f64 have gradients, got {}", value_.str());
  }
  slot_ = std::make_shared<Slot>(Slot{value_.shape(), value_.dtype(), value_.device(), {}, nullptr});
}

const Tensor& Variable::value() const {
  if (!defined()) throw ShapeError("[variable] undefined: it has no value");
  return value_;
}

bool Variable::requires_grad() const { return slot_ != nullptr; }
bool Variable::is_leaf() const { return slot_ == nullptr || slot_->node == nullptr; }
std::string_view Variable::made_by() const { return is_leaf() ? std::string_view{} : slot_->node->op; }

const Tensor& Variable::grad() const {
  if (slot_ == nullptr) throw ShapeError("[variable] {} requires no gradient and has none", value_.str());
  return slot_->grad;
}

void Variable::zero_grad() const {
  if (grad().defined()) slot_->grad.fill(0.0);
}

bool will_record(const std::vector<Variable>& inputs) {
  return recording && std::ranges::any_of(inputs, &Variable::requires_grad);
}

Variable record(const char* op, Tensor value, const std::vector<Variable>& inputs,
                BackwardFunction backward) {
  FiniteCheck* check = FiniteCheck::current();
  const int64_t checked_as = check != nullptr ? check->saw_result(op, value) : 0;
  if (!will_record(inputs)) return Variable(std::move(value));
  Variable result(std::move(value), true);
  std::vector<std::shared_ptr<Variable::Slot>> slots;
  for (const Variable& input : inputs) slots.push_back(input.slot_);
  result.slot_->node = std::make_shared<Variable::Node>(
      Variable::Node{op, next_number(), std::move(slots), std::move(backward), Range::origin(), checked_as});
  return result;
}

bool Gradients::needs(size_t input) const { return node_.inputs.at(input) != nullptr; }
const Tensor& Gradients::grad_of(size_t input) const { return node_.inputs.at(input)->zeroed_grad(); }
Gradients::Destination Gradients::destination(size_t input) const {
  return node_.inputs.at(input)->destination();
}

void Variable::backward(const Tensor& upstream) const {
  if (slot_ == nullptr) throw ShapeError("[backward] nothing this value depends on requires a gradient");
  Tensor seed = upstream;
  if (!seed.defined()) {
    if (value_.numel() != 1)
      throw ShapeError("[backward] {} is not a scalar: it needs an upstream gradient", value_.str());
    seed = Tensor::full(shape(), 1.0, dtype(), device());
  }
  if (seed.shape() != shape() || seed.dtype() != dtype() || seed.device() != device()) {
    throw ShapeError("[backward] upstream {} does not match the value {}", seed.str(), value_.str());
  }
  if (slot_->grad.defined()) {
    dispatch_floating(dtype(), "backward", [&]<class T>() {
      choose("backward", "add", gradient_ladder.of<T>(), OnlyShape{}, device())
          .kernels.add(exec_on(device()), seed.device_span<const T>(), slot_->grad.device_span<T>());
    });
  } else {
    // Nobody adds to the gradient of a result before it is consumed, but a leaf keeps its own.
    slot_->grad = is_leaf() ? seed.clone() : seed;
  }

  // For each leaf of GradientReady, the nodes that have yet to add into its gradient.
  struct Open {
    size_t leaf;
    int64_t n_nodes = 0;
  };
  std::unordered_map<const Slot*, Open> open;
  const GradientReady* const watch = GradientReady::current();
  if (watch != nullptr) {
    for (size_t i = 0; i < watch->leaves().size(); ++i) open[watch->leaves()[i].slot_.get()] = {i};
    std::vector<const Node*> nodes{slot_->node.get()};
    std::unordered_set<const Node*> known{nodes.front(), nullptr};
    while (!nodes.empty()) {
      const Node* const node = nodes.back();
      nodes.pop_back();
      if (node == nullptr) break;  // a leaf itself
      for (const std::shared_ptr<Slot>& input : node->inputs) {
        if (const auto leaf = open.find(input.get()); input != nullptr && leaf != open.end())
          ++leaf->second.n_nodes;
        if (input != nullptr && known.insert(input->node.get()).second) nodes.push_back(input->node.get());
      }
    }
  }
  const auto close = [&](const std::shared_ptr<Slot>& input) {
    const auto leaf = input == nullptr ? open.end() : open.find(input.get());
    if (leaf != open.end() && --leaf->second.n_nodes == 0) watch->ready(leaf->second.leaf);
  };

  // Newest first: when a slot's turn comes, every node that adds into its gradient has run.
  const auto older = [](const std::shared_ptr<Slot>& a, const std::shared_ptr<Slot>& b) {
    return a->node->number < b->node->number;
  };
  std::priority_queue<std::shared_ptr<Slot>, std::vector<std::shared_ptr<Slot>>, decltype(older)> tape(older);
  std::unordered_set<uint64_t> seen;  // numbers of the nodes on the tape
  const auto push = [&](const std::shared_ptr<Slot>& slot) {
    if (slot != nullptr && slot->node != nullptr && seen.insert(slot->node->number).second) tape.push(slot);
  };
  push(slot_);
  while (!tape.empty()) {
    const std::shared_ptr<Slot> slot = tape.top();
    tape.pop();
    Node& node = *slot->node;
    if (node.backward == nullptr) {
      throw ShapeError("[backward] {} has run backward already; what it saved is gone", node.op);
    }
    if (slot->grad.defined()) {
      const Range range(node.op, "backward", node.origin);
      Gradients gradients(std::exchange(slot->grad, {}), node);
      node.backward(gradients);
      if (FiniteCheck* check = FiniteCheck::current()) {
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          const std::shared_ptr<Slot>& input = node.inputs[i];
          if (input != nullptr && input->grad.defined()) {
            check->saw_gradient(node.op, node.checked_as, i, input->grad);
          }
        }
      }
    }
    for (const std::shared_ptr<Slot>& input : node.inputs) {
      push(input);
      close(input);
    }
    node.backward = nullptr;
    node.inputs.clear();
  }
}

NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }

}  // namespace primal
