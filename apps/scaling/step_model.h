// A model of a training step divided among P ranks (training/divided_step.h), from the parts of a step on one
// rank (step_parts.h) and the times of messages (message_model.h).
//
//   step(P) = before + backward, while messages are sent
//             + waiting for the messages that remain + agree + after
//
// The model follows the processor through the events that were measured in the backward pass of one rank with
// the largest share of the batch:
//   - Bucket i is complete at r_i. The processor starts its reduce-scatter, which takes (P - 2) o. Its bytes,
//     (P - 1)/P n_i, pass the link of the rank after those of the previous buckets, and arrive alpha later.
//   - Each time a gradient is complete, the program lets messages progress: it starts the all-gathers of the
//     buckets whose reduce-scatter has arrived.
//   - After the backward pass the buckets are finished in order, each with its all-gather, and the ranks
//     exchange losses of 16 bytes (agree).
// Without overlap all buckets become complete at the end of the backward pass.
//
// The model leaves out ranks that differ in speed (a step lasts as long as the slowest rank takes), other
// traffic in the network, switches with less bandwidth than the sum of their links, reading of pictures,
// validation and checkpoints.
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
  std::vector<double> progress_ms;  // when the program lets messages progress, since the start of backward

  double step_ms() const { return before_ms + backward_ms + after_ms; }
  double gradient_bytes() const;
  StepParts scaled(double factor) const;  // with all times multiplied by it
};

// The same step with neighbouring buckets joined until each has at least `bytes`. A joined bucket is
// complete when its last part is.
StepParts with_buckets(const StepParts& parts, double bytes);

// The parts for another share, on the line through the two measurements. No time falls below a tenth of that
// of `small`, or of its proportion for a smaller share.
StepParts at_share(const StepParts& small, const StepParts& large, double share);

struct StepPrediction {
  double compute_ms = 0.0;  // the time of the step without messages
  double step_ms = 0.0;
  double without_overlap_ms = 0.0;
  double messages_ms() const { return without_overlap_ms - compute_ms; }
  double waited_ms() const { return step_ms - compute_ms; }
  // The share of the time of the messages that the backward pass hides, 0 to 1; 0 if there are no messages.
  double hidden() const { return messages_ms() > 0.0 ? 1.0 - waited_ms() / messages_ms() : 0.0; }
};

// `parts` are those of the rank with the largest share.
StepPrediction predict_step(const StepParts& parts, const MessageModel& messages, int64_t ranks);

// A row of a table: a step with `batch` pictures on `ranks` ranks, where the largest share is
// batch / ranks, rounded up.
struct ScalingRow {
  int64_t ranks = 1, batch = 1, share = 1;
  StepPrediction step = {};
  double pictures_per_s = 0.0;
  // Pictures per second and rank, relative to one rank with the same batch (or share).
  double efficiency = 0.0;
};

// The least bytes of a bucket for a number of ranks. Without a rule, buckets are those that training chooses.
using BucketRule = std::function<double(int64_t ranks)>;

// The same batch for every number of ranks. Rows with more ranks than pictures are left out,
// since training refuses them.
std::vector<ScalingRow> fixed_batch(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t batch, const BucketRule& buckets = {});
// `share` pictures on each rank, so that the batch grows with the number of ranks.
std::vector<ScalingRow> fixed_share(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t share, const BucketRule& buckets = {});

}  // namespace primal
