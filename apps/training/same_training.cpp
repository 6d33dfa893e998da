#include "apps/training/same_training.h"

#include <nlohmann/json.hpp>

#include "apps/distributed/same_facts.h"
#include "apps/shell/build_info.h"

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
  check_same_facts(ranks, facts_of(config, task, step, options), "train alike");
}

}  // namespace primal
