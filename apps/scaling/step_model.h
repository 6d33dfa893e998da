// A model of a training step divided among P ranks (training/divided_step.h), from the parts of a step on one rank (step_parts.h) and the
// times of messages (message_model.h).
//
//   step(P) = before + backward with the messages that are sent meanwhile + what is left of them + agree + after
//
// The processor's time runs through the events that were measured in the backward pass of one rank, for the largest share of the batch:
//   - bucket i is complete at r_i: its reduce-scatter is started, which takes the processor (P - 2) o; its bytes, (P - 1)/P n_i, follow those
//     of the buckets before it through the one link of a rank, and arrive alpha later.
//   - at a moment of progress (a gradient is complete) the all-gathers of the buckets whose reduce-scatter has arrived are started.
//   - after the backward pass the buckets are finished in order, each with its all-gather, and the ranks exchange losses (agree): 16 bytes.
// Without overlap all buckets are complete only when the backward pass has ended.
//
// What is not in the model: ranks that differ in speed (a step lasts as long as the slowest rank), other traffic in the network, switches
// that are narrower than the sum of their links, reading of pictures, validation and checkpoints.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "apps/scaling/message_model.h"

namespace primal {

struct BucketTime {
  double bytes = 0.0;
  double ready_ms = 0.0;  // since the start of backward
};

// A step on one rank with `share` pictures, without messages.
struct StepParts {
  double share = 1.0;
  double before_ms = 0.0;           // data, clearing gradients, forward
  double backward_ms = 0.0;         // with the copies of complete gradients
  double after_ms = 0.0;            // copying sums back, Adam
  std::vector<BucketTime> buckets;  // in the order in which they are sent
  std::vector<double> progress_ms;  // since the start of backward: when messages are moved on

  double step_ms() const { return before_ms + backward_ms + after_ms; }
  double gradient_bytes() const;
  StepParts scaled(double factor) const;  // all times
};

// The same step with neighbouring buckets put together until each has at least so many bytes; it is complete when the last of them is.
StepParts with_buckets(const StepParts& parts, double bytes);

// The parts for another share, on the line through two measurements; never below a tenth of the smaller one in proportion.
StepParts at_share(const StepParts& small, const StepParts& large, double share);

struct StepPrediction {
  double compute_ms = 0.0;  // of the step without messages
  double step_ms = 0.0;
  double without_overlap_ms = 0.0;
  double messages_ms() const { return without_overlap_ms - compute_ms; }
  double waited_ms() const { return step_ms - compute_ms; }
  // The part of the messages' time that passes behind the backward pass, 0 to 1; 0 where there are no messages.
  double hidden() const { return messages_ms() > 0.0 ? 1.0 - waited_ms() / messages_ms() : 0.0; }
};

// `parts` are those of the largest share.
StepPrediction predict_step(const StepParts& parts, const MessageModel& messages, int64_t ranks);

// A row of a table: batch pictures a step on so many ranks, the largest share being batch / ranks rounded up.
struct ScalingRow {
  int64_t ranks = 1, batch = 1, share = 1;
  StepPrediction step = {};
  double pictures_per_s = 0.0;
  double efficiency =
      0.0;  // pictures a second per rank, over those of one rank with the same batch (or share)
};

// The bytes of a bucket on so many ranks; what is not given is what training chooses.
using BucketRule = std::function<double(int64_t ranks)>;

// One batch for every number of ranks; those with more ranks than pictures are left out, since training refuses them.
std::vector<ScalingRow> fixed_batch(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t batch, const BucketRule& buckets = {});
// As many pictures on each rank, so that the batch grows with the ranks.
std::vector<ScalingRow> fixed_share(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t share, const BucketRule& buckets = {});

}  // namespace primal
