// Measures the parts of a divided training step: on one rank without messages, for the model (step_model.h), and on all ranks, to compare.
#pragma once

#include <cstdint>

#include "apps/distributed/communicator.h"
#include "apps/profile/statistics.h"
#include "apps/profile/training_step.h"
#include "apps/scaling/step_model.h"

namespace primal {

// The step of a process alone with options.batch pictures: medians over `rounds` steps, after two that warm up. The work of dividing a
// step (copies and sums of gradients) is in it. Records ranges, so no other RangeRecorder may live.
StepParts measure_step_parts(const TrainingStepOptions& options, int rounds);

struct MeasuredStep {
  Summary with_overlap_ms, without_overlap_ms;
  double alone_ms = 0.0;  // the same work without messages, median on the slowest rank
  double waited_ms = 0.0, waited_without_ms = 0.0;  // in wait(), on rank 0, per step
  double processor_ms = 0.0;  // of a step with overlap, the threads of all ranks together
};
// The step that the ranks take together, options.batch pictures divided among them, in turn with messages behind the backward pass, after
// it, and without messages: whatever else the processors do disturbs all three alike. The time of a step is that of rank 0. All ranks must call this with the same options.
MeasuredStep measure_divided_step(Communicator& ranks, const TrainingStepOptions& options, int rounds);

}  // namespace primal
