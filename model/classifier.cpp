#include "model/classifier.h"

#include "model/checkpoint_format.h"
#include "nn/softmax/softmax.h"
#include "tensor/error.h"

namespace primal {

Classifier::Classifier(const ClassifierSettings& settings, Initialiser& init)
    : settings_(settings), labels_(parse_labels(settings.labels)) {
  if (labels_.size() < 2)
    throw ConfigError("[classifier] the only class is '{}', expected two or more", settings.labels);
  CastingClassifierOptions options;
  options.height = options.width = settings.size;
  options.filters = {settings.filters, 2 * settings.filters};
  options.hidden = settings.hidden;
  options.classes = std::ssize(labels_);
  options.relu = settings.relu;
  options.dropout = {settings.dropout_1, settings.dropout_2};
  model_ = std::make_unique<CastingClassifier>(options, init);
}

Variable Classifier::forward(const Variable& x, Mode mode, const DropoutKey& key) const {
  return model_->forward(x, mode, key);
}

Tensor Classifier::probabilities(const Tensor& x) const {
  const NoGrad no_grad;
  return softmax(forward(x.to(module().device()), Mode::inference), 1).value().to(Device{});
}

Classifier load_classifier(const std::filesystem::path& path, Device device) {
  const Safetensors file = read_checked(path);
  require_architecture(file, kCastingClassifier);
  ClassifierSettings settings;
  read_settings(file, classifier_keys(settings), "classifier.");
  Initialiser init(0, DType::f32, device);
  Classifier model(settings, init);
  load_model_state(file, model.module());
  return model;
}

}  // namespace primal
