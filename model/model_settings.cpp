#include "model/model_settings.h"

#include <algorithm>
#include <fmt/format.h>

#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {

std::vector<ConfigKey> model_keys(ModelSettings& s) {
  return {
      {"model.filters", &s.filters, "channels of the first level", 1, 1024, {}},
      {"model.blocks", &s.blocks, "levels below the first", 0, UNetOptions::kMostBlocks, {}},
      {"model.iterations", &s.iterations, "T, iterations of PDHG", 0, 100000, {}},
      {"model.up_bound", &s.up_bound, "Lambda = up_bound sigmoid(.) if above 0", 0, 100, {}},
      {"model.scale", &s.scale, "Lambda = scale softplus(.) if up_bound is 0", 1e-9, 100, {}},
      {"model.start", &s.start, "where the dual variable p starts", 0, 0, {"noisy", "zero"}},
      {"model.learn_steps", &s.learn_steps, "also learn sigma, tau and theta", 0, 0, {}},
      {"model.boundary",
       &s.boundary,
       "opposite edges are neighbours (periodic), or edges are free (symmetric)",
       0,
       0,
       {"periodic", "symmetric"}},
      {"model.refine",
       &s.refine,
       "correct the map when the model is used, by an error estimated from the noise; training does not",
       0,
       0,
       {}},
  };
}

std::vector<ConfigKey> sequence_keys(SequenceSettings& s) {
  return {
      {"sequence.filters",
       &s.filters,
       "channels of the first level, doubled at each further one",
       1,
       256,
       {}},
      {"sequence.stages", &s.stages, "levels of the network", 1, 8, {}},
      {"sequence.iterations", &s.iterations, "T, iterations of PDHG", 0, 100000, {}},
      {"sequence.up_bound", &s.up_bound, "Lambda = up_bound sigmoid(.)", 1e-9, 100, {}},
      {"sequence.start", &s.start, "where the dual variable p starts", 0, 0, {"noisy", "zero"}},
      {"sequence.pad_xy",
       &s.pad_xy,
       "pixels that the network sees beyond each edge, by reflection",
       0,
       1024,
       {}},
      {"sequence.pad_t",
       &s.pad_t,
       "frames that the network sees before the first and after the last: reflected in training, "
       "circular afterwards",
       0,
       1024,
       {}},
      {"sequence.boundary",
       &s.boundary,
       "opposite edges, and first and last frame, are neighbours (periodic), or edges are free (symmetric)",
       0,
       0,
       {"periodic", "symmetric"}},
      {"sequence.initial_xy",
       &s.initial_xy,
       "Lambda in space before the first step, at every pixel; 0: the value that the drawn weights give",
       0,
       100,
       {}},
      {"sequence.initial_t",
       &s.initial_t,
       "Lambda in time before the first step; give both or none",
       0,
       100,
       {}},
  };
}

std::vector<ConfigKey> classifier_keys(ClassifierSettings& s) {
  return {
      {"classifier.size", &s.size, "side of the pictures, pixels", 9, 4096, {}},
      {"classifier.labels",
       &s.labels,
       "classes in the order of their numbers, with commas between; empty: those of the data by name",
       0,
       0,
       {}},
      {"classifier.filters",
       &s.filters,
       "channels of the first convolution; the second has twice",
       1,
       1024,
       {}},
      {"classifier.hidden", &s.hidden, "outputs of the first linear layer", 1, 65536, {}},
      {"classifier.relu", &s.relu, "ReLU after each convolution and the first linear layer", 0, 0, {}},
      {"classifier.dropout_1", &s.dropout_1, "share dropped before the first linear layer", 0, 0.99, {}},
      {"classifier.dropout_2", &s.dropout_2, "share dropped before the second linear layer", 0, 0.99, {}},
  };
}

std::vector<ConfigKey> autoencoder_keys(AutoencoderSettings& s) {
  return {
      {"autoencoder.layout",
       &s.layout,
       "casting: strided convolutions, any size; mnist: pooling and a latent vector",
       0,
       0,
       {"casting", "mnist"}},
      {"autoencoder.filters",
       &s.filters,
       "channels of the first level, doubled at each further one; 0: as published",
       0,
       1024,
       {}},
      {"autoencoder.latent", &s.latent, "length of the latent vector (mnist)", 1, 65536, {}},
      {"autoencoder.size", &s.size, "side of the pictures, pixels, a multiple of 4 (mnist)", 4, 4096, {}},
  };
}

std::string architecture_of(const AutoencoderSettings& settings) {
  return settings.layout == "mnist" ? kMnistAutoencoder : kCastingAutoencoder;
}

std::vector<std::string> parse_labels(const std::string& text) {
  std::vector<std::string> labels;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string label = text.substr(begin, end - begin);
    while (!label.empty() && label.front() == ' ') label.erase(0, 1);
    while (!label.empty() && label.back() == ' ') label.pop_back();
    if (label.empty()) throw ConfigError("[config] classifier.labels = '{}': a label is empty", text);
    if (std::ranges::count(labels, label) > 0)
      throw ConfigError("[config] classifier.labels = '{}': {} occurs twice", text, label);
    labels.push_back(label);
    begin = end + 1;
  }
  return labels;
}

}  // namespace primal
