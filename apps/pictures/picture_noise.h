// What a command says about the noise that it finds in a picture (data/noise_estimate).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/training/config.h"
#include "data/noise_estimate/noise_estimate.h"
#include "tensor/tensor.h"

namespace primal {

struct PictureNoise {
  std::optional<NoiseEstimate> estimate;  // none of a picture that is too small for one
  std::optional<NoiseModel> model = {};  // with all that a refinement needs to know, where that was asked for
  double noisy_deviation = 0.0;          // of the picture with its noise

  // The noise as a share of the clean picture's deviation, as data/noise has it; infinite where
  // nothing but noise is found.
  double relative() const;
};
// Estimates the noise of z [1,1,1,H,W]. If z was made of other channels, `origins` holds them.
PictureNoise noise_of_picture(const Tensor& z, const NoiseOrigins& origins = {}, bool with_model = false);

// "noise 0.0312 (8.0 of 255 grey levels), 0.21 of the deviation of the picture without it". `range` is the
// difference of the file's values that count as 1 and 0. If the file's samples are not bytes of which all
// levels count, the noise is "31.2 in the file's values".
std::string noise_text(const PictureNoise& noise, double range, const std::string& samples);
nlohmann::json to_json(const PictureNoise& noise);  // null where there is no estimate

// What makes the estimate doubtful; empty where nothing does.
std::string doubt_of(const PictureNoise& noise);

// What a model's user should know of a picture whose noise lies outside of what the model was
// trained for, and what to do; empty where it lies within, with 10 % to spare for the estimate's
// error, and where nothing is known.
std::string noise_range_remark(const PictureNoise& noise, const TrainConfig::Noise& trained);

}  // namespace primal
