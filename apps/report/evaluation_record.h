// What lies in the folder of an evaluation, as far as it can be read.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"

namespace primal {

struct EvaluationRecord {
  std::filesystem::path folder = {};
  nlohmann::json summary = nlohmann::json::object();  // of summary.json
  std::string task = "denoise";                       // "classify", "reconstruct"
  std::vector<Evaluation> rows = {};                  // of a map
  std::vector<std::string> models = {};               // names_of_models()
  std::vector<std::filesystem::path> figures = {};    // PNG and SVG files, sorted
  std::vector<std::string> problems = {};             // sentences

  uint64_t seed() const;
};

// Folders with figures: one for those of all pictures together, and those with the comparison, the search and
// the map of each picture, under its name.
inline constexpr std::array kFigureFolders{"figures", "scores", "search", "lambda"};

bool has_evaluation_files(const std::filesystem::path& folder);

// Throws nothing for a damaged file.
EvaluationRecord read_evaluation_record(const std::filesystem::path& folder);

}  // namespace primal
