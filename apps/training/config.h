// The configuration of a training: one table of keys, filled from defaults, a TOML file, the environment and the command
// line (settings.h has their order). The table says what each key is for and what it may be, so help, errors and the
// checkpoint's copy come from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

namespace primal {

struct TrainConfig {
  int64_t seed = 42;

  struct Data {
    std::string folder;     // empty: phantoms
    int64_t size = 256;     // side of the training pictures, in pixels
    int64_t n_train = 200;  // pictures used, in name order; 0: all
    int64_t n_validation = 8;
  } data;

  struct Noise {
    std::string kind = "relative";
    double low = 0.1, high = 0.5;  // of the standard deviation s, drawn anew at each use
    double validation = 0.5;
  } noise;

  struct Model {
    int64_t filters = 32, blocks = 3;
    int64_t iterations = 256;  // T
    double up_bound = 0.0, scale = 0.1;
    std::string start = "noisy";  // of p
    bool learn_steps = true;
  } model;

  struct Training {
    int64_t epochs = 500;
    int64_t steps = 0;  // 0: epochs decide
    int64_t batch = 1;
    double learning_rate = 1e-4;
    double final_learning_rate = 0.0;  // cosine decay to it (schedule.h); 0: constant
    int64_t patience = 0;    // validations without a better one before the training stops; 0: never stop
    double min_delta = 0.0;  // how much better counts as better, in the first metric's unit
    double checkpoint_seconds = 60.0;  // also at each epoch
    int64_t keep = 0;                  // numbered checkpoints kept, one an epoch; 0: none
    int64_t prefetch = 4;              // pictures a thread of its own decodes ahead; 0: no thread
    int64_t overfit = 0;               // use only so many pictures; 0: all
    std::string init;                  // file with the weights to start from; empty: fresh ones
  } training;

  std::string output = "runs/train";
};

// One key: where it lives in the struct, what it is for, and what it may be.
struct ConfigKey {
  using Place = std::variant<int64_t*, double*, bool*, std::string*>;
  std::string name;  // "model.filters"
  Place place;
  std::string help;                  // with unit
  double low = 0.0, high = 0.0;      // numbers: inclusive range
  std::vector<std::string> choices;  // texts: the values allowed; empty: any
};
std::vector<ConfigKey> config_keys(TrainConfig& config);

// Where values came from, by key: "thesis.toml:12", "environment", "--steps". A key that nobody gave is not in it.
using Origins = std::map<std::string, std::string>;

// ConfigError with file, line and column for a wrong type or range, and for an unknown key with the nearest name.
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
