#include "model/model_file.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "autograd/finite_check.h"
#include "model/checkpoint_format.h"
#include "model/json_depth.h"
#include "model/model_options.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFormat = "primal-checkpoint";
constexpr size_t kMaxConfigBytes = size_t{1} << 18;
constexpr const char* kVersion = "1";
constexpr const char* kChecksum = "crc32";
constexpr std::string_view kModelPrefix = "model.";

std::string checksum_text(uint32_t crc32) { return fmt::format("{:08x}", crc32); }

// Filters and blocks as the tensors have them: the first convolution of each encoder level,
// [2 C, C, 1, 3, 3], must be there in full. So a model is never larger than the file it is built for.
void read_architecture(const Safetensors& file, ModelSettings& model) {
  const auto shape_of = [&](const std::string& name) {
    const auto found = file.entries().find(name);
    return found == file.entries().end() ? std::vector<int64_t>{} : found->second.shape;
  };
  const std::string stem = "cnn.c0x0.conv_block.0.weight";
  const std::vector<int64_t> stem_shape = shape_of(stem);
  if (stem_shape.size() < 2 || stem_shape[0] < 1) {
    throw DataError(
        "[checkpoint] {}: neither a checkpoint nor weights of the thesis model: expected a tensor {}, found "
        "{} tensors{}; `primal train` makes checkpoints",
        file.name(), stem, file.entries().size(),
        file.entries().empty() ? "" : ", the first is " + file.entries().begin()->first);
  }
  model.filters = stem_shape[0];
  for (model.blocks = 0; model.blocks <= UNetOptions::kMostBlocks; ++model.blocks) {
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

}  // namespace

void read_settings(const Safetensors& file, const std::vector<ConfigKey>& keys, std::string_view prefix) {
  try {
    const std::string& text = metadata_entry(file, "config");
    check_config_text(file, text);
    const nlohmann::json config = nlohmann::json::parse(text);
    if (!config.is_object()) {
      throw DataError("[checkpoint] {}: its configuration is not a JSON object", file.name());
    }
    for (const auto& [name, value] : config.items()) {
      if (!name.starts_with(prefix)) continue;
      const auto key = std::ranges::find(keys, name, &ConfigKey::name);
      if (key == keys.end()) {
        throw DataError("[checkpoint] {}: its configuration has {} = {}, which this version does not know",
                        file.name(), name, value.dump());
      }
      assign(*key, value, "checkpoint");
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError("[checkpoint] {}: its configuration is not JSON: {:.160}", file.name(), error.what());
  } catch (const ConfigError& error) {
    throw DataError("[checkpoint] {}: its configuration: {}", file.name(), error.what());
  }
}

std::string architecture_in(const Safetensors& file) {
  const auto task = file.metadata().find("task");
  if (task != file.metadata().end()) return task->second;
  // Bare weights, by a name that only one model has.
  if (file.contains("cnn.encoder.enc_blocks.0.conv_block.0.weight")) return kDynamicTv;
  if (file.contains("conv_layer_1.weight")) return kCastingClassifier;
  if (file.contains("encoder.conv1.weight")) return kMnistAutoencoder;
  if (file.contains("encoder.0.weight") && file.contains("decoder.0.weight")) return kCastingAutoencoder;
  return kUnrolledTv;
}

std::string task_text(const std::string& architecture) {
  const char* kind = architecture == kUnrolledTv          ? "denoise"
                     : architecture == kDynamicTv         ? "sequence"
                     : architecture == kCastingClassifier ? "classify"
                     : architecture == kCastingAutoencoder || architecture == kMnistAutoencoder
                         ? "reconstruct"
                         : "unknown";
  return fmt::format("{} ({})", kind, architecture);
}

void require_architecture(const Safetensors& file, const std::string& expected) {
  const std::string found = architecture_in(file);
  if (found == expected) return;
  throw DataError("[checkpoint] {}: a model for the task {}, expected {}", file.name(), task_text(found),
                  task_text(expected));
}

TensorMap in_our_layout(const Safetensors& file, const TensorMap& tensors) {
  return architecture_in(file) == kUnrolledTv ? from_reference_layout(tensors) : tensors;
}

void check_config_text(const Safetensors& file, const std::string& text) {
  if (text.size() > kMaxConfigBytes || is_nested_deeper(text, kMaxJsonLevels)) {
    throw DataError("[checkpoint] {}: its configuration of {} bytes is not that of a training run",
                    file.name(), text.size());
  }
}

bool is_checkpoint(const Metadata& metadata) {
  const auto format = metadata.find("format");
  return format != metadata.end() && format->second == kFormat;
}

const std::string& metadata_entry(const Safetensors& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    throw DataError("[checkpoint] {}: `{}` is missing from its metadata: not a checkpoint of a training run",
                    file.name(), key);
  }
  return found->second;
}

Safetensors read_checked(const std::filesystem::path& path) {
  Safetensors file = Safetensors::read(path);
  const auto written = file.metadata().find(kChecksum);
  if (!is_checkpoint(file.metadata()) || written == file.metadata().end()) return file;
  const std::string found = checksum_text(file.crc32());
  if (found != written->second) {
    throw DataError(
        "[checkpoint] {} is damaged: its tensors have the CRC-32 {}, but {} was recorded; if they were "
        "changed on purpose, remove {} from its metadata",
        file.name(), found, written->second, kChecksum);
  }
  return file;
}

void require_version(const Safetensors& file) {
  const std::string& version = metadata_entry(file, "version");
  if (version != kVersion) {
    throw DataError("[checkpoint] {}: version {}, this program reads version {}", file.name(), version,
                    kVersion);
  }
}

ModelSettings model_settings_of(const Safetensors& file, const ModelSettings& otherwise) {
  require_architecture(file, kUnrolledTv);
  ModelSettings found = otherwise;
  read_architecture(file, found);
  if (!is_checkpoint(file.metadata())) return found;
  ModelSettings given;
  read_settings(file, model_keys(given), kModelPrefix);
  if (given.filters != found.filters || given.blocks != found.blocks ||
      given.learn_steps != found.learn_steps) {
    throw DataError(
        "[checkpoint] {}: its configuration says {} filters, {} blocks, {} steps, but its tensors have {} "
        "filters, {} blocks, {} steps: it is corrupt, or of another architecture",
        file.name(), given.filters, given.blocks, given.learn_steps ? "learnt" : "fixed", found.filters,
        found.blocks, found.learn_steps ? "learnt" : "fixed");
  }
  return given;
}

TensorMap model_state_of(const Safetensors& file) {
  TensorMap state;
  for (const auto& [name, info] : file.entries()) {
    if (!name.starts_with(kAdamPrefix)) state[name] = file.tensor(name);
  }
  return in_our_layout(file, state);
}

void load_model_state(const Safetensors& file, const Module& model) {
  const TensorMap state = model_state_of(file);
  for (const auto& [name, tensor] : state) {
    if (is_floating(tensor.dtype()) && count_non_finite(tensor) > 0)
      throw DataError("[checkpoint] {}: {} is not finite everywhere, so this is not a usable model",
                      file.name(), name);
  }
  try {
    model.load_state(state);
  } catch (const DataError& error) {
    throw DataError("[checkpoint] {}: {}", file.name(), error.what());
  }
}

void write_checkpoint(const std::filesystem::path& path, const TensorMap& state, const std::string& config,
                      const Metadata& more, const std::string& architecture) {
  TensorMap tensors = moved_to(state, Device{});
  if (architecture == kUnrolledTv) tensors = to_reference_layout(tensors);
  Metadata metadata{{"format", kFormat},
                    {"version", kVersion},
                    {kChecksum, checksum_text(crc32_of(tensors))},
                    {"task", architecture},
                    {"config", config}};
  metadata.insert(more.begin(), more.end());
  write_safetensors(path, tensors, metadata);
}

std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const ModelSettings& otherwise,
                                       Device device) {
  const Safetensors file = read_checked(path);
  Initialiser init(0, DType::f32, device);
  auto model = std::make_unique<UnrolledTv>(model_options(model_settings_of(file, otherwise)), init);
  load_model_state(file, *model);
  return model;
}

void save_model(const std::filesystem::path& path, const UnrolledTv& model) {
  ModelSettings settings = model_settings(model.options());
  write_checkpoint(path, model.state(), to_json(model_keys(settings)).dump());
}

}  // namespace primal
