#include "apps/training/checkpoint.h"

#include <cmath>
#include <fmt/ranges.h>

#include "apps/json_text.h"
#include "apps/profile/plan_file.h"
#include "apps/training/denoising_task.h"
#include "autograd/finite_check.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFormat = "primal-checkpoint";
constexpr const char* kVersion = "1";
constexpr const char* kTask = "unrolled_tv";
constexpr std::string_view kAdamPrefix = "adam.";
constexpr const char* kChecksum = "crc32";
constexpr int64_t kMostBlocks = 8;  // as the configuration allows

std::string checksum_text(uint32_t crc32) { return fmt::format("{:08x}", crc32); }

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

// DataError where a bit of a tensor is not what was written, if the file says what that was.
Safetensors read_whole(const std::filesystem::path& path) {
  Safetensors file = Safetensors::read(path);
  const auto written = file.metadata().find(kChecksum);
  if (!is_checkpoint(file.metadata()) || written == file.metadata().end()) return file;
  const std::string found = checksum_text(file.crc32());
  if (found != written->second) {
    throw DataError(
        "[checkpoint] {} is damaged: its tensors have the CRC-32 {}, {} were written; where they were "
        "changed on purpose, take {} out of its metadata",
        file.name(), found, written->second, kChecksum);
  }
  return file;
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

// Filters and blocks as the tensors have them: the first convolution of each encoder level, [2 C, C, 1, 3, 3], must be
// there in full. So a model is never larger than the file it is built for.
void read_architecture(const Safetensors& file, TrainConfig::Model& model) {
  const auto shape_of = [&](const std::string& name) {
    const auto found = file.entries().find(name);
    return found == file.entries().end() ? std::vector<int64_t>{} : found->second.shape;
  };
  const std::string stem = "cnn.c0x0.conv_block.0.weight";
  const std::vector<int64_t> stem_shape = shape_of(stem);
  if (stem_shape.size() < 2 || stem_shape[0] < 1) {
    throw DataError(
        "[checkpoint] {}: no checkpoint and no weights of the thesis model: expected a tensor {}, found {} "
        "tensors{}; `primal train` makes checkpoints",
        file.name(), stem, file.entries().size(),
        file.entries().empty() ? "" : ", the first is " + file.entries().begin()->first);
  }
  model.filters = stem_shape[0];
  for (model.blocks = 0; model.blocks <= kMostBlocks; ++model.blocks) {
    const std::string name = fmt::format("cnn.encoder.{}.double_conv.conv_block.0.weight", model.blocks);
    if (!file.contains(name)) break;
    const std::vector<int64_t> shape = shape_of(name);
    const int64_t channels = model.filters << model.blocks;
    if (shape.size() < 2 || shape[0] != 2 * channels || shape[1] != channels) {
      throw DataError(
          "[checkpoint] {}: {} has shape [{}], expected [{}, {}, ...] after {} filters in the stem",
          file.name(), name, fmt::join(shape, ", "), 2 * channels, channels, model.filters);
    }
  }
  model.learn_steps = file.contains("pdhg.sigma");
}

TrainConfig model_config_of(const Safetensors& file, const TrainConfig& otherwise) {
  const auto task = file.metadata().find("task");
  if (task != file.metadata().end() && task->second != kTask) {
    throw DataError("[checkpoint] {}: a model of the task {}, expected {}", file.name(), task->second, kTask);
  }
  TrainConfig from_tensors = otherwise;
  read_architecture(file, from_tensors.model);
  if (!is_checkpoint(file.metadata())) return from_tensors;
  const TrainConfig config = checkpoint_config(file);
  const TrainConfig::Model &said = config.model, &found = from_tensors.model;
  if (said.filters != found.filters || said.blocks != found.blocks || said.learn_steps != found.learn_steps) {
    throw DataError(
        "[checkpoint] {}: its configuration says {} filters, {} blocks, {} steps; its tensors are of {} "
        "filters, {} "
        "blocks, {} steps: corrupt, or of another architecture",
        file.name(), said.filters, said.blocks, said.learn_steps ? "learnt" : "fixed", found.filters,
        found.blocks, found.learn_steps ? "learnt" : "fixed");
  }
  return config;
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
  const TensorMap state = model_state(file);
  for (const auto& [name, tensor] : state) {
    if (is_floating(tensor.dtype()) && count_non_finite(tensor) > 0)
      throw DataError("[checkpoint] {}: {} is not finite everywhere: no model", file.name(), name);
  }
  try {
    model.load_state(state);
  } catch (const DataError& error) {
    throw DataError("[checkpoint] {}: {}", file.name(), error.what());
  }
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state) {
  TensorMap tensors = model.state();
  for (const auto& [name, tensor] : adam.state()) tensors[std::string(kAdamPrefix) + name] = tensor;
  tensors = to_reference_layout(moved_to(tensors, Device{}));
  write_safetensors(path, tensors,
                    {{"format", kFormat},
                     {"version", kVersion},
                     {kChecksum, checksum_text(crc32_of(tensors))},
                     {"task", kTask},
                     {"step", fmt::format("{}", state.step)},
                     {"best", fmt::format("{}", state.best)},
                     {"to_exceed", fmt::format("{}", state.to_exceed)},
                     {"n_waited", fmt::format("{}", state.n_waited)},
                     {"validation_due", state.validation_due ? "1" : "0"},
                     {"loss", fmt::format("{}", state.loss)},
                     {"step_ms", fmt::format("{}", state.step_ms)},
                     {"pictures", state.pictures},
                     {"implementations", to_json(current_choices()).dump()},
                     {"config", json_text(config_to_json(config))}});
}

TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam) {
  const Safetensors file = read_whole(path);
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
    throw DataError("[checkpoint] {}: its configuration is not JSON: {:.160}", file.name(), error.what());
  } catch (const ConfigError& error) {
    throw DataError("[checkpoint] {}: its configuration: {}", file.name(), error.what());
  }
}

CheckpointInfo checkpoint_info(const std::filesystem::path& path) {
  const Safetensors file = read_whole(path);
  return {checkpoint_config(file), state_of(file)};
}

std::vector<std::string> load_initial_weights(const std::filesystem::path& path, const Module& model,
                                              const TrainConfig& config) {
  const Safetensors file = read_whole(path);
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

TrainConfig model_config(const std::filesystem::path& path, const TrainConfig& otherwise) {
  return model_config_of(read_whole(path), otherwise);
}

std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const TrainConfig& otherwise,
                                       Device device) {
  const Safetensors file = read_whole(path);
  Initialiser init(0, DType::f32, device);
  auto model = std::make_unique<UnrolledTv>(model_options(model_config_of(file, otherwise)), init);
  load_model_state(file, *model);
  return model;
}

}  // namespace primal
