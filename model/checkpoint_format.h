// How a model lies in a checkpoint, for the code that reads and writes them: model_file.cpp and the training
// loop, which keeps the optimiser's state in the same file.
//
//   tensors    the model's state under its names (kernels as the reference implementation has them,
//              reference_layout.h), Adam's moments as adam.m.NAME and adam.v.NAME
//              (the other models' kernels as PyTorch has them, which is how they are here)
//   metadata   format "primal-checkpoint", version, task (the model: unrolled_tv, dynamic_tv,
//              casting_classifier, casting_autoencoder, mnist_autoencoder), crc32 of the tensors, config
//              (JSON, by key)
//
// Weights without our metadata load too, where their names and shapes fit: those of the reference
// implementation do.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "data/safetensors/safetensors.h"
#include "model/model_settings.h"
#include "nn/module.h"

namespace primal {

inline constexpr std::string_view kAdamPrefix = "adam.";

bool is_checkpoint(const Metadata& metadata);

// DataError where the text of a configuration is longer or nested deeper than any of ours. Before it is
// parsed.
void check_config_text(const Safetensors& file, const std::string& text);

// An entry of the metadata; DataError where it is missing.
const std::string& metadata_entry(const Safetensors& file, const std::string& key);

// DataError where a bit of a tensor is not what was written, if the file says what that was.
Safetensors read_checked(const std::filesystem::path& path);

// DataError for a file of another version of the format.
void require_version(const Safetensors& file);

// The settings of the model in a file, its own or, for bare weights, `otherwise`'s: filters, blocks and
// learnt steps as the tensors have them. DataError where the file contradicts itself.
ModelSettings model_settings_of(const Safetensors& file, const ModelSettings& otherwise);

inline constexpr const char* kUnrolledTv = "unrolled_tv";
inline constexpr const char* kDynamicTv = "dynamic_tv";
inline constexpr const char* kCastingClassifier = "casting_classifier";
inline constexpr const char* kCastingAutoencoder = "casting_autoencoder";
inline constexpr const char* kMnistAutoencoder = "mnist_autoencoder";

// Which model a file has: its metadata say it, or where there are none the names of its tensors.
std::string architecture_in(const Safetensors& file);

// "classify (casting_classifier)": the task that a model is for, and the model.
std::string task_text(const std::string& architecture);

// DataError that names both where a file has another model than `expected`.
void require_architecture(const Safetensors& file, const std::string& expected);

// Tensors of a file in our layout: those of the thesis model are permuted.
TensorMap in_our_layout(const Safetensors& file, const TensorMap& tensors);

// The settings under a prefix ("classifier.") that a checkpoint keeps. DataError for one that
// this version does not know.
void read_settings(const Safetensors& file, const std::vector<ConfigKey>& keys, std::string_view prefix);

// The tensors of the model, in our layout; without those of the optimiser.
TensorMap model_state_of(const Safetensors& file);
void load_model_state(const Safetensors& file, const Module& model);

// Writes model (and optimiser, under names that begin with kAdamPrefix) with what every checkpoint says of
// itself, and what `more` adds.
void write_checkpoint(const std::filesystem::path& path, const TensorMap& state, const std::string& config,
                      const Metadata& more = {}, const std::string& architecture = kUnrolledTv);

}  // namespace primal
