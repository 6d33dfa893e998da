// The table of scores that `primal denoise` prints if clean pictures are known: a line for each
// picture, and one for the mean.
#pragma once

#include <string>

#include "apps/pictures/denoising_row.h"

namespace primal {

class ScoreTable {
 public:
  // Whether there are columns for a chosen lambda, and for the best of 81 lambdas.
  ScoreTable(bool has_lambda, bool has_best) : has_lambda_(has_lambda), has_best_(has_best) {}

  std::string head() const;
  std::string line(const DenoisingRow& row) const;
  // The line of the mean leaves noise and lambda empty.
  std::string mean(size_t n, const Scores& noisy, const Scores& denoised, double best_psnr) const;

 private:
  std::string line(const std::vector<std::string>& cells) const;
  std::string line(const std::string& name, const Scores& noisy, const Scores& denoised, double best_psnr,
                   const DenoisingRow* row) const;

  bool has_lambda_, has_best_;
};

}  // namespace primal
