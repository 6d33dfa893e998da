#include "apps/distributed/same_facts.h"

#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "tensor/error.h"

namespace primal {

void check_same_facts(Communicator& ranks, const nlohmann::json& own, const std::string& must) {
  const std::vector<std::string> texts = ranks.all_gather_text(json_text(own));
  const nlohmann::json first = nlohmann::json::parse(texts.front());
  for (int r = 1; r < ranks.size(); ++r) {
    const nlohmann::json other = nlohmann::json::parse(texts[static_cast<size_t>(r)]);
    for (const auto& [name, value] : first.items()) {
      const nlohmann::json found = other.value(name, nlohmann::json());
      if (found == value) continue;
      throw ConfigError("[ranks] {} of {} is {}, but {} of {} is {}: all ranks must {}", name,
                        ranks.name_of(0), json_text(value), name, ranks.name_of(r), json_text(found), must);
    }
    if (other.size() != first.size())
      throw ConfigError("[ranks] the configuration of {} has keys that {} does not have", ranks.name_of(r),
                        ranks.name_of(0));
  }
}

}  // namespace primal
