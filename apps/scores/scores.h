// Scores of a picture against its clean one: on the unclipped result, data range 1, SSIM with
// scikit-image's default window.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "data/metrics/metrics.h"
#include "data/metrics/score_summary.h"
#include "tensor/error.h"

namespace primal {

struct Scores {
  double psnr = 0.0;  // dB
  double ssim = 0.0;
};

inline Scores scores_of(const Tensor& x, const Tensor& clean) { return {psnr(x, clean), ssim(x, clean)}; }

// The scores of several pictures, for their means.
class ScoreColumns {
 public:
  void add(const Scores& s) {
    psnr_.push_back(s.psnr);
    ssim_.push_back(s.ssim);
  }
  ScoreSummary psnr() const { return summarise_scores(psnr_); }
  ScoreSummary ssim() const { return summarise_scores(ssim_); }
  Scores mean() const { return {psnr().mean, ssim().mean}; }

 private:
  std::vector<double> psnr_, ssim_;
};

// For tables: a dash for what is no number, as the mean of no values.
inline std::string score_text(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

// For CSV, with every digit; an empty field for what is no number.
inline std::string csv_number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

// What csv_number() has written; nothing for another text.
inline std::optional<double> number_in_csv(const std::string& text) {
  if (text.empty()) return std::numeric_limits<double>::quiet_NaN();
  double value = 0.0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

// Said of a picture for which stays_clean() (data/noise) is true.
inline std::string no_noise_remark(const std::string& picture) {
  return fmt::format(
      "{} is the same everywhere: noise relative to its deviation of 0 leaves it as it is; "
      "--noise-kind absolute adds some",
      picture);
}

// DataError for a picture that is smaller than the window of SSIM.
inline void check_scorable(int64_t width, int64_t height, const std::string& name) {
  const int64_t window = SsimParams{}.size;
  if (std::min(width, height) < window) {
    throw DataError("[scores] {} has {} x {} pixels, SSIM needs {} x {} at least", name, width, height,
                    window, window);
  }
}

}  // namespace primal
