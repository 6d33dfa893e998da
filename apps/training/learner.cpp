#include "apps/training/learner.h"

#include "apps/training/denoising_loss.h"
#include "model/model_options.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/mse_loss/mse_loss.h"

namespace primal {
namespace {

class DenoisingLearner : public Learner {
 public:
  DenoisingLearner(const TrainConfig& config, Initialiser& init)
      : model_(model_options(config.model), init), loss_(parse_denoising_loss(config.training.loss)) {}
  const Module& model() const override { return model_; }
  std::vector<std::string> batch_names() const override { return primal::batch_names(loss_); }
  Variable loss(const TensorMap& batch) const override { return denoising_loss(model_, batch, loss_); }

 private:
  UnrolledTv model_;
  DenoisingLoss loss_;
};

class ClassificationLearner : public Learner {
 public:
  ClassificationLearner(const TrainConfig& config, Initialiser& init)
      : model_(config.classifier, init), seed_(static_cast<uint64_t>(config.seed)) {}
  const Module& model() const override { return model_.module(); }
  std::vector<std::string> batch_names() const override { return {"x", "labels", "dropout"}; }
  Variable loss(const TensorMap& batch) const override { return classification_loss(model_, batch, seed_); }

 private:
  Classifier model_;
  uint64_t seed_;
};

class ReconstructionLearner : public Learner {
 public:
  ReconstructionLearner(const TrainConfig& config, Initialiser& init) : model_(config.autoencoder, init) {}
  const Module& model() const override { return model_.module(); }
  std::vector<std::string> batch_names() const override { return {"noisy", "clean"}; }
  Variable loss(const TensorMap& batch) const override { return reconstruction_loss(model_, batch); }

 private:
  Autoencoder model_;
};

class SequenceLearner : public Learner {
 public:
  SequenceLearner(const TrainConfig& config, Initialiser& init) : model_(config.sequence, init) {}
  const Module& model() const override { return model_.module(); }
  std::vector<std::string> batch_names() const override { return {"noisy", "clean"}; }
  Variable loss(const TensorMap& batch) const override { return sequence_loss(model_, batch); }

 private:
  SequenceModel model_;
};

}  // namespace

Variable classification_loss(const Classifier& model, const TensorMap& batch, uint64_t seed) {
  const Tensor& place = batch.at("dropout");
  const int64_t n_rows = batch.at("x").size(0);
  DropoutKey key{.seed = seed};
  if (!place.device().is_cpu() && place.numel() == 1 + n_rows) {
    key.place = place;
  } else {
    const Tensor here = place.to(Device{});
    const int64_t* const at = here.data<int64_t>();
    key.epoch = static_cast<uint32_t>(at[0]);
    key.sample = static_cast<uint32_t>(at[1]);
    // Files of steps by earlier versions have the number of the first row alone.
    if (place.numel() == 1 + n_rows) key.samples.assign(at + 1, at + place.numel());
  }
  return cross_entropy(model.forward(batch.at("x"), Mode::training, key), batch.at("labels"));
}

Variable reconstruction_loss(const Autoencoder& model, const TensorMap& batch) {
  return mse_loss(model.forward(batch.at("noisy"), Mode::training), batch.at("clean"));
}

Variable sequence_loss(const SequenceModel& model, const TensorMap& batch) {
  return mse_loss(model.module().forward(batch.at("noisy"), DynamicTv::Phase::training).denoised,
                  batch.at("clean"));
}

std::unique_ptr<Learner> make_learner(const TrainConfig& config, Initialiser& init) {
  if (config.task.kind == "classify") return std::make_unique<ClassificationLearner>(config, init);
  if (config.task.kind == "reconstruct") return std::make_unique<ReconstructionLearner>(config, init);
  if (config.task.kind == "sequence") return std::make_unique<SequenceLearner>(config, init);
  return std::make_unique<DenoisingLearner>(config, init);
}

TrainingPlan plan_learner(const TrainConfig& config, Device device,
                          const std::function<TensorMap()>& make_batch, int64_t tape_bytes) {
  // A learner as a module; it dies with the rehearsal.
  struct Rehearsed : Module {
    explicit Rehearsed(std::unique_ptr<Learner> made) : learner(std::move(made)) {
      register_module("model", learner->model());
    }
    const std::unique_ptr<Learner> learner;
  };
  return plan_training(
      RehearsedStep{.make_model = [&]() -> std::unique_ptr<Module> {
                      Initialiser init(0, DType::f32, device);
                      return std::make_unique<Rehearsed>(make_learner(config, init));
                    },
                    .make_loss = [&](const Module& model) -> std::function<Variable()> {
                      const Learner& learner = *dynamic_cast<const Rehearsed&>(model).learner;
                      return [&learner, batch = make_batch()] { return learner.loss(batch); };
                    },
                    .adam = {.amsgrad = config.adam.amsgrad},
                    .tape_bytes = tape_bytes});
}

}  // namespace primal
