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

}  // namespace

void export_model(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                  const std::string& title) {
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
