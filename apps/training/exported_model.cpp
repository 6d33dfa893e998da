#include "apps/training/exported_model.h"

#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "apps/training/checkpoint.h"
#include "apps/training/config.h"
#include "data/safetensors/safetensors.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kTitle = "title";

std::string title_in(const Safetensors& file) {
  const auto found = file.metadata().find(kTitle);
  return found == file.metadata().end() ? std::string() : found->second;
}

void require_map_of_pictures(const Safetensors& file) {
  const std::string architecture = architecture_in(file);
  if (architecture == kUnrolledTv) return;
  throw ConfigError(
      "[export] --refine is for models that denoise pictures with a map; {} is a model of task {}",
      file.name(), task_text(architecture));
}

}  // namespace

void export_model(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                  const std::string& title, std::optional<bool> refine) {
  const Safetensors from = read_checked(checkpoint);
  if (!is_checkpoint(from.metadata())) {
    throw DataError("[export] {} has weights but no settings: `primal train --init` can start from it",
                    checkpoint.string());
  }
  TrainConfig config = checkpoint_config(from);
  config.data.folder.clear();
  config.data.manifest.clear();
  config.training.init.clear();
  config.output = TrainConfig().output;
  if (refine) {
    require_map_of_pictures(from);
    config.model.refine = *refine;
  }
  Metadata more;
  for (const char* key : {"step", "best", "best_step"}) {
    if (from.metadata().contains(key)) more[key] = metadata_entry(from, key);
  }
  const std::string line = title.empty() ? title_in(from) : title;
  if (!line.empty()) more[kTitle] = line;
  write_checkpoint(file, model_state_of(from), json_text(config_to_json(config)), more,
                   architecture_in(from));
}

std::string model_title(const std::filesystem::path& file) { return title_in(Safetensors::read(file)); }

}  // namespace primal
