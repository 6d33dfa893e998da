// One picture of `primal denoise`: read, perhaps made noisy, denoised, written, scored, and what there is to say about it.
//
// A file of several pages is several pictures, which end up as the pages of one file. Scores are against the clean picture, where there
// is one. Results keep the size, the samples' type and the units of their picture; PNG and TIFF say how they came about.
// Errors: those of read_grey (inputs.h); DataError for a clean picture of another size and for one too small to be scored, for pages
//         in a format that has none, and for --map and --compare of several pages;
//         IoError where a result cannot be written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/pictures/colour.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/picture_noise.h"
#include "apps/pictures/scalar_lambda.h"
#include "apps/scores/scores.h"
#include "data/image/image.h"
#include "data/noise/noise.h"
#include "data/preprocess/level_range.h"
#include "tensor/tensor.h"

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

// What came of one page of a job.
struct DenoisingRow {
  std::string name, picture;
  int64_t page = 0, n_pages = 1;
  // What the file holds: "tiff", "uint16", ... and which of its values are 0 and 1.
  struct Read {
    std::string format, samples;
    int bits = 0, channels = 1;
    int64_t width = 0, height = 0;
    double slope = 1.0, offset = 0.0;
    Levels levels;
  } read;
  int64_t n_tiles = 0;  // in which the network worked; 0: on the whole picture
  // Of the solver; an autoencoder has none.
  struct Solver {
    int64_t iterations;
    double relative_gap;
    std::string boundary;
  };
  std::optional<Solver> solver;
  bool is_scored = false;
  Scores noisy, denoised;  // where it is scored
  PictureNoise noise;      // found in the noisy picture
  LambdaRule rule = LambdaRule::number;
  std::optional<double> sigma, lambda;  // that the rule used and chose
  bool at_the_edge = false;             // a better lambda may lie beyond what was tried
  // Where the channels are pictures of their own: what was found and chosen for each, while `noise`, `sigma` and `lambda` are those of green.
  struct Channel {
    PictureNoise noise;
    std::optional<double> sigma, lambda;
  };
  std::vector<Channel> channels;
  std::optional<Scores> best;                         // of 81 lambdas, each score's own
  std::optional<Figure> figure;                       // of the risk over lambda
  std::filesystem::path denoised_file, map, compare;  // written ones
};

// "picture", "iterations", "psnr", "denoised", ...: what there is of them.
nlohmann::json to_json(const DenoisingRow& row);
nlohmann::json scores_json(const Scores& noisy, const Scores& denoised);

class PictureDenoising {
 public:
  // Keeps both by reference.
  PictureDenoising(const PictureDenoisingOptions& options, const Denoiser& denoiser);

  DenoisingInput read(const DenoisingJob& job);
  // A row for each page.
  std::vector<DenoisingRow> operator()(const DenoisingJob& job, const DenoisingInput& read);

  // Pictures whose result is far from converged.
  size_t n_far() const { return n_far_; }
  // Pictures whose noise is outside of what the model was trained for.
  size_t n_outside() const { return n_outside_; }

 private:
  bool keeps_colour() const;
  GreyInput read_one(const PictureInput& input, const LevelRange& range);
  GreyInput clean_of(const DenoisingJob& job, const GreyInput& read);
  void choose(const Tensor& z, const Tensor& clean, DenoisingRow& row) const;
  void talk_of_noise(const std::string& name, const DenoisingRow& row);
  PictureFormat result_format_of(const DenoisingJob& job, const GreyInput& read) const;
  void check_pages(const DenoisingJob& job, const GreyInput& read) const;
  Denoised denoise_page(const DenoisingJob& job, const DenoisingInput& read, int64_t page, DenoisingRow& row);
  // z [1,1,1,H,W], perhaps with a clean picture: finds its noise, chooses lambda, and solves.
  Denoised solve(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row);
  // z [3,1,1,H,W].
  Denoised solve_colour(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row);
  Denoised solve_channels(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row);
  void find_noise(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row);
  void write(const DenoisingJob& job, const GreyInput& read, Raster result, const Denoised& last,
             const DenoisingRow& last_row) const;
  void write_page_files(const DenoisingJob& job, const Tensor& clean, const Tensor& z, const Denoised& result,
                        DenoisingRow& row) const;
  PngText provenance(const Denoised& result, const DenoisingRow& row) const;
  void talk(const DenoisingJob& job, const Denoised& result);

  const PictureDenoisingOptions& options_;
  const Denoiser& denoiser_;
  NoiseKind noise_kind_;
  LevelRange range_;
  bool said_grey_ = false, said_alpha_ = false, said_range_ = false;
  size_t n_far_ = 0, n_outside_ = 0;
  std::string last_outside_;
};

}  // namespace primal
