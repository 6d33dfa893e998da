#include "apps/search/lambda_curve.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tensor/error.h"

namespace primal {
namespace {

size_t index_of_best(const std::vector<Scores>& scores, double Scores::*score) {
  size_t best = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    if (std::isnan(scores[best].*score) || scores[i].*score > scores[best].*score) best = i;
  }
  return best;
}

}  // namespace

LambdaCurve lambda_curve(std::vector<double> lambdas, const Scores& noisy, std::vector<Scores> scores) {
  const size_t by_psnr = index_of_best(scores, &Scores::psnr), by_ssim = index_of_best(scores, &Scores::ssim);
  return {std::move(lambdas), noisy, std::move(scores), by_psnr, by_ssim};
}

std::string table_of(const LambdaCurve& curve) {
  std::string text = fmt::format("{:>9} {:>9} {:>9}\n", "lambda", "PSNR dB", "SSIM");
  const auto row = [](const Scores& s) {
    return fmt::format("{:>9} {:>9}", score_text(s.psnr, 3), score_text(s.ssim, 4));
  };
  text += fmt::format("{:>9} {}\n", "noisy", row(curve.noisy));
  for (size_t i = 0; i < curve.lambdas.size(); ++i) {
    text += fmt::format("{:>9.4g} {}{}{}\n", curve.lambdas[i], row(curve.scores[i]),
                        i == curve.by_psnr ? "  best PSNR" : "", i == curve.by_ssim ? "  best SSIM" : "");
  }
  return text;
}

std::string csv_of(const LambdaCurve& curve) {
  std::string text = "lambda,psnr_db,ssim\n";
  for (size_t i = 0; i < curve.lambdas.size(); ++i) {
    text += fmt::format("{},{},{}\n", curve.lambdas[i], csv_number(curve.scores[i].psnr),
                        csv_number(curve.scores[i].ssim));
  }
  return text;
}

nlohmann::json json_of(const LambdaCurve& curve) {
  const auto entry = [&](size_t i) {
    return nlohmann::json{
        {"lambda", curve.lambdas[i]}, {"psnr", curve.scores[i].psnr}, {"ssim", curve.scores[i].ssim}};
  };
  nlohmann::json grid = nlohmann::json::array();
  for (size_t i = 0; i < curve.lambdas.size(); ++i) grid.push_back(entry(i));
  return {{"noisy", {{"psnr", curve.noisy.psnr}, {"ssim", curve.noisy.ssim}}},
          {"best_by_psnr", entry(curve.by_psnr)},
          {"best_by_ssim", entry(curve.by_ssim)},
          {"grid", grid}};
}

Figure figure_of(const LambdaCurve& curve) {
  Line psnr{.x = curve.lambdas, .mark = curve.by_psnr}, ssim{.x = curve.lambdas, .mark = curve.by_ssim};
  for (const Scores& s : curve.scores) {
    psnr.y.push_back(s.psnr);
    ssim.y.push_back(s.ssim);
  }
  psnr.mark_name =
      fmt::format("best: {:.2f} dB at {:.4g}", psnr.y[curve.by_psnr], curve.lambdas[curve.by_psnr]);
  ssim.mark_name = fmt::format("best: {:.4f} at {:.4g}", ssim.y[curve.by_ssim], curve.lambdas[curve.by_ssim]);
  Figure figure{.rows = {{}}};
  for (const auto& [label, line] : {std::pair{"PSNR / dB", psnr}, std::pair{"SSIM", ssim}}) {
    if (finite_of(line.y).empty()) continue;
    figure.rows.front().push_back(
        {"", Chart{.x = {.label = "lambda"}, .y = {.label = label}, .layers = {line}}});
  }
  if (figure.rows.front().empty()) throw DataError("[search] nothing to draw: no PSNR or SSIM is finite");
  return figure;
}

}  // namespace primal
