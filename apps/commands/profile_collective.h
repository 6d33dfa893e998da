// primal profile --collective: the messages between ranks, a model of the divided step, and what it predicts for more of them.
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
  double step_ms = 0.0;          // --step-ms: of one picture on one rank; 0: measured
  int64_t share = 1;             // --share
  double bucket_mb = 0.0;        // --bucket-mb; 0: as training chooses
  std::string output;            // -o
  double timeout = 300.0;        // --timeout
};
void add_collective_options(CLI::App& command, CollectiveOptions& options);

// What it takes from the other options of `primal profile`.
struct CollectiveRequest {
  CommonOptions common;
  std::string config;
  bool step = false, overwrite = false;
  int64_t size = 0, batch = 0;
  int rounds = 7;
  double min_time_ms = 30.0;
};

// ConfigError where the options do not fit together, or no launcher started several ranks and no network was named.
void profile_collective(const CollectiveOptions& options, const CollectiveRequest& request);
// ConfigError for options that have no meaning without --collective.
void check_without_collective(const CollectiveOptions& options);

}  // namespace primal
