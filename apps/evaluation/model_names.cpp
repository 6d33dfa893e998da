#include "apps/evaluation/model_names.h"

#include <algorithm>
#include <filesystem>

namespace primal {

namespace fs = std::filesystem;

std::vector<std::string> names_of_models(const std::vector<std::string>& models) {
  if (models.size() < 2) return {"map"};
  std::vector<std::vector<std::string>> parts;
  for (const std::string& model : models) {
    parts.emplace_back();
    for (const fs::path& part : fs::path(model)) parts.back().push_back(part.string());
  }
  const auto all_share = [&](const auto& part_of) {
    return std::ranges::all_of(
        parts, [&](const auto& p) { return p.size() > 1 && part_of(p) == part_of(parts.front()); });
  };
  while (all_share([](const auto& p) { return p.front(); }))
    std::ranges::for_each(parts, [](auto& p) { p.erase(p.begin()); });
  while (all_share([](const auto& p) { return p.back(); }))
    std::ranges::for_each(parts, [](auto& p) { p.pop_back(); });
  std::vector<std::string> names;
  for (const auto& p : parts) {
    fs::path name;
    for (const std::string& part : p) name /= part;
    names.push_back(name.string());
  }
  return names;
}

}  // namespace primal
