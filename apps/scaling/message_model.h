// How long messages between P ranks take: a line in the number of bytes, fitted to measured times.
//
//   exchange   a rank sends m bytes to each of k others and receives as many from k others:
//                t(k, m) = alpha + [m > split] extra + (k - 1) o + k m beta
//   all_gather of m bytes among P ranks: t(P - 1, 8) + t(P - 1, m), the sizes first, then the content
//   AllReduce of n bytes (all_reduce.h): 2 t(P - 1, n / P) + n gamma for reduce-scatter, all-gather and sums
//
//   alpha   seconds until the first byte of a message has arrived: the latency, with the work of both
//           processors for one message
//   extra   additional seconds of messages of more than `split` bytes: MPI asks the receiver before it sends
//           them
//   o       seconds that the processor spends on each further message
//   beta    seconds per byte: the inverse of the bandwidth with which one rank sends to all others together
//   gamma   seconds per byte for adding what the ranks have sent
//
// The fit minimises the sum of squares of (model - measured) / measured, with no coefficient below zero. It
// tries every split between two measured sizes, and none. Deviations are relative because times range over
// orders of magnitude and short messages count as much as long ones. With two ranks k is always 1 and o
// cannot be fitted; the time for which starting a message keeps the processor busy takes its place.
// Source: R. Hockney, "The communication challenge for MPP: Intel Paragon and Meiko CS-2", Parallel Computing
//         20 (1994), for alpha and beta; A. Alexandrov, M. Ionescu, K. Schauser, C. Scheiman, "LogGP:
//         incorporating long messages into the LogP model", SPAA 1995, for o. Non-negative least squares:
//         C. Lawson, R. Hanson, "Solving least squares problems", 1974, here by trying all subsets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/profile/statistics.h"

namespace primal {

struct MessageModel {
  double alpha_s = 0.0, extra_s = 0.0, overhead_s = 0.0, beta_s = 0.0, gamma_s = 0.0;
  double split_bytes = 0.0;  // has no meaning if extra_s is 0

  double latency_s(double bytes) const { return alpha_s + (bytes > split_bytes ? extra_s : 0.0); }
  double exchange_s(int64_t partners, double bytes) const;  // 0 without partners
};

// One exchange: the number of other ranks, and the bytes of each message.
struct MessagePhase {
  int64_t partners = 0;
  double bytes = 0.0;
};

// A measured operation: exchanges one after the other, and additions.
struct MessageTime {
  std::string name;  // "exchange", "all_gather", "all_reduce"
  // The size of one message (exchange), of one rank's content (all_gather) or of the vector (all_reduce).
  int64_t bytes = 0;
  std::vector<MessagePhase> phases;
  double added_bytes = 0.0;
  Summary us;  // on the slowest rank
  // The part of that time in which the messages of the first phase were started; 0 if it was not measured.
  double start_us = 0;
};

double predicted_us(const MessageModel& model, const MessageTime& row);

struct MessageFit {
  MessageModel model;
  double rms = 0.0;                // of (model - measured) / measured
  double worst = 0.0;              // the largest absolute value of these deviations
  size_t worst_row = 0;            // the row that has it
  bool overhead_is_fitted = true;  // false: overhead_s is the time for starting a message
};

// Throws ConfigError for fewer than four rows, or times that are not above zero.
MessageFit fit_messages(const std::vector<MessageTime>& rows);

}  // namespace primal
