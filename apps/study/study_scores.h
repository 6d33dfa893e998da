// What the trained models of a study say of the pictures that were held out. The models are those of the last
// step: none is chosen by these pictures.
#pragma once

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "apps/study/study_plan.h"
#include "data/classification/classification.h"
#include "tensor/device.h"
#include "tensor/tensor.h"

namespace primal {

// A picture as it is, and as the two denoisers leave it.
enum class Version { noisy, denoiser, unet_pdhg };
inline constexpr std::array<Version, 3> kVersions{Version::noisy, Version::denoiser, Version::unet_pdhg};
inline constexpr std::array<const char*, 3> kVersionKeys{"noisy", "denoiser", "unet_pdhg"};

// Against the clean picture, unclipped, data range 1 (data/metrics, nn/lpips); lpips is NaN without weights.
struct VersionScores {
  double psnr = 0.0, ssim = 0.0, mse = 0.0, lpips = 0.0;
  int64_t taken_for = 0;  // defect or ok
};

struct HeldOutPicture {
  std::string name, noise;
  int64_t label = 0;        // defect or ok
  int64_t noise_class = 0;  // of StudyScores::noise_types
  int64_t noise_taken_for = 0;
  std::array<VersionScores, 3> versions;
};

// A picture of the held-out ones with each type of noise: clean, then its versions, [1,1,1,S,S].
struct StudySample {
  std::string noise;
  Tensor clean;
  std::array<Tensor, 3> versions;
};

struct StudyScores {
  std::vector<std::string> labels, noise_types;
  int64_t n_train = 0;
  std::vector<HeldOutPicture> pictures;
  std::vector<StudySample> samples;
  std::optional<ConfusionMatrix>
      by_picture;  // defect or ok with pictures divided at random, on its own held-out ones

  ConfusionMatrix defect(Version version) const;
  ConfusionMatrix noise() const;
  // +1 where a version is told right and the noisy picture is not, -1 the other way round, else 0: their mean
  // is the gain in accuracy.
  std::vector<double> gains(Version version) const;
};

// Nothing where *stop became a signal's number. Errors are those of reading models and pictures.
std::optional<StudyScores> score_study(const StudyOptions& options, Device device,
                                       const volatile std::sig_atomic_t& stop);

}  // namespace primal
