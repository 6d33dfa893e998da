// The settings of the models: [model], [sequence], [classifier] and [autoencoder] in a configuration file,
// and what a checkpoint keeps beside the weights.
//
// To add a setting: a member with the default of the network's option, its row in model_keys(), and its line
// in each of the two functions of model_options.h. Files that do not have it yet get the default.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/config_key.h"
#include "nn/dynamic_tv/dynamic_tv.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct ModelSettings {
  int64_t filters = UNetOptions().filters, blocks = UNetOptions().blocks;
  int64_t iterations = UnrolledTvOptions().n_iter;  // T
  double up_bound = UnrolledTvOptions().up_bound, scale = UnrolledTvOptions().scale;
  std::string start = name_of(UnrolledTvOptions().start);  // of p
  bool learn_steps = UnrolledTvOptions().learn_steps;
  std::string boundary = name_of(UnrolledTvOptions().boundary);  // solvers/boundary
  bool refine = UnrolledTvOptions().refine;

  bool operator==(const ModelSettings&) const = default;
};

std::vector<ConfigKey> model_keys(ModelSettings& settings);

// nn/dynamic_tv, for sequences of frames. The bound L of its steps is always that of three axes.
struct SequenceSettings {
  int64_t filters = DynamicUNetOptions().filters, stages = DynamicUNetOptions().stages;
  int64_t iterations = DynamicTvOptions().n_iter;  // T
  double up_bound = DynamicTvOptions().up_bound;
  std::string start = name_of(DynamicTvOptions().start);  // of p
  int64_t pad_xy = DynamicTvOptions().pad_xy, pad_t = DynamicTvOptions().pad_t;
  std::string boundary = name_of(DynamicTvOptions().boundary);  // solvers/boundary, in time too
  // Training starts from this pair of Lambdas; 0: from what the drawn weights give.
  double initial_xy = 0.0, initial_t = 0.0;

  bool operator==(const SequenceSettings&) const = default;
};

std::vector<ConfigKey> sequence_keys(SequenceSettings& settings);

// nn/casting_classifier; the second convolution has twice the filters.
struct ClassifierSettings {
  int64_t size = 300;  // side of the pictures
  std::string labels;  // the classes in the order of their numbers: "defect,ok"
  int64_t filters = 16, hidden = 128;
  bool relu = true;
  double dropout_1 = 0.3, dropout_2 = 0.5;

  bool operator==(const ClassifierSettings&) const = default;
};

std::vector<ConfigKey> classifier_keys(ClassifierSettings& settings);

// nn/mnist_autoencoder or nn/casting_autoencoder; each further level has twice the filters.
struct AutoencoderSettings {
  std::string layout = "casting";
  int64_t filters = 0;   // of the first level; 0: as published, 32 (mnist) or 64 (casting)
  int64_t latent = 128;  // mnist: numbers between encoder and decoder
  int64_t size = 28;     // mnist: side of the pictures

  int64_t first_filters() const { return filters > 0 ? filters : layout == "mnist" ? 32 : 64; }
  bool operator==(const AutoencoderSettings&) const = default;
};

std::vector<ConfigKey> autoencoder_keys(AutoencoderSettings& settings);

// "mnist_autoencoder" or "casting_autoencoder": what a checkpoint calls the model of these settings.
std::string architecture_of(const AutoencoderSettings& settings);

// "defect, ok" as {"defect", "ok"}. ConfigError for an empty one and for one that occurs twice.
std::vector<std::string> parse_labels(const std::string& text);

}  // namespace primal
