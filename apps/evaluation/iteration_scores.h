// Scores over T, the iterations of PDHG at test time: a model is trained with one T, and another one may
// serve better, or as well in less time. For each T there are the scores of the model's map and those of the
// scalar lambda that is best for each picture with that T.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"
#include "data/figure/figure.h"
#include "data/metrics/score_summary.h"

namespace primal {

// "16,64,256" in any order, as given. ConfigError for what is no list of whole numbers from 1 to 10^9,
// and for one given twice.
std::vector<int64_t> parse_iterations(const std::string& text);

class IterationScores {
 public:
  explicit IterationScores(std::vector<int64_t> iterations);

  bool any() const { return !columns_.empty(); }
  // Picture i of the data set with the noise of evaluate_picture().
  void add(const UnrolledTv& model, const Dataset& pictures, int64_t i, const EvaluationSettings& settings);

  struct Row {
    int64_t iterations;
    ScoreSummary map_psnr, map_ssim, scalar_psnr, scalar_ssim, relative_gap;  // of the map's solution
  };
  // By T.
  std::vector<Row> rows() const;

 private:
  struct Column {
    int64_t iterations;
    std::vector<double> map_psnr, map_ssim, scalar_psnr, scalar_ssim, relative_gap;
  };
  std::vector<Column> columns_;
};

std::string iterations_table(const std::vector<IterationScores::Row>& rows);
std::string iterations_csv(const std::vector<IterationScores::Row>& rows);
nlohmann::json iterations_json(const std::vector<IterationScores::Row>& rows);
// Mean PSNR and SSIM over T, with the T of the training as a line.
Figure iterations_figure(const std::vector<IterationScores::Row>& rows, int64_t trained);

}  // namespace primal
