// Measures the parts of a divided training step on one rank without messages, for the model (step_model.h),
// and the step of all ranks, to compare it with the model.
#pragma once

#include <cstdint>

#include "apps/distributed/communicator.h"
#include "apps/profile/statistics.h"
#include "apps/profile/training_step.h"
#include "apps/scaling/step_model.h"

namespace primal {

// Measures a step of this process alone with options.batch pictures. The times are medians over `rounds`
// steps, after two steps that warm up, and include the work of dividing a step (copies and sums of
// gradients). The function records ranges, so no other RangeRecorder may exist.
StepParts measure_step_parts(const TrainingStepOptions& options, int rounds);

struct MeasuredStep {
  Summary with_overlap_ms, without_overlap_ms;
  double alone_ms = 0.0;  // the same work without messages: median on the slowest rank
  // The time of a step that rank 0 spends in wait(), with and without overlap.
  double waited_ms = 0.0, waited_without_ms = 0.0;
  double processor_ms = 0.0;  // processor time of a step with overlap, for the threads of all ranks together
};
// Measures the step that the ranks take together, with options.batch pictures divided among them. Steps that
// send messages during the backward pass, steps that send them after it, and steps without messages
// alternate, so that other load disturbs all three alike. The time of a step is that of rank 0. All ranks
// must call this with the same options.
MeasuredStep measure_divided_step(Communicator& ranks, const TrainingStepOptions& options, int rounds);

}  // namespace primal
