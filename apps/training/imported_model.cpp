#include "apps/training/imported_model.h"

#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "apps/training/config.h"
#include "model/checkpoint_format.h"
#include "model/model_file.h"
#include "model/sequence_model.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The settings, of which only those of the model may be given.
TrainConfig config_for(const std::string& kind, const std::string& section,
                       const std::vector<std::string>& assignments) {
  TrainConfig config;
  config.task.kind = kind;
  for (const std::string& assignment : assignments) {
    if (!assignment.starts_with(section))
      throw ConfigError("[import] --set {}: these weights have settings that begin with {}", assignment,
                        section);
    set_config(config, assignment);
  }
  return config;
}

// A setting that the tensors contradict would be lost without a word.
void check_assigned(const std::vector<std::string>& assignments, const TrainConfig& asked,
                    const TrainConfig& found) {
  const nlohmann::json before = config_to_json(asked), after = config_to_json(found);
  for (const std::string& assignment : assignments) {
    const std::string key = assignment.substr(0, assignment.find('='));
    if (!before.contains(key) || before.at(key) == after.at(key)) continue;
    throw ConfigError("[import] --set {}: the tensors say {}; leave it out", assignment,
                      json_text(after.at(key)));
  }
}

// The licence of weights travels with them.
Metadata origin_of(const Safetensors& file, const std::string& title) {
  Metadata more;
  for (const char* key : {"source", "title"}) {
    if (const auto found = file.metadata().find(key); found != file.metadata().end())
      more[key] = found->second;
  }
  if (!title.empty()) more["title"] = title;
  return more;
}

}  // namespace

ImportedModel import_model(const std::filesystem::path& weights, const std::filesystem::path& file,
                           const std::vector<std::string>& assignments, const std::string& title) {
  const Safetensors from = read_checked(weights);
  if (is_checkpoint(from.metadata()))
    throw DataError("[import] {} is a checkpoint already: every command takes it as it is", from.name());
  const std::string architecture = architecture_in(from);
  const auto write = [&](const Module& model, const TrainConfig& config) -> ImportedModel {
    write_checkpoint(file, model.state(), json_text(config_to_json(config)), origin_of(from, title),
                     architecture);
    return {architecture, model.n_parameters()};
  };
  if (architecture == kDynamicTv) {
    TrainConfig config = config_for("sequence", "sequence.", assignments);
    const SequenceModel model = load_sequence_model(weights, config.sequence);
    const TrainConfig asked = config;
    config.sequence = model.settings();
    check_assigned(assignments, asked, config);
    return write(model.module(), config);
  }
  if (architecture == kUnrolledTv) {
    TrainConfig config = config_for("denoise", "model.", assignments);
    const TrainConfig asked = config;
    config.model = model_settings_of(from, config.model);
    check_assigned(assignments, asked, config);
    return write(*load_model(weights, config.model), config);
  }
  throw DataError(
      "[import] {}: weights of {}, which `primal train --init` takes as they are; only those of "
      "{} and {} become a checkpoint",
      from.name(), architecture, kDynamicTv, kUnrolledTv);
}

}  // namespace primal
