// A trained nn/casting_classifier with the names of its classes.
//
//   const Classifier model = load_classifier("runs/defect/best.safetensors");
//   const std::vector<double> p = model.probabilities(picture);      // of model.labels()
//
// Errors: those of load_model (model_file.h), and a DataError that names both tasks for a model of
//         another one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/model_settings.h"
#include "nn/casting_classifier/casting_classifier.h"

namespace primal {

class Classifier {
 public:
  // ConfigError for fewer than two labels.
  Classifier(const ClassifierSettings& settings, Initialiser& init);

  const ClassifierSettings& settings() const { return settings_; }
  const std::vector<std::string>& labels() const { return labels_; }
  const Module& module() const { return *model_; }
  // Logits [N,classes] of pictures [N,1,1,size,size].
  Variable forward(const Variable& x, Mode mode, const DropoutKey& key = {}) const;
  // Softmax of the logits [N,classes], in inference, on the CPU.
  Tensor probabilities(const Tensor& x) const;

 private:
  ClassifierSettings settings_;
  std::vector<std::string> labels_;
  std::unique_ptr<CastingClassifier> model_;
};

Classifier load_classifier(const std::filesystem::path& path, Device device = {});

}  // namespace primal
