// The options of `primal search`, and the pictures that they name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/inputs.h"
#include "apps/scores/lambda_search.h"
#include "apps/search/lambda_curve.h"
#include "apps/shards/shard.h"
#include "tensor/tensor.h"

namespace primal {

struct SearchOptions {
  CommonOptions common;
  std::vector<std::string> paths, merge;
  std::string clean, grid = kDefaultGrid, noise_kind = "relative", boundary = "symmetric", range = "full",
                     csv, output, shard_text;
  Shard shard;
  FigureFile figure;
  std::optional<double> noise;
  int64_t iterations = 256, size = 0, limit = 0;
  uint64_t seed = 42;
  bool overwrite = false;
};

void search(SearchOptions o);  // the command (search.cpp)
// Throws ConfigError for options that contradict each other, and IoError for results that cannot be written.
void check_search_options(const SearchOptions& o);

struct SearchedPicture {
  Tensor noisy, clean;  // [1,1,1,H,W]
};
// Reads the picture `input`. `clean` is its clean picture, or nothing with --noise. `number` is its place
// among all pictures; the noise depends on it.
SearchedPicture read_searched_picture(const PictureInput& input, const std::optional<PictureInput>& clean,
                                      size_t number, const SearchOptions& o);

// The scores of a picture over the grid. Standard error tells how far it is, under that name.
LambdaCurve searched_curve(const std::string& name, const SearchedPicture& picture, const SearchOptions& o,
                           Device device);
// Writes what --csv and --figure ask for, and says if the best lambda is at the end of the grid.
void write_curve(const LambdaCurve& curve, const SearchOptions& o);

// A curve for each of several pictures, and their means (search_folder.cpp).
void search_folder(const SearchOptions& o, const std::vector<PictureInput>& inputs,
                   const InputRemarks& remarks, Device device);

}  // namespace primal
