// The keys of a configuration: where each is kept, what it means, what it may be, and which tasks read it.
#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "apps/training/config.h"
#include "model/checkpoint_format.h"

namespace primal {
namespace {

// Who reads what, by the beginning of a key; the first that fits counts. What is not here serves every task.
struct Owner {
  std::string_view prefix;
  std::vector<std::string_view> kinds;
};
const std::vector<Owner>& owners() {
  static const std::vector<Owner> all = {
      {"model.", {"denoise"}},
      {"sequence.", {"sequence"}},
      {"classifier.", {"classify"}},
      {"autoencoder.", {"reconstruct"}},
      {"noise.levels", {"denoise"}},
      {"noise.", {"denoise", "sequence", "reconstruct"}},
      {"training.loss", {"denoise"}},
      {"training.sigma", {"denoise"}},
      {"training.estimate_sigma", {"denoise"}},
      {"training.probe_step", {"denoise"}},
      {"data.range", {"denoise", "sequence", "reconstruct"}},
      {"data.colour", {"denoise"}},
      {"data.skip_broken", {"denoise", "sequence", "reconstruct"}},
      {"data.size", {"denoise", "sequence", "reconstruct"}},
      {"data.frames", {"sequence"}},
      {"data.manifest", {"denoise", "classify", "reconstruct"}},
      {"data.sheet", {"denoise", "classify", "reconstruct"}},
      {"data.noisy_column", {"denoise", "classify", "reconstruct"}},
      {"data.split_column", {"denoise", "classify", "reconstruct"}},
      {"data.clean_column", {"denoise", "reconstruct"}},
      {"data.noise_column", {"classify"}},
      {"data.label_column", {"classify"}},
      {"data.target", {"classify"}},
      {"data.split_seed", {"reconstruct"}},
  };
  return all;
}

const Owner* owner_of(const std::string& key) {
  const auto found =
      std::ranges::find_if(owners(), [&](const Owner& owner) { return key.starts_with(owner.prefix); });
  return found == owners().end() ? nullptr : &*found;
}

constexpr double kAny = 1e15;          // more than any count here may be
constexpr double kMostPictures = 1e7;  // their names are held in memory

}  // namespace

std::vector<ConfigKey> config_keys(TrainConfig& c) {
  std::vector<ConfigKey> keys = {
      {"seed", &c.seed, "seed of the initial weights, the order and the noise", 0, kAny, {}},
      {"output", &c.output, "folder for checkpoints and metrics", 0, 0, {}},
      {"task.kind",
       &c.task.kind,
       "denoise: unrolled TV; sequence: unrolled TV for frames in time; classify: a class for each picture; "
       "reconstruct: an autoencoder",
       0,
       0,
       {"denoise", "sequence", "classify", "reconstruct"}},
      {"data.folder",
       &c.data.folder,
       "CLEAN pictures (training.loss sure: noisy ones, if noise.low and noise.high are 0), flat or with "
       "train/val/test; empty: phantoms",
       0,
       0,
       {}},
      {"data.size", &c.data.size, "side of the training pictures, pixels", 8, 4096, {}},
      {"data.frames", &c.data.frames, "frames of a training sample (sequence)", 2, 4096, {}},
      {"data.n_train", &c.data.n_train, "training pictures, in name order; 0: all", 0, kMostPictures, {}},
      {"data.n_validation",
       &c.data.n_validation,
       "validation pictures; 0: all, or a tenth of a flat folder",
       0,
       kMostPictures,
       {}},
      {"data.range", &c.data.range, "grey levels that count as 0 and 1: full, auto or LO:HI", 0, 0, {}},
      {"data.colour",
       &c.data.colour,
       "pictures in colour: grey; channels: each of R, G, B is a sample of its own; opponent: the luminance "
       "and two chroma channels are, and denoise uses --colour opponent by default",
       0,
       0,
       {"grey", "channels", "opponent"}},
      {"data.skip_broken", &c.data.skip_broken, "skip pictures that cannot be read", 0, 0, {}},
      {"data.manifest", &c.data.manifest, "CSV or XLSX table of the pictures; empty: data.folder", 0, 0, {}},
      {"data.sheet", &c.data.sheet, "sheet of an XLSX manifest; empty: the first", 0, 0, {}},
      {"data.noisy_column", &c.data.noisy_column, "column with the path of the noisy picture", 0, 0, {}},
      {"data.noise_column", &c.data.noise_column, "column with the type of noise", 0, 0, {}},
      {"data.clean_column", &c.data.clean_column, "column with the path of the clean picture", 0, 0, {}},
      {"data.label_column",
       &c.data.label_column,
       "column with the label; without it the path says the label",
       0,
       0,
       {}},
      {"data.split_column",
       &c.data.split_column,
       "column that says train or val; without it the last pictures by number validate",
       0,
       0,
       {}},
      {"data.target",
       &c.data.target,
       "what is told apart: the labels, or the types of noise",
       0,
       0,
       {"label", "noise"}},
      {"data.split_seed", &c.data.split_seed, "which of MNIST's pictures validate", 0, kAny, {}},
      {"noise.kind",
       &c.noise.kind,
       "relative to the picture's deviation, absolute and clipped, or unclipped (absolute, not clipped)",
       0,
       0,
       {"relative", "absolute", "unclipped"}},
      {"noise.low", &c.noise.low, "smallest standard deviation in training", 0, 10, {}},
      {"noise.high", &c.noise.high, "largest standard deviation in training; 0: none is added", 0, 10, {}},
      {"noise.levels",
       &c.noise.levels,
       "how the standard deviation in training is drawn: uniform, or logarithmic (its logarithm is uniform)",
       0,
       0,
       {"uniform", "logarithmic"}},
      {"noise.validation", &c.noise.validation, "standard deviation in validation", 0, 10, {}},
      {"adam.eps", &c.adam.eps, "eps of Adam", 0, 1, {}},
      {"adam.amsgrad", &c.adam.amsgrad, "Adam with the largest second moment so far (AMSGrad)", 0, 0, {}},
      {"training.epochs", &c.training.epochs, "passes over the training pictures", 1, kAny, {}},
      {"training.steps", &c.training.steps, "stop after this many steps; 0: epochs decide", 0, kAny, {}},
      {"training.batch", &c.training.batch, "pictures per step", 1, 4096, {}},
      {"training.loss",
       &c.training.loss,
       "mse: the clean picture is known; sure: it is not, the deviation of the noise is; noise2noise: a "
       "second noisy picture is",
       0,
       0,
       {"mse", "sure", "noise2noise"}},
      {"training.sigma",
       &c.training.sigma,
       "sure: deviation of the noise, 1 is white; 0: what was added, else estimated for each picture",
       0,
       10,
       {}},
      {"training.estimate_sigma",
       &c.training.estimate_sigma,
       "sure: estimate the deviation also where it is known, since noise was added",
       0,
       0,
       {}},
      {"training.probe_step",
       &c.training.probe_step,
       "sure: how far z is moved along the probe, as a multiple of the deviation of the noise",
       1e-4,
       1,
       {}},
      {"training.learning_rate", &c.training.learning_rate, "learning rate of Adam", 0, 10, {}},
      {"training.final_learning_rate",
       &c.training.final_learning_rate,
       "cosine decay to this rate over the run; 0: constant",
       0,
       10,
       {}},
      {"training.patience",
       &c.training.patience,
       "stop after this many validations without a better one; 0: never",
       0,
       kAny,
       {}},
      {"training.min_delta", &c.training.min_delta, "gain in dB that counts as better", 0, 100, {}},
      {"training.checkpoint_seconds",
       &c.training.checkpoint_seconds,
       "longest time between checkpoints, in seconds",
       1,
       86400,
       {}},
      {"training.keep",
       &c.training.keep,
       "how many numbered checkpoints to keep, one per validation; 0: none",
       0,
       kAny,
       {}},
      {"training.prefetch", &c.training.prefetch, "pictures decoded ahead; 0: none", 0, 1024, {}},
      {"training.resident_mb",
       &c.training.resident_mb,
       "denoise: keep all pictures on the device if they take at most this many MB; 0: never",
       0,
       kAny,
       {}},
      {"training.overfit",
       &c.training.overfit,
       "number of pictures to use, from the first on; 0: all",
       0,
       kAny,
       {}},
      {"training.validate_every",
       &c.training.validate_every,
       "steps between validations; 0: at the end of each epoch",
       0,
       kAny,
       {}},
      {"training.baselines",
       &c.training.baselines,
       "score noisy pictures and the best scalar once, for comparison",
       0,
       0,
       {}},
      {"training.log", &c.training.log, "further log, in the run's folder", 0, 0, {"none", "tensorboard"}},
      {"training.log_every",
       &c.training.log_every,
       "steps between histograms in that log; 0: none",
       0,
       kAny,
       {}},
      {"training.graph",
       &c.training.graph,
       "record a step once and let the device repeat it; auto: on CUDA devices",
       0,
       0,
       {"auto", "on", "off"}},
      {"training.init",
       &c.training.init,
       "file of weights, or folder of a run, to start from; empty: new random weights",
       0,
       0,
       {}},
  };
  for (const auto& models : {model_keys(c.model), sequence_keys(c.sequence), classifier_keys(c.classifier),
                             autoencoder_keys(c.autoencoder)}) {
    const auto adam = std::ranges::find(keys, "adam.eps", &ConfigKey::name);
    keys.insert(adam, models.begin(), models.end());
  }
  return keys;
}

std::vector<ConfigKey> task_keys(TrainConfig& config) {
  std::vector<ConfigKey> keys = config_keys(config);
  std::erase_if(keys, [&](const ConfigKey& key) {
    const Owner* owner = owner_of(key.name);
    return owner != nullptr && std::ranges::count(owner->kinds, config.task.kind) == 0;
  });
  return keys;
}

std::string tasks_of(const std::string& key) {
  const Owner* owner = owner_of(key);
  return owner == nullptr ? "denoise, sequence, classify, reconstruct"
                          : fmt::format("{}", fmt::join(owner->kinds, ", "));
}

std::string architecture_of(const TrainConfig& config) {
  if (config.task.kind == "classify") return kCastingClassifier;
  if (config.task.kind == "sequence") return kDynamicTv;
  return config.task.kind == "reconstruct" ? architecture_of(config.autoencoder) : kUnrolledTv;
}

}  // namespace primal
