// The trained models that come with Primal: files NAME.safetensors, each with a model card NAME.md beside it.
// A command takes the name in place of a file.
//
// They lie in the folder that PRIMAL_MODELS names, else in share/primal/models of the place where the program
// is installed, else in models/ of the source that it was built from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace primal {

// What `denoise` uses where no model is given.
inline constexpr const char* kDefaultModel = "general";

struct ShippedModel {
  std::string name;
  std::filesystem::path file;
};

// The first of the folders above that exists; empty where none does.
std::filesystem::path shipped_models_folder();
// "; PRIMAL_MODELS names /nowhere, which is no folder", for messages; empty where that variable
// is not set, or names one.
std::string remark_on_models_variable();

// By name.
std::vector<ShippedModel> shipped_models();
std::optional<ShippedModel> find_shipped_model(const std::string& name);

}  // namespace primal
