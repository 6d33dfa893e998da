#include "apps/training/checkpoint.h"

#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/plans/plan_file.h"
#include "apps/shell/json_text.h"
#include "apps/training/denoising_task.h"
#include "apps/training/model_choice.h"
#include "autograd/finite_check.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

double number(const Safetensors& file, const std::string& key) {
  const std::string& text = metadata_entry(file, key);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || std::isnan(value)) {
    throw DataError("[checkpoint] {}: `{}` is not a number: '{}'", file.name(), key, text);
  }
  return value;
}

// The number in an entry that older checkpoints do not have; `otherwise` where it is missing.
double number_or(const Safetensors& file, const std::string& key, double otherwise) {
  return file.metadata().contains(key) ? number(file, key) : otherwise;
}

TrainingState state_of(const Safetensors& file) {
  require_version(file);
  TrainingState state;
  state.step = static_cast<int64_t>(number(file, "step"));
  state.best = number(file, "best");
  if (!std::isfinite(state.best))
    state.best = TrainingState{}.best;  // of versions that took an infinite PSNR for the best
  state.best_step = static_cast<int64_t>(number_or(file, "best_step", 0.0));
  state.to_exceed = number_or(file, "to_exceed", state.best);
  if (!std::isfinite(state.to_exceed)) state.to_exceed = TrainingState{}.to_exceed;
  state.n_waited = static_cast<int64_t>(number_or(file, "n_waited", 0.0));
  state.validation_due = number_or(file, "validation_due", 0.0) != 0.0;
  state.loss = number_or(file, "loss", 0.0);
  state.step_ms = number_or(file, "step_ms", 0.0);
  if (file.metadata().contains("metric")) state.metric = metadata_entry(file, "metric");
  if (file.metadata().contains("started_in")) state.started_in = metadata_entry(file, "started_in");
  if (file.metadata().contains("pictures")) state.pictures = metadata_entry(file, "pictures");
  return state;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state) {
  TensorMap tensors = model.state();
  for (const auto& [name, tensor] : adam.state()) tensors[std::string(kAdamPrefix) + name] = tensor;
  write_checkpoint(path, tensors, json_text(config_to_json(config)),
                   {{"step", fmt::format("{}", state.step)},
                    {"best", fmt::format("{}", state.best)},
                    {"best_step", fmt::format("{}", state.best_step)},
                    {"metric", state.metric},
                    {"to_exceed", fmt::format("{}", state.to_exceed)},
                    {"n_waited", fmt::format("{}", state.n_waited)},
                    {"validation_due", state.validation_due ? "1" : "0"},
                    {"loss", fmt::format("{}", state.loss)},
                    {"step_ms", fmt::format("{}", state.step_ms)},
                    {"started_in", utf8_text(state.started_in)},
                    {"pictures", state.pictures},
                    {"implementations", to_json(current_choices()).dump()}},
                   architecture_of(config));
}

TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam,
                              const TrainConfig& config) {
  const Safetensors file = read_checked(path);
  require_architecture(file, architecture_of(config));
  const TrainingState state = state_of(file);
  TensorMap moments;
  for (const auto& [name, info] : file.entries()) {
    if (name.starts_with(kAdamPrefix)) moments[name.substr(kAdamPrefix.size())] = file.tensor(name);
  }
  load_model_state(file, model);
  adam.load_state(in_our_layout(file, moments));
  return state;
}

TrainConfig checkpoint_config(const Safetensors& file) {
  try {
    const std::string& text = metadata_entry(file, "config");
    check_config_text(file, text);
    return config_from_json(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw DataError("[checkpoint] {}: its configuration is not JSON: {:.160}", file.name(), error.what());
  } catch (const ConfigError& error) {
    throw DataError("[checkpoint] {}: its configuration: {}", file.name(), error.what());
  }
}

std::optional<TrainingState> training_state(const Safetensors& file) {
  if (!is_checkpoint(file.metadata())) return std::nullopt;
  return state_of(file);
}

CheckpointInfo checkpoint_info(const std::filesystem::path& path) {
  const Safetensors file = read_checked(path);
  return {checkpoint_config(file), state_of(file)};
}

std::vector<std::string> load_initial_weights(const std::filesystem::path& path, const Module& model,
                                              const TrainConfig& config) {
  const auto found = find_model_file(path);
  const Safetensors file = read_checked(found.path);
  require_architecture(file, architecture_of(config));
  TensorMap state = model_state_of(file);
  std::vector<std::string> remarks;
  if (!found.remark.empty()) remarks.push_back(found.remark);
  const TensorMap own = model.state();
  for (const char* step : {"pdhg.sigma", "pdhg.tau", "pdhg.theta"}) {
    if (own.contains(step) && !state.contains(step)) {
      state[step] = own.at(step);
      remarks.push_back(fmt::format("{} is not in {}: it starts afresh", step, path.string()));
    } else if (!own.contains(step) && state.erase(step) > 0) {
      remarks.push_back(fmt::format("{} of {} is left out: model.learn_steps is false", step, path.string()));
    }
  }
  try {
    model.load_state(state);
  } catch (const DataError& error) {
    const std::string settings =
        config.task.kind == "denoise"
            ? fmt::format("model.filters={}, model.blocks={}", config.model.filters, config.model.blocks)
            : "this " + task_text(architecture_of(config));
    throw DataError("[checkpoint] {} does not fit {}: {}", path.string(), settings, error.what());
  }
  if (!is_checkpoint(file.metadata())) return remarks;
  TrainConfig theirs = checkpoint_config(file), ours = config;
  const std::vector<ConfigKey> before = config_keys(theirs), now = config_keys(ours);
  for (size_t i = 0; i < now.size(); ++i) {
    const std::string a = toml_value(before[i]), b = toml_value(now[i]);
    const bool is_of_the_model = now[i].name.starts_with("model.") || now[i].name.starts_with("sequence.") ||
                                 now[i].name.starts_with("classifier.") ||
                                 now[i].name.starts_with("autoencoder.");
    if (is_of_the_model && a != b) {
      remarks.push_back(fmt::format("{} was {} where the weights come from, is {} here", now[i].name, a, b));
    }
  }
  return remarks;
}

TrainConfig model_config(const std::filesystem::path& path, const TrainConfig& otherwise) {
  const Safetensors file = read_checked(path);
  const ModelSettings model = model_settings_of(file, otherwise.model);
  TrainConfig config = is_checkpoint(file.metadata()) ? checkpoint_config(file) : otherwise;
  config.model = model;
  return config;
}

}  // namespace primal
