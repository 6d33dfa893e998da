// What a command line may name as a model: a file of weights, the folder of a training run, or a model that
// comes with Primal by its name (apps/models/shipped_models.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace primal {

struct ModelFile {
  std::filesystem::path path;
  std::string remark;  // of a folder or a name: which file it is; else empty
};

// The best checkpoint in the folder of a training run, the last where there is no best one;
// nothing where it has neither.
std::optional<std::filesystem::path> best_checkpoint_in(const std::filesystem::path& folder);

// The file itself, what best_checkpoint_in finds in a folder, or, where there is no such file, the shipped
// model of that name. IoError where nothing is there, or a folder has neither checkpoint.
ModelFile find_model_file(const std::filesystem::path& named);

// The path of find_model_file; its remark goes to standard error unless `quiet`.
std::filesystem::path model_file(const std::filesystem::path& named, bool quiet);

}  // namespace primal
