// What an evaluation says: a table for a person, a summary and rows for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/statistics.h"

namespace primal {

// map - best scalar, of one score.
struct Gain {
  Spread spread;
  Interval interval;  // 95 % of the mean, paired bootstrap
  int64_t n_improved = 0;
  double share_improved = 0.0;
};
Gain gain_of(const std::vector<double>& differences, uint64_t seed);

struct EvaluationSummary {
  struct Method {
    std::string name;  // "best scalar by PSNR"
    std::string key;   // "best_scalar_by_psnr"
    Spread psnr, ssim;
    bool has_lambda = false;
    Spread lambda;
  };
  int64_t n_pictures = 0;
  std::vector<Method> methods;
  Gain psnr, ssim;
};
EvaluationSummary summarise(const std::vector<Evaluation>& rows, uint64_t seed);

nlohmann::json summary_json(const EvaluationSummary& summary);
nlohmann::json row_json(const Evaluation& row);
std::string summary_table(const EvaluationSummary& summary);

// CSV by RFC 4180; the numbers are the shortest that give the same double.
std::string csv_header();
std::string csv_row(const Evaluation& row);

}  // namespace primal
