#include "apps/study/study_plan.h"

#include <nlohmann/json.hpp>

#include "apps/study/published_configs.h"

namespace primal {
namespace {

// What all trainings of a study share.
TrainConfig read_published(const char* toml, const char* name, const StudyOptions& o,
                           const std::string& run) {
  TrainConfig config;
  read_config_text(config, toml, name);
  const StudyFolder folder{o.output};
  config.seed = static_cast<int64_t>(o.seed);
  config.output = folder.run(run).string();
  config.data.folder.clear();
  config.data.manifest = folder.manifest().string();
  config.data.split_column = kSplitColumn;
  config.data.n_train = config.data.n_validation = 0;
  config.data.size = config.classifier.size = o.size;
  return config;
}

PlannedTraining classifier(const char* toml, const char* name, const StudyOptions& o, std::string run) {
  TrainConfig config = read_published(toml, name, o, run);
  config.training.epochs = o.epochs_classifier;
  config.classifier.relu = o.relu;
  return {std::move(run), std::move(config)};
}

PlannedTraining denoiser(const StudyOptions& o) {
  TrainConfig config = read_published(kCastingDenoiserToml, "configs/casting_denoiser.toml", o, "denoiser");
  config.training.epochs = o.epochs_denoiser;
  return {"denoiser", std::move(config)};
}

PlannedTraining unet_pdhg(const StudyOptions& o) {
  TrainConfig config = read_published(kQuickToml, "configs/quick.toml", o, "unet_pdhg");
  config.training.steps = 0;
  config.training.epochs = o.epochs_unet;
  // The best scalar of each picture takes longer than the training, and the study does not ask for it.
  config.training.baselines = false;
  return {"unet_pdhg", std::move(config)};
}

}  // namespace

nlohmann::json to_json(const StudyOptions& o) {
  return {{"from", o.from},
          {"phantoms", o.n_phantoms},
          {"size", o.size},
          {"epochs_classifier", o.epochs_classifier},
          {"epochs_denoiser", o.epochs_denoiser},
          {"epochs_unet", o.epochs_unet},
          {"relu", o.relu},
          {"split", o.split},
          {"seed", o.seed}};
}

std::vector<PlannedTraining> planned_trainings(const StudyOptions& o) {
  constexpr const char* kDefect = "configs/casting_defect.toml";
  std::vector<PlannedTraining> all = {
      classifier(kCastingDefectToml, kDefect, o, "defect"),
      classifier(kCastingNoiseTypeToml, "configs/casting_noise_type.toml", o, "noise_type"),
      denoiser(o),
      unet_pdhg(o),
  };
  if (!o.by_part()) return all;
  all.push_back(classifier(kCastingDefectToml, kDefect, o, "defect_by_picture"));
  all.back().config.data.split_column = kPictureSplitColumn;
  return all;
}

}  // namespace primal
