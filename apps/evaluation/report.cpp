#include "apps/evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace primal {
namespace {

template <class Value>
std::vector<double> column(const std::vector<Evaluation>& rows, const Value& value) {
  std::vector<double> values;
  for (const Evaluation& row : rows) values.push_back(value(row));
  return values;
}

EvaluationSummary::Method method(const std::string& name, const std::string& key,
                                 const std::vector<Evaluation>& rows, Scores Evaluation::*scores,
                                 double Evaluation::*lambda = nullptr) {
  EvaluationSummary::Method m{name, key, {}, {}, lambda != nullptr, {}};
  m.psnr = spread_of(column(rows, [&](const Evaluation& e) { return (e.*scores).psnr; }));
  m.ssim = spread_of(column(rows, [&](const Evaluation& e) { return (e.*scores).ssim; }));
  if (lambda != nullptr) m.lambda = spread_of(column(rows, [&](const Evaluation& e) { return e.*lambda; }));
  return m;
}

nlohmann::json as_json(const Spread& s) { return {{"mean", s.mean}, {"deviation", s.deviation}}; }
nlohmann::json as_json(const Gain& g) {
  return {{"mean", g.spread.mean},
          {"deviation", g.spread.deviation},
          {"interval_95", {g.interval.low, g.interval.high}},
          {"n_improved", g.n_improved},
          {"share_improved", g.share_improved}};
}

// A dash for what is no number: the deviation of infinite scores.
std::string number(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}
std::string signed_number(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:+.{}f}", value, digits);
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

Gain gain_of(const std::vector<double>& differences, uint64_t seed) {
  Gain gain{spread_of(differences), bootstrap_interval(differences, seed), 0, 0.0};
  gain.n_improved = std::ranges::count_if(differences, [](double d) { return d > 0.0; });
  gain.share_improved = static_cast<double>(gain.n_improved) / static_cast<double>(differences.size());
  return gain;
}

EvaluationSummary summarise(const std::vector<Evaluation>& rows, uint64_t seed) {
  EvaluationSummary summary;
  summary.n_pictures = static_cast<int64_t>(rows.size());
  summary.methods = {method("noisy", "noisy", rows, &Evaluation::noisy),
                     method("best scalar by PSNR", "best_scalar_by_psnr", rows, &Evaluation::by_psnr,
                            &Evaluation::lambda_by_psnr),
                     method("best scalar by SSIM", "best_scalar_by_ssim", rows, &Evaluation::by_ssim,
                            &Evaluation::lambda_by_ssim),
                     method("map", "map", rows, &Evaluation::map)};
  summary.psnr = gain_of(column(rows, [](const Evaluation& e) { return e.psnr_gain(); }), seed);
  summary.ssim = gain_of(column(rows, [](const Evaluation& e) { return e.ssim_gain(); }), seed);
  return summary;
}

nlohmann::json summary_json(const EvaluationSummary& summary) {
  nlohmann::json json = {{"n_pictures", summary.n_pictures}};
  for (const EvaluationSummary::Method& m : summary.methods) {
    json[m.key] = {{"psnr", as_json(m.psnr)}, {"ssim", as_json(m.ssim)}};
    if (m.has_lambda) json[m.key]["lambda"] = as_json(m.lambda);
  }
  json["gain"] = {{"psnr", as_json(summary.psnr)}, {"ssim", as_json(summary.ssim)}};
  return json;
}

nlohmann::json row_json(const Evaluation& row) {
  const auto scores = [](const Scores& s) { return nlohmann::json{{"psnr", s.psnr}, {"ssim", s.ssim}}; };
  nlohmann::json json = {{"picture", row.name},
                         {"noisy", scores(row.noisy)},
                         {"best_scalar_by_psnr", scores(row.by_psnr)},
                         {"best_scalar_by_ssim", scores(row.by_ssim)},
                         {"map", scores(row.map)}};
  json["best_scalar_by_psnr"]["lambda"] = row.lambda_by_psnr;
  json["best_scalar_by_ssim"]["lambda"] = row.lambda_by_ssim;
  return json;
}

std::string summary_table(const EvaluationSummary& summary) {
  std::string text = fmt::format("{:<22} {:>9} {:>10} {:>9} {:>10} {:>9} {:>10}\n",
                                 fmt::format("mean of {}", summary.n_pictures), "PSNR dB", "deviation",
                                 "SSIM", "deviation", "lambda", "deviation");
  for (const EvaluationSummary::Method& m : summary.methods) {
    text += fmt::format("{:<22} {:>9} {:>10} {:>9} {:>10}", m.name, number(m.psnr.mean, 3),
                        number(m.psnr.deviation, 3), number(m.ssim.mean, 4), number(m.ssim.deviation, 4));
    if (m.has_lambda) text += fmt::format(" {:>9.4f} {:>10.4f}", m.lambda.mean, m.lambda.deviation);
    text += "\n";
  }
  text += fmt::format("\n{:<22} {:>9} {:>10} {:>20}   {}\n", "map - best scalar", "mean", "deviation",
                      "95 % of the mean", "better for");
  const auto line = [&](const char* name, const Gain& g, int digits) {
    const std::string interval = std::isnan(g.interval.low) ? "-"
                                                            : signed_number(g.interval.low, digits) + " .. " +
                                                                  signed_number(g.interval.high, digits);
    text += fmt::format("{:<22} {:>9} {:>10} {:>20}   {} of {} ({:.0f} %)\n", name,
                        signed_number(g.spread.mean, digits), number(g.spread.deviation, digits), interval,
                        g.n_improved, summary.n_pictures, 100.0 * g.share_improved);
  };
  line("PSNR dB, by PSNR", summary.psnr, 3);
  line("SSIM, by SSIM", summary.ssim, 4);
  return text;
}

std::string csv_header() {
  return "picture,psnr_noisy,ssim_noisy,lambda_by_psnr,psnr_by_psnr,ssim_by_psnr,lambda_by_ssim,psnr_by_ssim,"
         "ssim_by_ssim,psnr_map,ssim_map\n";
}

std::string csv_row(const Evaluation& e) {
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", quoted(e.name), e.noisy.psnr, e.noisy.ssim,
                     e.lambda_by_psnr, e.by_psnr.psnr, e.by_psnr.ssim, e.lambda_by_ssim, e.by_ssim.psnr,
                     e.by_ssim.ssim, e.map.psnr, e.map.ssim);
}

}  // namespace primal
