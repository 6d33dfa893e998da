// Measures how long messages between the ranks take, through the same calls that a training makes:
//
//   exchange     start() and wait(): every rank sends to the k ranks after it and receives from the k before it; k = 1 and k = P - 1
//   all_gather   Communicator::all_gather, up to 64 KiB: training gathers numbers and short texts
//   all_reduce   AllReduce::begin() and finish()
//
// Every operation is repeated without a pause, and times are those of three in a row. A row is the median on the rank with the largest one, since a step waits for the slowest rank.
// All ranks must call this with the same options. RankError as in communicator.h.
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
  int rounds = 11;            // at least, of each row: three repetitions each
  double min_time_ms = 30;    // at least
  double max_time_ms = 1500;  // a row of a slow network has fewer rounds, at least three
};

std::vector<MessageTime> measure_messages(Communicator& ranks, const MessageOptions& options,
                                          const std::function<void(const std::string& row)>& on_row = {});

}  // namespace primal
