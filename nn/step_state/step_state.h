// StepState: what differs from one training step to the next, in device memory, for a step that is recorded
// once and repeated without the host (tensor/device_graph.h).
//
//   begin(step, place, factors)        before each replay: a copy of 32 bytes to the device, which nobody
//                                      waits for
//   judge(loss, gradients)             in the step: loss -> losses[place]; the first step whose loss or
//                                      gradients are not finite is noted, and stays noted
//   Adam::step_now(adam_factors(), first_bad())    changes nothing from that step on
//   restore(kept, buffers)             puts buffers back from that step on, so that the state before it is
//                                      whole
//   losses(n), first_bad_step()        what the host reads after some steps; these wait
//
// So the host looks at the losses when it wants to, and finds the state as it was before the first bad step.
// Shapes:  loss []; gradients, kept and buffers any, f32; losses f64 [n_places]; first_bad i32 [1], 0 for
//          none
// Errors:  DeviceError for the CPU, ShapeError for tensors of another type, for kept and buffers that differ
//          and for a place that does not exist.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

class StepState {
 public:
  StepState(Device device, int64_t n_places);

  int64_t n_places() const { return losses_.numel(); }
  void begin(int64_t step, int64_t place, const std::array<double, 2>& adam_factors) const;
  void judge(const Tensor& loss, std::span<const Tensor> gradients) const;
  void restore(std::span<const Tensor> kept, std::span<const Tensor> buffers) const;

  Tensor adam_factors() const { return now_.slice(2, 4); }
  const Tensor& first_bad() const { return first_bad_; }

  std::vector<double> losses(int64_t n) const;  // of the first n places
  int64_t first_bad_step() const;

 private:
  Tensor now_;        // f64 [4]: step, place, Adam's two factors
  Tensor losses_;     // f64 [n_places]
  Tensor first_bad_;  // i32 [1]
};

}  // namespace primal
