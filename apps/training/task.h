// Task: what is trained: a model, a loss, a data set and its metrics. The training loop
// (trainer.h) knows nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/distributed/communicator.h"
#include "apps/training/baseline.h"
#include "autograd/variable.h"
#include "data/figure/figure.h"
#include "nn/module.h"
#include "nn/unrolled_tv/training_plan.h"
#include "tensor/op/op.h"

namespace primal {

// "200 pictures, names 8c1f...": their number and the FNV-1a digest of their names.
std::string identity_of(const std::vector<std::string>& names);

// What a log shows of a validation sample: a picture in [0,1], or a map of positive numbers, the last two
// axes its height and width.
struct LoggedSample {
  std::string name;  // "sample_0/denoised"
  Tensor values;
  bool is_map = false;
};
inline constexpr int64_t kLoggedSamples = 3;  // of each validation, the first ones

struct NamedFigure {
  std::string name;
  Figure figure;
};

class Task {
 public:
  virtual ~Task() = default;
  // From here on validate() and baselines() are called on all of these ranks, which share the work
  // (divided_rows.h); nullptr: on this process alone.
  void divide_among(Communicator* ranks) { ranks_ = ranks; }
  virtual const Module& model() const = 0;
  virtual int64_t n_samples() const = 0;  // of one epoch
  virtual int64_t n_validation() const = 0;
  // What a person should know before the first step.
  virtual std::vector<std::string> remarks() const { return {}; }
  // A step of so many samples, rehearsed.
  virtual TrainingPlan plan(int64_t batch) const = 0;
  virtual std::string sample_name(int64_t sample) const = 0;

  // Which samples these are, so that a resumed training can tell whether they are the same.
  virtual std::string identity() const;

  // The samples that batch() will be asked for next, in this order, so that they can be made ready ahead.
  virtual void announce(const std::vector<int64_t>& /*samples*/) {}
  // What loss() works on; random parts depend on (epoch, sample) alone.
  virtual TensorMap batch(int64_t epoch, std::span<const int64_t> samples) = 0;
  // The same in two parts, for a step that a device repeats without the host (recorded_steps.h): what the
  // host gives it, and what the device makes of that alone. batch() is of_inputs(inputs()), to the bit.
  virtual TensorMap inputs(int64_t epoch, std::span<const int64_t> samples) { return batch(epoch, samples); }
  virtual TensorMap of_inputs(const TensorMap& inputs) const { return inputs; }
  // The mean over the batch, in training mode: the model's buffers may change.
  virtual Variable loss(const TensorMap& batch) = 0;

  virtual std::vector<std::string> metric_names() const = 0;  // what validate() returns, in its order
  // Computes the metrics of the model as it stands, on pictures it was not trained on. The first metric
  // decides which checkpoint is best. Returns early, with nothing, when keep_going() turns false.
  virtual Metrics validate(const std::function<bool()>& keep_going) = 0;
  virtual bool larger_is_better() const { return true; }  // of the first metric

  // The first few validation samples and what the model makes of them as it stands; nothing where a task
  // has no pictures to show.
  virtual std::vector<LoggedSample> samples_to_log() { return {}; }

  // Yardsticks for validate()'s metrics, the same for every model; nothing when keep_going() turns false.
  virtual std::vector<Baseline> baselines(const std::function<bool()>& /*keep_going*/) { return {}; }

  // What the last validation showed beyond its metrics; nothing before it and where a task has none.
  virtual std::vector<NamedFigure> validation_figures() const { return {}; }

 protected:
  Communicator* ranks() const { return ranks_; }

 private:
  Communicator* ranks_ = nullptr;
};

}  // namespace primal
