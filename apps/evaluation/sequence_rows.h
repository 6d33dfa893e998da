// The scores of the clips in the evaluation of a model for sequences, and how they are reported: as a table,
// JSON and CSV.
//
// The PSNR of equal frames is infinite. Infinite values are counted and left out of means and intervals
// (data/metrics/score_summary.h).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/report.h"
#include "apps/scores/pair_search.h"

namespace primal {

// One clip.
struct SequenceRow {
  std::string name;
  Scores noisy, model;
  PairSearch::Best by_psnr, by_ssim;  // without their frames
  int64_t n_solved = 0, n_frames = 0;

  // Two perfect results, of infinite PSNR, are equal.
  double psnr_gain() const {
    return model.psnr == by_psnr.scores.psnr ? 0.0 : model.psnr - by_psnr.scores.psnr;
  }
  double ssim_gain() const { return model.ssim - by_ssim.scores.ssim; }
};

template <class Value>
std::vector<double> sequence_column(const std::vector<SequenceRow>& rows, const Value& value) {
  std::vector<double> values;
  for (const SequenceRow& row : rows) values.push_back(value(row));
  return values;
}

std::string sequence_table(const std::vector<SequenceRow>& rows, const Gain& psnr, const Gain& ssim);
nlohmann::json sequence_json(const std::vector<SequenceRow>& rows, const Gain& psnr, const Gain& ssim);
std::string sequence_csv(const std::vector<SequenceRow>& rows);
// What the means leave out, a line each.
std::vector<std::string> sequence_remarks(const std::vector<SequenceRow>& rows, const Gain& psnr);

}  // namespace primal
