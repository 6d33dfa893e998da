#include "apps/pictures/failures.h"

#include <nlohmann/json.hpp>

namespace primal {

nlohmann::json Failures::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Failure& failure : list_)
    list.push_back({{"picture", failure.picture}, {"error", failure.problem}});
  return list;
}

}  // namespace primal
