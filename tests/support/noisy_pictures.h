// Settings of trainings without clean pictures, small enough to see through.
#pragma once

#include <filesystem>
#include <fmt/core.h>
#include <string>

#include "data/image/image.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "support/temporary_folder.h"
#include "support/tiny_training.h"

namespace primal::testing {

inline const std::filesystem::path& noisy_root() {
  static const TemporaryFolder folder;
  return folder.path();
}

inline TrainConfig tiny_without_clean(const std::string& folder, const std::string& loss) {
  std::filesystem::remove_all(noisy_root() / folder);
  TrainConfig config = tiny_training(noisy_root() / folder, 12);
  config.training.loss = loss;
  return config;
}

// A folder of phantoms with noise in them, and settings that take them as they are.
inline TrainConfig noisy_only(const std::string& folder, const std::string& loss = "sure") {
  TrainConfig config = tiny_without_clean(folder, loss);
  const std::filesystem::path pictures = noisy_root() / (folder + "_pictures");
  std::filesystem::create_directories(pictures);
  for (uint32_t i = 0; i < 7; ++i) {
    const Tensor x = add_noise(make_phantom(1, i, 32), NoiseKind::absolute, 0.05, NoiseKey{5, 0, i});
    write_png(pictures / fmt::format("{}.png", i), to_image(x));
  }
  config.data.folder = pictures.string();
  config.data.size = 32;
  config.noise.low = config.noise.high = 0.0;
  return config;
}

}  // namespace primal::testing
