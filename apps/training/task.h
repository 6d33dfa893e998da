// Task: what is trained: a model, a loss, a data set and its metrics. The training loop (trainer.h) knows nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

using Metrics = std::vector<double>;  // one per name of Task::metric_names()

class Task {
 public:
  virtual ~Task() = default;
  virtual const Module& model() const = 0;
  virtual int64_t n_samples() const = 0;  // of one epoch
  virtual std::string sample_name(int64_t sample) const = 0;

  // The samples that batch() will be asked for next, in this order, so that they can be made ready ahead.
  virtual void announce(const std::vector<int64_t>& /*samples*/) {}
  // What loss() works on; random parts depend on (epoch, sample) alone.
  virtual TensorMap batch(int64_t epoch, std::span<const int64_t> samples) = 0;
  virtual Variable loss(const TensorMap& batch) = 0;  // the mean over the batch

  virtual std::vector<std::string> metric_names() const = 0;  // what validate() returns, in its order
  // Of the model as it stands, on pictures it was not trained on; the first one decides what is best (larger is better).
  // Returns early, with nothing, when keep_going() turns false.
  virtual Metrics validate(const std::function<bool()>& keep_going) = 0;
};

}  // namespace primal
