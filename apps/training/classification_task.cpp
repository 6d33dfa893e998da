#include "apps/training/classification_task.h"

#include <algorithm>
#include <utility>

#include "apps/training/batches.h"

namespace primal {
namespace {

constexpr int64_t kAtOnce = 16;  // pictures in a forward pass of validation

Metrics metrics_of(const ConfusionMatrix& confusion) {
  const ClassScores weighted = confusion.weighted(), macro = confusion.macro();
  Metrics metrics;
  for (const double value : {confusion.accuracy(), weighted.precision, weighted.recall, weighted.f1,
                             macro.precision, macro.recall, macro.f1})
    metrics.push_back(metric_of(value));
  return metrics;
}

}  // namespace

ConfusionMatrix confusion_of(const Classifier& model, const LabelledSet& pictures,
                             const std::function<bool()>& keep_going, std::vector<ClassifiedPicture>* seen,
                             const std::function<void(int64_t, const Error&)>& broken) {
  ConfusionMatrix confusion(std::ssize(model.labels()));
  for (int64_t begin = 0; begin < pictures.size() && keep_going(); begin += kAtOnce) {
    std::vector<Tensor> x;
    std::vector<int64_t> read;
    for (int64_t i = begin; i < std::min(begin + kAtOnce, pictures.size()); ++i) {
      try {
        x.push_back(pictures.pictures->clean(i));
        read.push_back(i);
      } catch (const Error& error) {
        if (!broken) throw;
        broken(i, error);
      }
    }
    if (x.empty()) continue;
    const Tensor p = model.probabilities(stacked(x));
    const std::vector<double> values = p.to_doubles();
    const int64_t n_classes = p.size(1);
    for (int64_t i = 0; i < p.size(0); ++i) {
      const auto row = values.begin() + i * n_classes;
      const auto chosen = std::max_element(row, row + n_classes);
      const int64_t picture = read[static_cast<size_t>(i)];
      const int64_t truth = pictures.labels[static_cast<size_t>(picture)];
      confusion.add(truth, chosen - row);
      if (seen != nullptr) seen->push_back({picture, truth, chosen - row, *chosen});
    }
  }
  return confusion;
}

ClassificationTask::ClassificationTask(const TrainConfig& config, Device device, PictureCheck check)
    : config_(config),
      device_(device),
      init_(static_cast<uint64_t>(config.seed), DType::f32, device),
      classifier_(config.classifier, init_),
      data_(open_labelled_data(config, check)),
      n_samples_(n_in_training(config, data_.train.size())) {}

TrainingPlan ClassificationTask::plan(int64_t batch) const {
  return plan_learner(config_, device_, [&]() -> TensorMap {
    const int64_t side = config_.classifier.size;
    return {{"x", Tensor::empty({batch, 1, 1, side, side}, DType::f32, device_)},
            {"labels", Tensor::zeros({batch}, DType::i64)},
            {"dropout", Tensor::zeros({1 + batch}, DType::i64)}};
  });
}

TensorMap ClassificationTask::batch(int64_t epoch, std::span<const int64_t> samples) {
  std::vector<Tensor> x;
  std::vector<int64_t> labels;
  for (const int64_t sample : samples) {
    x.push_back(data_.train.pictures->clean(sample));
    labels.push_back(data_.train.labels[static_cast<size_t>(sample)]);
  }
  std::vector<int64_t> place{epoch};  // of the masks
  place.insert(place.end(), samples.begin(), samples.end());
  return {{"x", stacked(x).to(device_)},
          {"labels", Tensor::from(Shape{std::ssize(labels)}, labels)},
          {"dropout", Tensor::from(Shape{std::ssize(place)}, place)}};
}

Variable ClassificationTask::loss(const TensorMap& batch) {
  return classification_loss(classifier_, batch, static_cast<uint64_t>(config_.seed));
}

std::vector<std::string> ClassificationTask::metric_names() const {
  return {"validation_accuracy",        "validation_precision",    "validation_recall",  "validation_f1",
          "validation_macro_precision", "validation_macro_recall", "validation_macro_f1"};
}

Metrics ClassificationTask::validate(const std::function<bool()>& keep_going) {
  std::vector<ClassifiedPicture> seen;
  const ConfusionMatrix confusion = confusion_of(classifier_, data_.validation, keep_going, &seen);
  if (confusion.n() < n_validation()) return {};
  confusion_ = confusion;
  seen_ = std::move(seen);
  return metrics_of(confusion);
}

std::vector<NamedFigure> ClassificationTask::validation_figures() const {
  if (!confusion_) return {};
  return {{"confusion", confusion_figure(*confusion_, classifier_.labels())},
          {"examples", classified_examples(data_.validation, classifier_.labels(), seen_)}};
}

std::vector<Baseline> ClassificationTask::baselines(const std::function<bool()>&) {
  const std::vector<int64_t>& labels = data_.train.labels;
  int64_t largest = 0;
  for (int64_t k = 0; k < std::ssize(classifier_.labels()); ++k) {
    if (std::ranges::count(labels, k) > std::ranges::count(labels, largest)) largest = k;
  }
  ConfusionMatrix confusion(std::ssize(classifier_.labels()));
  for (const int64_t label : data_.validation.labels) confusion.add(label, largest);
  return {{"largest class", metrics_of(confusion)}};
}

}  // namespace primal
