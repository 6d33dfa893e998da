// The table that `primal denoise` prints of pictures with clean ones: a line for each, and one for their mean.
#pragma once

#include <string>

#include "apps/pictures/denoising_row.h"

namespace primal {

class ScoreTable {
 public:
  // With a column for a lambda that was chosen, and for the best of 81 lambdas.
  ScoreTable(bool has_lambda, bool has_best) : has_lambda_(has_lambda), has_best_(has_best) {}

  std::string head() const;
  std::string line(const DenoisingRow& row) const;
  // The mean has neither a noise nor a lambda of its own.
  std::string mean(size_t n, const Scores& noisy, const Scores& denoised, double best_psnr) const;

 private:
  std::string line(const std::vector<std::string>& cells) const;
  std::string line(const std::string& name, const Scores& noisy, const Scores& denoised, double best_psnr,
                   const DenoisingRow* row) const;

  bool has_lambda_, has_best_;
};

}  // namespace primal
