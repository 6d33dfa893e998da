// What `primal denoise` is to do with pictures: the options for all of them, and for each where it lies and where its results go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "apps/pictures/colour.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/scalar_lambda.h"

namespace primal {

struct PictureDenoisingOptions {
  std::optional<ScalarLambda> lambda;  // of scalar TV; a model otherwise
  std::optional<double> sigma;         // of the noise, for a rule that chooses lambda; else estimated
  bool best = false;                   // also score the best of 81 lambdas
  std::optional<double> noise;         // the pictures are clean: deviation of the noise to add
  std::string noise_kind, range;       // empty: as the model was trained
  std::string map_format = "figure";
  ColourMode colour = ColourMode::channels;  // of pictures in colour
  std::string format;                        // of results; empty: by their names, or by what they come from
  FigureStyle figures;
  double gap = 0.0;         // asked for; 0: none
  int64_t iterations = 0;   // asked for; 0: the model's
  int64_t size = 0;         // side after cropping and resizing; 0: as it is
  uint64_t seed = 42;       // of the noise
  bool draws_risk = false;  // a figure of what chose lambda
  bool has_clean = false;   // jobs name their clean pictures
  bool to_standard_output = false, quiet = false, json = false;

  bool has_rule() const { return lambda && lambda->is_chosen(); }
  bool is_scored() const { return noise || has_clean; }
};

// A picture and where its results go.
struct DenoisingJob {
  PictureInput input;
  uint32_t number;  // among all pictures given: of its noise
  std::optional<PictureInput> clean;
  std::filesystem::path denoised, map, compare;  // empty: not wanted
};

// What is read for a job: grey; clean is nothing where it has none.
struct DenoisingInput {
  GreyInput picture;
  std::optional<GreyInput> clean;
};

}  // namespace primal
