#include "apps/training/same_training.h"

#include <nlohmann/json.hpp>

#include "apps/shell/build_info.h"
#include "apps/shell/json_text.h"
#include "tensor/error.h"

namespace primal {
namespace {

nlohmann::json facts_of(const TrainConfig& config, const Task& task, int64_t step,
                        const std::map<std::string, std::string>& options) {
  nlohmann::json facts = config_to_json(config);
  for (const char* place : {"output", "data.folder", "data.manifest", "training.init"}) facts.erase(place);
  facts["the build (commit)"] = build_info().commit;
  facts["the training pictures"] = task.identity();
  facts["the number of validation pictures"] = task.n_validation();
  facts["the step of the checkpoint"] = step;
  for (const auto& [name, value] : options) facts[name] = value;
  return facts;
}

}  // namespace

void check_same_training(Communicator& ranks, const TrainConfig& config, const Task& task, int64_t step,
                         const std::map<std::string, std::string>& options) {
  const std::vector<std::string> texts =
      ranks.all_gather_text(json_text(facts_of(config, task, step, options)));
  const nlohmann::json first = nlohmann::json::parse(texts.front());
  for (int r = 1; r < ranks.size(); ++r) {
    const nlohmann::json other = nlohmann::json::parse(texts[static_cast<size_t>(r)]);
    for (const auto& [name, value] : first.items()) {
      const nlohmann::json found = other.value(name, nlohmann::json());
      if (found == value) continue;
      throw ConfigError("[ranks] {} of {} is {}, but {} of {} is {}: all ranks must train alike", name,
                        ranks.name_of(0), json_text(value), name, ranks.name_of(r), json_text(found));
    }
    if (other.size() != first.size())
      throw ConfigError("[ranks] the configuration of {} has keys that {} does not have", ranks.name_of(r),
                        ranks.name_of(0));
  }
}

}  // namespace primal
