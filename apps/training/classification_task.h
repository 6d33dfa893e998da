// The task that tells classes of pictures apart (model/classifier.h).
#pragma once

#include <optional>
#include <vector>

#include "apps/training/classified_figures.h"
#include "apps/training/labelled_data.h"
#include "apps/training/learner.h"
#include "apps/training/task.h"
#include "data/classification/classification.h"

namespace primal {

class ClassificationTask : public Task {
 public:
  // Lists the pictures and looks at them (labelled_data.h); classifier.labels is filled in (make_task.h).
  // With training.overfit only the first so many train.
  explicit ClassificationTask(const TrainConfig& config, Device device = {},
                              PictureCheck check = PictureCheck::headers);

  const Module& model() const override { return classifier_.module(); }
  int64_t n_samples() const override { return n_samples_; }
  int64_t n_validation() const override { return data_.validation.size(); }
  std::vector<std::string> remarks() const override { return data_.remarks; }
  std::string sample_name(int64_t sample) const override { return data_.train.pictures->name(sample); }
  TrainingPlan plan(int64_t batch) const override;
  // "x" [N,1,1,S,S], "labels" i64 [N] and "dropout" (learner.h)
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override;
  Variable loss(const TensorMap& batch) override;
  // Accuracy first; precision, recall and F1, weighted by the frequency of the classes and plain
  // (data/classification).
  std::vector<std::string> metric_names() const override;
  Metrics validate(const std::function<bool()>& keep_going) override;
  // "largest class": every picture is taken for the class that is most frequent in training.
  std::vector<Baseline> baselines(const std::function<bool()>& keep_going) override;

  // "confusion" and "examples" (classified_figures.h)
  std::vector<NamedFigure> validation_figures() const override;

  const Classifier& classifier() const { return classifier_; }

 private:
  TrainConfig config_;
  Device device_;
  Initialiser init_;
  Classifier classifier_;
  LabelledData data_;
  int64_t n_samples_;
  std::optional<ConfusionMatrix> confusion_;  // of the last validation that was complete, and its pictures
  std::vector<ClassifiedPicture> seen_;
};

// The confusion matrix of a model on labelled pictures; without a count of all where keep_going() turned
// false. What it says of each picture is added to `seen`. A picture that cannot be read is given to `broken`
// and left out; where that is empty, its error is thrown.
ConfusionMatrix confusion_of(const Classifier& model, const LabelledSet& pictures,
                             const std::function<bool()>& keep_going,
                             std::vector<ClassifiedPicture>* seen = nullptr,
                             const std::function<void(int64_t i, const Error&)>& broken = {});

}  // namespace primal
