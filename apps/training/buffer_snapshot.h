// The buffers of a model as they are now, to be put back where a forward pass in training mode was not part
// of the training: a step that failed, one that was only tried out.
#pragma once

#include "nn/module.h"

namespace primal {

class BufferSnapshot {
 public:
  explicit BufferSnapshot(const Module& model) : buffers_(model.buffers()) {
    for (const auto& [name, buffer] : buffers_) kept_[name] = buffer.clone();
  }
  void restore() const {
    for (const auto& [name, buffer] : buffers_) buffer.copy_from(kept_.at(name));
  }

 private:
  TensorMap buffers_, kept_;  // the model's own, and copies
};

}  // namespace primal
