// The work of `primal denoise`: the options for all pictures, and for each picture its place and where its
// results go.
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
  std::optional<ScalarLambda> lambda;  // for scalar TV; empty: a model is used
  std::optional<double> sigma;         // noise, for a rule that chooses lambda; empty: estimated
  bool best = false;                   // also score the best of 81 lambdas
  std::optional<double> noise;         // the pictures are clean: deviation of the noise to add
  std::string noise_kind, range;       // empty: as the model was trained
  std::string map_format = "figure";
  ColourMode colour = ColourMode::channels;  // for pictures in colour
  std::string format;  // results; empty: by their names, or by the format of the pictures
  FigureStyle figures;
  double gap = 0.0;         // requested; 0: none
  int64_t iterations = 0;   // requested; 0: the model's
  int64_t size = 0;         // side after cropping and resizing; 0: as it is
  uint64_t seed = 42;       // of the noise
  bool draws_risk = false;  // also draw the risk by which lambda was chosen
  bool has_clean = false;   // jobs name their clean pictures
  bool to_standard_output = false, quiet = false, json = false;
  bool overwrite = false;      // results may replace files
  bool skip_existing = false;  // a result that another process has written meanwhile is as good

  bool has_rule() const { return lambda && lambda->is_chosen(); }
  bool is_scored() const { return noise || has_clean; }
};

// A picture and where its results go.
struct DenoisingJob {
  PictureInput input;
  uint32_t number;  // place among all given pictures, for the noise
  std::optional<PictureInput> clean;
  std::filesystem::path denoised, map, compare;  // empty: not wanted
};

// The pictures that a job reads; clean is empty if the job names none.
struct DenoisingInput {
  GreyInput picture;
  std::optional<GreyInput> clean;
};

}  // namespace primal
