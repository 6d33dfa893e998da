// The options of `primal evaluate`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/tiling.h"
#include "apps/scores/lambda_search.h"
#include "apps/shards/shard.h"

namespace primal {

struct EvaluateOptions {
  CommonOptions common;
  std::vector<std::string> models;
  std::string data, output, noise_kind, range, lpips, grid = kDefaultGrid;
  std::vector<std::string> figures, merge;
  std::string shard_text;
  bool has_grid = false, has_noise = false, has_scalar_iterations = false;  // the option was given
  Shard shard;
  double noise = 0.5, perplexity = 30.0;
  std::string iterations;  // at test time, a list
  int64_t size = 0, limit = 0, scalar_iterations = 256, n_tsne = 1797;
  uint64_t seed = 42;
  bool overwrite = false;
  std::optional<bool> refine;  // maps; empty: as each model says
  Tiling tiling;
  FigureStyle style;
};

void evaluate(EvaluateOptions o);  // the command (evaluate.cpp)

// Evaluates a model of another task than unrolled TV for single pictures (evaluate_task.cpp).
void evaluate_task_command(const EvaluateOptions& o, const std::filesystem::path& file, Device device);

}  // namespace primal
