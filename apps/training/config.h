// The configuration of a training: one table of keys, filled from defaults, a TOML file, the environment and
// the command line (settings.h has their order). The table says what each key is for and what it may be, so
// help, errors and the checkpoint's copy come from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/model_settings.h"

namespace primal {

struct TrainConfig {
  int64_t seed = 42;

  struct Task {
    std::string kind = "denoise";  // what is trained: a model, a loss, a data set and its metrics
  } task;

  struct Data {
    std::string folder;     // empty: phantoms
    int64_t size = 256;     // side of the training pictures, in pixels
    int64_t frames = 16;    // sequence: frames of a training sample
    int64_t n_train = 200;  // pictures used, in name order; 0: all
    int64_t n_validation = 8;
    std::string range = "full";   // data/preprocess/level_range
    std::string colour = "grey";  // denoise: or "channels" or "opponent", each of which is a sample
    bool skip_broken = false;     // leave out pictures that cannot be read
    std::string manifest;         // a table of pictures (data/manifest) instead of a folder
    std::string sheet;            // of an XLSX manifest; empty: the first
    std::string noisy_column = "noisy", noise_column = "noise", clean_column = "clean",
                label_column = "label", split_column = "split";
    std::string target = "label";  // classify: by label or by type of noise
    int64_t split_seed = 42;       // reconstruct, MNIST: which pictures validate
  } data;

  struct Noise {
    std::string kind = "relative";
    double low = 0.1, high = 0.5;  // of the standard deviation s, drawn anew at each use
    double validation = 0.5;
    std::string levels = "uniform";  // denoise: or "logarithmic", how s is drawn
  } noise;

  ModelSettings model;
  SequenceSettings sequence;
  ClassifierSettings classifier;
  AutoencoderSettings autoencoder;

  struct Adam {
    double eps = 1e-8;
    bool amsgrad = false;
  } adam;

  struct Training {
    int64_t epochs = 500;
    int64_t steps = 0;  // 0: epochs decide
    int64_t batch = 1;
    std::string loss = "mse";     // denoise: what is learnt from (denoising_loss.h)
    double sigma = 0.0;           // sure: deviation of the noise; 0: what was added, or estimated
    bool estimate_sigma = false;  // sure: estimate it although it is known
    double probe_step = 0.2;      // sure: eps / sigma
    double learning_rate = 1e-4;
    double final_learning_rate = 0.0;  // cosine decay to it (schedule.h); 0: constant
    int64_t patience = 0;    // validations without a better one before the training stops; 0: never stop
    double min_delta = 0.0;  // how much better counts as better, in the first metric's unit
    double checkpoint_seconds = 60.0;  // also at each epoch
    int64_t keep = 0;                  // numbered checkpoints kept, one an epoch; 0: none
    int64_t prefetch = 4;              // pictures a thread of its own decodes ahead; 0: no thread
    int64_t resident_mb = 4096;        // most MB that pictures may take on a device (resident_pictures.h)
    int64_t overfit = 0;               // use only so many pictures; 0: all
    int64_t validate_every = 0;        // steps between validations; 0: at the end of each epoch
    bool baselines = true;       // score the noisy pictures and the best scalar once, before the first step
    std::string log = "none";    // or "tensorboard" (tensorboard_log.h), besides metrics.csv and events.jsonl
    int64_t log_every = 100;     // steps between its histograms; 0: none
    std::string graph = "auto";  // one recorded step repeated by the device (recorded_steps.h): auto, on, off
    std::string init;            // file with the weights to start from; empty: fresh ones
  } training;

  std::string output = "runs/train";
};

// Every key, those of the models (model_settings.h) among them.
std::vector<ConfigKey> config_keys(TrainConfig& config);

// Those that the configuration's task reads; the others belong to other tasks.
std::vector<ConfigKey> task_keys(TrainConfig& config);
// The kinds of task that read a key: "classify, reconstruct".
std::string tasks_of(const std::string& key);

// What a checkpoint of this training calls its model: "unrolled_tv", "dynamic_tv", "casting_classifier", ...
std::string architecture_of(const TrainConfig& config);

// Where values came from, by key: "thesis.toml:12", "environment", "--steps". A key that nobody gave is not
// in it.
using Origins = std::map<std::string, std::string>;

// ConfigError with file, line and column for a wrong type or range, and for an unknown key with the nearest
// name.
void read_config(TrainConfig& config, const std::filesystem::path& file, Origins* origins = nullptr);
// The same for a text; `name` is what errors call it.
void read_config_text(TrainConfig& config, const std::string& text, const std::string& name,
                      Origins* origins = nullptr);

// "model.filters=16"; ConfigError as above, with `where` in the place of the file.
void set_config(TrainConfig& config, const std::string& assignment, const std::string& where = "--set",
                Origins* origins = nullptr);

// A value as TOML writes it: 16, 1e-4, true, "a \"b\"".
std::string toml_value(const ConfigKey& key);

// What a checkpoint keeps of it, and the way back. DataError where the JSON is not a configuration.
nlohmann::json config_to_json(const TrainConfig& config);
TrainConfig config_from_json(const nlohmann::json& json);

}  // namespace primal
