// Learner: a model and its loss, made from the settings alone: what a step that went wrong is repeated
// with, and what a task trains.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "autograd/variable.h"
#include "model/autoencoder.h"
#include "model/classifier.h"
#include "model/sequence_model.h"
#include "nn/module.h"
#include "nn/unrolled_tv/training_plan.h"

namespace primal {

// The mean cross-entropy. The batch has "x", "labels", and "dropout" (i64 [1 + N], on the CPU or where the
// model is): the epoch and the numbers of the pictures, on which the masks depend; the seed is the
// training's.
Variable classification_loss(const Classifier& model, const TensorMap& batch, uint64_t seed);

// The mean squared error of the result; the batch has "noisy" and "clean".
Variable reconstruction_loss(const Autoencoder& model, const TensorMap& batch);

// The mean squared error of the result, with time padded as in training; the batch has "noisy" and "clean".
Variable sequence_loss(const SequenceModel& model, const TensorMap& batch);

class Learner {
 public:
  virtual ~Learner() = default;
  virtual const Module& model() const = 0;
  virtual std::vector<std::string> batch_names() const = 0;  // what a batch must have
  virtual Variable loss(const TensorMap& batch) const = 0;   // in training mode
};

std::unique_ptr<Learner> make_learner(const TrainConfig& config, Initialiser& init);

// A step of the learner of these settings, rehearsed (nn/unrolled_tv/training_plan.h): make_batch makes
// a batch of the shapes that a step has, inside of the rehearsal. `tape_bytes`: of the activations,
// those that are PDHG's tape.
TrainingPlan plan_learner(const TrainConfig& config, Device device,
                          const std::function<TensorMap()>& make_batch, int64_t tape_bytes = 0);

}  // namespace primal
