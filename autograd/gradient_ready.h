// GradientReady: is told of each leaf's gradient as soon as the gradient is complete, while the rest of
// backward() is still running, so that it can be sent to other processes in the meantime.
//
//   A gradient is complete when every node that adds into it has run. backward() counts those nodes for the
//   leaves of the GradientReady that lives on its thread, and calls ready(i) for leaf i after the last of
//   them. It is called once for each leaf that the value depends on, in the order in which they are complete,
//   which is the same for the same computation.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "autograd/variable.h"

namespace primal {

class GradientReady {
 public:
  using Ready = std::function<void(size_t leaf)>;

  GradientReady(std::vector<Variable> leaves, Ready ready);
  ~GradientReady();
  GradientReady(const GradientReady&) = delete;
  GradientReady& operator=(const GradientReady&) = delete;

  static const GradientReady* current();  // of this thread, the one that was made last; nullptr for none
  const std::vector<Variable>& leaves() const { return leaves_; }
  void ready(size_t leaf) const { ready_(leaf); }

 private:
  std::vector<Variable> leaves_;
  Ready ready_;
  const GradientReady* before_;
};

}  // namespace primal
