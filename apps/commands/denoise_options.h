// The options of primal denoise, and what they may not be together.
#pragma once

#include <string>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/picture_denoising.h"
#include "apps/pictures/side_by_side.h"
#include "apps/pictures/tiling.h"
#include "apps/shards/shard.h"

namespace primal {

struct DenoiseOptions : PictureDenoisingOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string output, clean, boundary;
  std::string sequence;     // frames to denoise together, instead of pictures
  std::string lambda_text;  // of --lambda
  std::string colour_text;
  bool has_colour = false;  // --colour was given
  FigureFile figure;        // of the risk over lambda
  int64_t limit = 0;
  bool map = false, compare = false;
  std::optional<bool> refine;  // maps; empty: as the model says
  Tiling tiling;
  SideBySide side_by_side;
  std::string shard_text;
  Shard shard;
};

inline constexpr const char* kSigmaIsNotUsed =
    "[denoise] --sigma (the deviation of the noise) is used only by --lambda auto, --lambda discrepancy and "
    "--refine on: give one of these";

void denoise(DenoiseOptions options);  // the command (denoise.cpp)

// ConfigError for options that cannot be used with --sequence, and unless exactly one of MODEL and --lambda
// is given.
void check_sequence_options(const DenoiseOptions& o);

// ConfigError for options that contradict each other, before any picture is looked for.
void check_denoise_options(const DenoiseOptions& o);

}  // namespace primal
