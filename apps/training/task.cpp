#include "apps/training/task.h"

#include <fmt/format.h>

namespace primal {

std::string identity_of(const std::vector<std::string>& names) {
  uint64_t digest = 0xcbf29ce484222325;
  for (const std::string& name : names) {
    for (const char c : name + "\n") digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("{} pictures, names {:016x}", names.size(), digest);
}

std::string Task::identity() const {
  std::vector<std::string> names;
  for (int64_t i = 0; i < n_samples(); ++i) names.push_back(sample_name(i));
  return identity_of(names);
}

}  // namespace primal
