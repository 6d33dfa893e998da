#include "apps/training/checkpoint.h"

#include <cmath>

#include "apps/training/denoising_task.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFormat = "primal-checkpoint";
constexpr const char* kVersion = "1";
constexpr std::string_view kAdamPrefix = "adam.";

bool is_checkpoint(const Metadata& metadata) {
  const auto format = metadata.find("format");
  return format != metadata.end() && format->second == kFormat;
}

const std::string& entry(const Safetensors& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    throw DataError("[checkpoint] {}: `{}` is missing in its metadata: not a checkpoint of a training",
                    file.name(), key);
  }
  return found->second;
}

double number(const Safetensors& file, const std::string& key) {
  const std::string& text = entry(file, key);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || std::isnan(value)) {
    throw DataError("[checkpoint] {}: `{}` is no number: '{}'", file.name(), key, text);
  }
  return value;
}

// Of an entry that older checkpoints do not have.
double number_or(const Safetensors& file, const std::string& key, double otherwise) {
  return file.metadata().contains(key) ? number(file, key) : otherwise;
}

TrainingState state_of(const Safetensors& file) {
  if (entry(file, "version") != kVersion) {
    throw DataError("[checkpoint] {}: version {}, this program reads version {}", file.name(),
                    entry(file, "version"), kVersion);
  }
  TrainingState state;
  state.step = static_cast<int64_t>(number(file, "step"));
  state.best = number(file, "best");
  state.to_exceed = number_or(file, "to_exceed", state.best);
  state.n_waited = static_cast<int64_t>(number_or(file, "n_waited", 0.0));
  state.validation_due = number_or(file, "validation_due", 0.0) != 0.0;
  state.loss = number_or(file, "loss", 0.0);
  state.step_ms = number_or(file, "step_ms", 0.0);
  if (file.metadata().contains("pictures")) state.pictures = entry(file, "pictures");
  return state;
}

// The tensors of the model, in our layout; without those of the optimiser.
TensorMap model_state(const Safetensors& file) {
  TensorMap state;
  for (const auto& [name, info] : file.entries()) {
    if (!name.starts_with(kAdamPrefix)) state[name] = file.tensor(name);
  }
  return from_reference_layout(state);
}

void load_model_state(const Safetensors& file, const Module& model) {
  try {
    model.load_state(model_state(file));
  } catch (const DataError& error) {
    throw DataError("[checkpoint] {}: {}", file.name(), error.what());
  }
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state) {
  TensorMap tensors = model.state();
  for (const auto& [name, tensor] : adam.state()) tensors[std::string(kAdamPrefix) + name] = tensor;
  write_safetensors(path, to_reference_layout(tensors),
                    {{"format", kFormat},
                     {"version", kVersion},
                     {"task", "unrolled_tv"},
                     {"step", fmt::format("{}", state.step)},
                     {"best", fmt::format("{}", state.best)},
                     {"to_exceed", fmt::format("{}", state.to_exceed)},
                     {"n_waited", fmt::format("{}", state.n_waited)},
                     {"validation_due", state.validation_due ? "1" : "0"},
                     {"loss", fmt::format("{}", state.loss)},
                     {"step_ms", fmt::format("{}", state.step_ms)},
                     {"pictures", state.pictures},
                     {"config", config_to_json(config).dump()}});
}

TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam) {
  const Safetensors file = Safetensors::read(path);
  const TrainingState state = state_of(file);
  TensorMap moments;
  for (const auto& [name, info] : file.entries()) {
    if (name.starts_with(kAdamPrefix)) moments[name.substr(kAdamPrefix.size())] = file.tensor(name);
  }
  load_model_state(file, model);
  adam.load_state(from_reference_layout(moments));
  return state;
}

TrainConfig checkpoint_config(const Safetensors& file) {
  try {
    return config_from_json(nlohmann::json::parse(entry(file, "config")));
  } catch (const nlohmann::json::exception& error) {
    throw DataError("[checkpoint] {}: its configuration is not JSON: {}", file.name(), error.what());
  }
}

CheckpointInfo checkpoint_info(const std::filesystem::path& path) {
  const Safetensors file = Safetensors::read(path);
  return {checkpoint_config(file), state_of(file)};
}

std::vector<std::string> load_initial_weights(const std::filesystem::path& path, const Module& model,
                                              const TrainConfig& config) {
  const Safetensors file = Safetensors::read(path);
  TensorMap state = model_state(file);
  std::vector<std::string> remarks;
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
    throw DataError("[checkpoint] {} does not fit model.filters={}, model.blocks={}: {}", path.string(),
                    config.model.filters, config.model.blocks, error.what());
  }
  if (!is_checkpoint(file.metadata())) return remarks;
  TrainConfig theirs = checkpoint_config(file), ours = config;
  const std::vector<ConfigKey> before = config_keys(theirs), now = config_keys(ours);
  for (size_t i = 0; i < now.size(); ++i) {
    const std::string a = toml_value(before[i]), b = toml_value(now[i]);
    if (now[i].name.starts_with("model.") && a != b) {
      remarks.push_back(fmt::format("{} was {} where the weights come from, is {} here", now[i].name, a, b));
    }
  }
  return remarks;
}

std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const TrainConfig& otherwise) {
  const Safetensors file = Safetensors::read(path);
  TrainConfig config = otherwise;
  if (is_checkpoint(file.metadata())) {
    config = checkpoint_config(file);
  } else {
    const auto stem = file.entries().find("cnn.c0x0.conv_block.0.weight");
    if (stem == file.entries().end() || stem->second.shape.empty()) {
      throw DataError("[checkpoint] {}: neither a checkpoint nor weights of the thesis model (no {})",
                      path.string(), "cnn.c0x0.conv_block.0.weight");
    }
    config.model.filters = stem->second.shape[0];
    config.model.blocks = 0;
    while (
        file.contains(fmt::format("cnn.encoder.{}.double_conv.conv_block.0.weight", config.model.blocks))) {
      ++config.model.blocks;
    }
    config.model.learn_steps = file.contains("pdhg.sigma");
  }
  Initialiser init;
  auto model = std::make_unique<UnrolledTv>(model_options(config), init);
  load_model_state(file, *model);
  return model;
}

}  // namespace primal
