// The sections of a page that an evaluation of maps fills.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"
#include "data/page/page.h"

namespace primal {

struct ShownEvaluation {
  std::string why;  // "The worst gain"
  Evaluation scores;
  EvaluatedPictures pictures;
};

// Rows that tell most, by the gain of PSNR, each once: the worst, the best, the median and the first, with
// the reason.
struct TellingRow {
  size_t row;
  std::string why;
};
std::vector<TellingRow> telling_rows(const std::vector<Evaluation>& rows);

// What was scored: the rows, the names of the models (names_of_models), and the settings as summary.json has
// them.
struct EvaluationScope {
  const std::vector<Evaluation>& rows;
  std::vector<std::string> models;
  const nlohmann::json& settings;
  uint64_t seed;
};

std::string evaluation_paragraph(const EvaluationScope& scope);

// Tables of means and gains, box plots, histograms of differences.
void add_evaluation_scores(Page& page, const EvaluationScope& scope);

// Pictures with handles, the map, and the scores over lambda.
void add_evaluation_pictures(Page& page, const std::vector<ShownEvaluation>& shown);

// The scores of every picture, folded, where they are not too many.
void add_evaluation_rows(Page& page, const EvaluationScope& scope);

// Settings, machine, version and command. `json` is that of summary.json.
void add_evaluation_origin(Page& page, const nlohmann::json& json);

}  // namespace primal
