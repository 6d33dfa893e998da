#include "apps/models/shipped_models.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace primal {

namespace fs = std::filesystem;

fs::path shipped_models_folder() {
  std::error_code error;
  if (const char* named = std::getenv("PRIMAL_MODELS"); named != nullptr && *named != '\0')
    return fs::is_directory(named, error) ? fs::path(named) : fs::path();
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path().parent_path() / PRIMAL_MODELS_INSTALLED;
  for (const fs::path& folder : {installed, fs::path(PRIMAL_MODELS_SOURCE)}) {
    if (fs::is_directory(folder, error)) return fs::weakly_canonical(folder, error);
  }
  return {};
}

std::string remark_on_models_variable() {
  std::error_code error;
  const char* const named = std::getenv("PRIMAL_MODELS");
  if (named == nullptr || *named == '\0' || fs::is_directory(named, error)) return {};
  return std::string("; PRIMAL_MODELS names ") + named + ", which is no folder";
}

std::vector<ShippedModel> shipped_models() {
  std::vector<ShippedModel> models;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(shipped_models_folder(), error)) {
    if (entry.path().extension() == ".safetensors")
      models.push_back({entry.path().stem().string(), entry.path()});
  }
  std::ranges::sort(models, {}, &ShippedModel::name);
  return models;
}

std::optional<ShippedModel> find_shipped_model(const std::string& name) {
  for (const ShippedModel& model : shipped_models()) {
    if (model.name == name) return model;
  }
  return std::nullopt;
}

}  // namespace primal
