// Measures how long messages between the ranks take, with the same calls as a training:
//
//   exchange     start() and wait(): every rank sends to the k ranks after it and receives from the k
//                before it; k = 1 and k = P - 1
//   all_gather   Communicator::all_gather, up to 64 KiB: training gathers numbers and short texts
//   all_reduce   AllReduce::begin() and finish()
//
// Operations follow each other without a pause, and three repetitions in a row are timed together. A row has
// the median of the rank whose median is the largest, since a step waits for the slowest rank.
//
// All ranks must call this with the same options. Throws RankError as in communicator.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/distributed/communicator.h"
#include "apps/scaling/message_model.h"

namespace primal {

struct MessageOptions {
  std::vector<int64_t> bytes = {4,        64,        1 << 10,   4 << 10, 16 << 10, 32 << 10,
                                64 << 10, 128 << 10, 512 << 10, 1 << 20, 4 << 20};
  int rounds = 11;            // the least number of rounds for a row; a round is three repetitions
  double min_time_ms = 30;    // the least time spent on a row
  double max_time_ms = 1500;  // in a slow network a row ends after this time, but not before three rounds
};

std::vector<MessageTime> measure_messages(Communicator& ranks, const MessageOptions& options,
                                          const std::function<void(const std::string& row)>& on_row = {});

}  // namespace primal
