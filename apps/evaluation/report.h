// What an evaluation says: a table for a person, a summary and rows for a program.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/statistics.h"
#include "data/metrics/score_summary.h"

namespace primal {

// One value of each picture: column(rows, [](const Evaluation& e) { return e.psnr_gain(); }).
template <class Value>
std::vector<double> column(const std::vector<Evaluation>& rows, const Value& value) {
  std::vector<double> values;
  for (const Evaluation& row : rows) values.push_back(value(row));
  return values;
}

// map - best scalar, of one score.
struct Gain {
  ScoreSummary summary;
  Interval interval;  // 95 % of the mean, paired bootstrap
  int64_t n_improved = 0;
  double share_improved = 0.0;
};
Gain gain_of(const std::vector<double>& differences, uint64_t seed);

struct EvaluationSummary {
  struct Method {
    std::string name;  // "best scalar by PSNR"
    std::string key;   // "best_scalar_by_psnr"
    ScoreSummary psnr, ssim;
    bool has_lambda = false;
    ScoreSummary lambda;
  };
  int64_t n_pictures = 0;
  std::vector<Method> methods;
  Gain psnr, ssim;

  // A further model's map against the first one's, picture by picture.
  struct Comparison {
    std::string name;  // "b.safetensors - a.safetensors"
    Gain psnr, ssim;
  };
  std::vector<Comparison> comparisons;
};
// `models` names the models, the first one that of Evaluation::map, then those of other_maps.
EvaluationSummary summarise(const std::vector<Evaluation>& rows, uint64_t seed,
                            const std::vector<std::string>& models = {"map"});

nlohmann::json summary_json(const EvaluationSummary& summary);
nlohmann::json row_json(const Evaluation& row);
// The means and deviations of each method, a row each; empty where a value does not exist.
std::string summary_csv(const EvaluationSummary& summary);
std::string summary_table(const EvaluationSummary& summary);

// What the means leave out, a line each: scores that are infinite or no number
// (data/metrics/score_summary.h).
std::vector<std::string> summary_remarks(const EvaluationSummary& summary);

// CSV by RFC 4180; the numbers are the shortest that give the same double, `inf` for the PSNR of equal
// pictures.
std::string csv_header(size_t n_other_models = 0);
std::string csv_row(const Evaluation& row);

}  // namespace primal
