// primal profile --collective: measures messages between ranks, and predicts the divided step for other
// numbers of ranks with a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/commands/commands.h"

namespace primal {

struct CollectiveOptions {
  bool wanted = false;           // --collective
  std::vector<int64_t> predict;  // --predict-ranks
  std::vector<double> network;   // --network: latency in us, us for each further message, GB/s
  double step_ms = 0.0;          // --step-ms: the time of one picture on one rank; 0: measured
  int64_t share = 1;             // --share
  double bucket_mb = 0.0;        // --bucket-mb; 0: as training chooses
  std::string output;            // -o
  double timeout = 300.0;        // --timeout
};
void add_collective_options(CLI::App& command, CollectiveOptions& options);

// The other options of `primal profile` that --collective uses.
struct CollectiveRequest {
  CommonOptions common;
  std::string config;
  bool step = false, overwrite = false;
  int64_t size = 0, batch = 0;
  int rounds = 7;
  double min_time_ms = 30.0;
};

// Throws ConfigError if the options contradict each other, or if no launcher started several ranks
// and no network is given.
void profile_collective(const CollectiveOptions& options, const CollectiveRequest& request);
// Throws ConfigError for options that have no meaning without --collective.
void check_without_collective(const CollectiveOptions& options);

}  // namespace primal
