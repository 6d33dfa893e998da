// What `primal denoise` reports about a denoised picture, or about one page of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/pictures/picture_noise.h"
#include "apps/pictures/scalar_lambda.h"
#include "apps/scores/scores.h"
#include "data/figure/figure.h"
#include "data/preprocess/level_range.h"

namespace primal {

// The result of one page of a job.
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
    struct Dicom {
      int bits_stored;
      std::string photometric, transfer_syntax;
    };
    std::optional<Dicom> dicom = {};  // only for a DICOM file
    std::string alpha = {};           // "associated", "unassociated", or empty
    std::string profile_space = {};   // "RGB"; empty where there is no profile
    size_t profile_bytes = 0;
  } read;
  std::string colour;   // what --colour did to a picture in colour; empty for a grey one
  int64_t n_tiles = 0;  // tiles of the network; 0: the whole picture at once
  // Empty for an autoencoder, which has no solver.
  struct Solver {
    int64_t iterations;
    double relative_gap;
    std::string boundary;
  };
  std::optional<Solver> solver;
  bool is_scored = false;
  Scores noisy, denoised;  // if is_scored
  PictureNoise noise;      // found in the noisy picture
  LambdaRule rule = LambdaRule::number;
  std::optional<double> sigma, lambda;  // used and chosen by the rule
  bool at_the_edge = false;             // a better lambda may lie beyond what was tried
  bool is_refined = false;              // the map was, for the noise
  // If the channels are denoised separately: what was found and chosen for each; `noise`, `sigma`, `lambda`
  // and `is_refined` above are then those of green, or of the luminance.
  struct Channel {
    std::string name;
    PictureNoise noise;
    std::optional<double> sigma, lambda;
    bool is_refined = false;
  };
  std::vector<Channel> channels;
  std::optional<Scores> best;                         // the best of 81 lambdas, for each score separately
  std::optional<Figure> figure;                       // the risk over lambda
  std::filesystem::path denoised_file, map, compare;  // files that were written
};

// "picture", "iterations", "psnr", "denoised", ...; values that do not exist are left out.
nlohmann::json to_json(const DenoisingRow& row);
nlohmann::json scores_json(const Scores& noisy, const Scores& denoised);

}  // namespace primal
