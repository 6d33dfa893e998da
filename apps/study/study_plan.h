// The study of castings: what `primal study` is asked for, and the settings of its trainings.
//
//   defect, noise_type, denoiser   configs/casting_*.toml, as they are built into the program
//   unet_pdhg                      configs/quick.toml, on the same noisy pictures
//
// All of them train on the same pictures and are scored on the same others: a column of the manifest says
// which.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/training/config.h"

namespace primal {

struct StudyOptions {
  std::string from, output;  // from is empty for generated castings
  int64_t n_phantoms = 0, size = 300;
  int64_t epochs_classifier = 100, epochs_denoiser = 30, epochs_unet = 4;
  bool relu = true;
  std::string split = "part";  // or "picture": at random
  std::string lpips;           // weights (model/perceptual.h); empty: none
  uint64_t seed = 42;

  bool by_part() const { return split == "part"; }
};

// What decides the numbers, for study.json and to tell whether a folder belongs to the same study.
nlohmann::json to_json(const StudyOptions& options);

// The names of the columns of the study's manifest that divide its pictures.
inline constexpr const char* kSplitColumn = "split";
inline constexpr const char* kPictureSplitColumn = "split_by_picture";

// Where things lie in the folder of a study.
struct StudyFolder {
  std::filesystem::path root;

  std::filesystem::path settings() const { return root / "settings.json"; }
  std::filesystem::path pictures() const { return root / "pictures"; }
  std::filesystem::path manifest() const { return root / "pictures" / "manifest.csv"; }
  std::filesystem::path run(const std::string& name) const { return root / "runs" / name; }
};

struct PlannedTraining {
  std::string name;  // of its folder below runs/
  TrainConfig config;
};

// In the order in which they are done. With a split by part there is a fifth one, defect_by_picture: the
// first once more, with pictures divided at random, for comparison.
std::vector<PlannedTraining> planned_trainings(const StudyOptions& options);

}  // namespace primal
