#include "apps/pictures/score_table.h"

#include <fmt/format.h>

#include "apps/shell/visible_text.h"

namespace primal {

std::string ScoreTable::line(const std::vector<std::string>& cells) const {
  std::string line = fmt::format("{:<32} {:>9} {:>9} {:>11} {:>9} {:>9}", cells[0], cells[1], cells[2],
                                 cells[3], cells[4], cells[5]);
  if (has_lambda_) line += fmt::format(" {:>9}", cells[6]);
  if (has_best_) line += fmt::format(" {:>9} {:>8}", cells[7], cells[8]);
  return line + "\n";
}

std::string ScoreTable::head() const {
  return line({"picture", "noisy dB", "dB", "noisy SSIM", "SSIM", "noise", "lambda", "best dB", "loss dB"});
}

std::string ScoreTable::line(const std::string& name, const Scores& noisy, const Scores& denoised,
                             double best_psnr, const DenoisingRow* row) const {
  const auto number = [](const auto& value) {
    return value ? fmt::format("{:.4g}", *value) : std::string("-");
  };
  const bool has_noise = row != nullptr && row->noise.estimate;
  return line({name, score_text(noisy.psnr, 3), score_text(denoised.psnr, 3), score_text(noisy.ssim, 4),
               score_text(denoised.ssim, 4),
               has_noise ? fmt::format("{:.4g}", row->noise.estimate->sigma) : std::string(),
               row != nullptr ? number(row->lambda) : std::string(), score_text(best_psnr, 3),
               score_text(best_psnr - denoised.psnr, 3)});
}

std::string ScoreTable::line(const DenoisingRow& row) const {
  const std::string page = row.n_pages > 1 ? fmt::format(" [{}]", row.page) : "";
  return line(visible(row.name) + page, row.noisy, row.denoised, row.best ? row.best->psnr : 0.0, &row);
}

std::string ScoreTable::mean(size_t n, const Scores& noisy, const Scores& denoised, double best_psnr) const {
  return line(fmt::format("mean of {}", n), noisy, denoised, best_psnr, nullptr);
}

}  // namespace primal
