#include "apps/evaluation/report.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/table/table.h"

namespace primal {
namespace {

EvaluationSummary::Method method(const std::string& name, const std::string& key,
                                 const std::vector<Evaluation>& rows, Scores Evaluation::*scores,
                                 double Evaluation::*lambda = nullptr) {
  EvaluationSummary::Method m{name, key, {}, {}, lambda != nullptr, {}};
  m.psnr = summarise_scores(column(rows, [&](const Evaluation& e) { return (e.*scores).psnr; }));
  m.ssim = summarise_scores(column(rows, [&](const Evaluation& e) { return (e.*scores).ssim; }));
  if (lambda != nullptr)
    m.lambda = summarise_scores(column(rows, [&](const Evaluation& e) { return e.*lambda; }));
  return m;
}

// What has no value, as the deviation of one picture, is null.
nlohmann::json as_json(const ScoreSummary& s) {
  return {
      {"mean", s.mean}, {"deviation", s.deviation}, {"infinite", s.n_infinite}, {"not_a_number", s.n_nan}};
}
nlohmann::json as_json(const Gain& g) {
  nlohmann::json json = as_json(g.summary);
  json["interval_95"] = {g.interval.low, g.interval.high};
  json["n_improved"] = g.n_improved;
  json["share_improved"] = g.share_improved;
  return json;
}

std::string signed_number(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:+.{}f}", value, digits);
}

}  // namespace

Gain gain_of(const std::vector<double>& differences, uint64_t seed) {
  Gain gain{summarise_scores(differences), bootstrap_interval(differences, seed), 0, 0.0};
  gain.n_improved = std::ranges::count_if(differences, [](double d) { return d > 0.0; });
  gain.share_improved = static_cast<double>(gain.n_improved) / static_cast<double>(differences.size());
  return gain;
}

EvaluationSummary summarise(const std::vector<Evaluation>& rows, uint64_t seed,
                            const std::vector<std::string>& models) {
  EvaluationSummary summary;
  summary.n_pictures = std::ssize(rows);
  summary.methods = {method("noisy", "noisy", rows, &Evaluation::noisy),
                     method("best scalar by PSNR", "best_scalar_by_psnr", rows, &Evaluation::by_psnr,
                            &Evaluation::lambda_by_psnr),
                     method("best scalar by SSIM", "best_scalar_by_ssim", rows, &Evaluation::by_ssim,
                            &Evaluation::lambda_by_ssim),
                     method("map", "map", rows, &Evaluation::map)};
  summary.psnr = gain_of(column(rows, [](const Evaluation& e) { return e.psnr_gain(); }), seed);
  summary.ssim = gain_of(column(rows, [](const Evaluation& e) { return e.ssim_gain(); }), seed);
  for (size_t m = 0; m + 1 < models.size(); ++m) {
    const std::string key = fmt::format("map_{}", m + 2);
    EvaluationSummary::Method other{"map of " + models[m + 1], key, {}, {}, false, {}};
    other.psnr = summarise_scores(column(rows, [&](const Evaluation& e) { return e.other_maps.at(m).psnr; }));
    other.ssim = summarise_scores(column(rows, [&](const Evaluation& e) { return e.other_maps.at(m).ssim; }));
    summary.methods.push_back(other);
    const auto psnr = column(rows, [&](const Evaluation& e) {
      const double a = e.map.psnr, b = e.other_maps.at(m).psnr;
      return a == b ? 0.0 : b - a;
    });
    const auto ssim = column(rows, [&](const Evaluation& e) { return e.other_maps.at(m).ssim - e.map.ssim; });
    summary.comparisons.push_back(
        {models[m + 1] + " - " + models.front(), gain_of(psnr, seed), gain_of(ssim, seed)});
  }
  if (models.size() > 1) summary.methods.at(3).name = "map of " + models.front();
  return summary;
}

nlohmann::json summary_json(const EvaluationSummary& summary) {
  nlohmann::json json = {{"n_pictures", summary.n_pictures}};
  for (const EvaluationSummary::Method& m : summary.methods) {
    json[m.key] = {{"psnr", as_json(m.psnr)}, {"ssim", as_json(m.ssim)}};
    if (m.has_lambda) json[m.key]["lambda"] = as_json(m.lambda);
  }
  json["gain"] = {{"psnr", as_json(summary.psnr)}, {"ssim", as_json(summary.ssim)}};
  for (const EvaluationSummary::Comparison& c : summary.comparisons) {
    json["comparisons"].push_back(
        {{"difference", c.name}, {"psnr", as_json(c.psnr)}, {"ssim", as_json(c.ssim)}});
  }
  return json;
}

nlohmann::json row_json(const Evaluation& row) {
  const auto scores = [](const Scores& s) { return nlohmann::json{{"psnr", s.psnr}, {"ssim", s.ssim}}; };
  nlohmann::json json = {{"picture", row.name},
                         {"noisy", scores(row.noisy)},
                         {"best_scalar_by_psnr", scores(row.by_psnr)},
                         {"best_scalar_by_ssim", scores(row.by_ssim)},
                         {"map", scores(row.map)}};
  for (size_t m = 0; m < row.other_maps.size(); ++m)
    json[fmt::format("map_{}", m + 2)] = scores(row.other_maps[m]);
  json["best_scalar_by_psnr"]["lambda"] = row.lambda_by_psnr;
  json["best_scalar_by_ssim"]["lambda"] = row.lambda_by_ssim;
  return json;
}

std::string summary_csv(const EvaluationSummary& summary) {
  std::string text = "method,pictures,psnr,psnr_deviation,ssim,ssim_deviation,lambda,lambda_deviation\n";
  const auto cells = [](const ScoreSummary& s) {
    return fmt::format(",{},{}", s.has_mean() ? csv_number(s.mean) : "",
                       s.n_finite > 1 ? csv_number(s.deviation) : "");
  };
  for (const EvaluationSummary::Method& m : summary.methods) {
    text += fmt::format("{},{}{}{}{}\n", csv_field(m.name), summary.n_pictures, cells(m.psnr), cells(m.ssim),
                        m.has_lambda ? cells(m.lambda) : ",,");
  }
  const auto gain = [&](const std::string& name, const Gain& psnr, const Gain& ssim) {
    text += fmt::format("{},{}{}{},,\n", csv_field(name), summary.n_pictures, cells(psnr.summary),
                        cells(ssim.summary));
  };
  gain("map - best scalar", summary.psnr, summary.ssim);
  for (const EvaluationSummary::Comparison& c : summary.comparisons) gain(c.name, c.psnr, c.ssim);
  return text;
}

std::string summary_table(const EvaluationSummary& summary) {
  std::string text = fmt::format("{:<22} {:>9} {:>10} {:>9} {:>10} {:>9} {:>10}\n",
                                 fmt::format("mean of {}", summary.n_pictures), "PSNR dB", "deviation",
                                 "SSIM", "deviation", "lambda", "deviation");
  for (const EvaluationSummary::Method& m : summary.methods) {
    text += fmt::format("{:<22} {:>9} {:>10} {:>9} {:>10}", m.name, score_text(m.psnr.mean, 3),
                        score_text(m.psnr.deviation, 3), score_text(m.ssim.mean, 4),
                        score_text(m.ssim.deviation, 4));
    if (m.has_lambda)
      text += fmt::format(" {:>9} {:>10}", score_text(m.lambda.mean, 4), score_text(m.lambda.deviation, 4));
    text += "\n";
  }
  const auto line = [&](const char* name, const Gain& g, int digits) {
    const std::string interval = std::isnan(g.interval.low) ? "-"
                                                            : signed_number(g.interval.low, digits) + " .. " +
                                                                  signed_number(g.interval.high, digits);
    text += fmt::format("{:<22} {:>9} {:>10} {:>20}   {} of {} ({:.0f} %)\n", name,
                        signed_number(g.summary.mean, digits), score_text(g.summary.deviation, digits),
                        interval, g.n_improved, summary.n_pictures, 100.0 * g.share_improved);
  };
  const auto head = [&](const std::string& name) {
    text += fmt::format("\n{:<22} {:>9} {:>10} {:>20}   {}\n", name, "mean", "deviation", "95 % of the mean",
                        "better for");
  };
  head("map - best scalar");
  line("PSNR dB, by PSNR", summary.psnr, 3);
  line("SSIM, by SSIM", summary.ssim, 4);
  for (const EvaluationSummary::Comparison& c : summary.comparisons) {
    head(c.name);
    line("PSNR dB", c.psnr, 3);
    line("SSIM", c.ssim, 4);
  }
  return text;
}

std::vector<std::string> summary_remarks(const EvaluationSummary& summary) {
  std::vector<std::string> remarks;
  const auto add = [&](const std::string& score, const ScoreSummary& s) {
    if (!s.all_finite()) remarks.push_back(remark_of(score, s));
  };
  for (const EvaluationSummary::Method& m : summary.methods) {
    add("PSNR, " + m.name, m.psnr);
    add("SSIM, " + m.name, m.ssim);
  }
  add("map - best scalar, PSNR", summary.psnr.summary);
  add("map - best scalar, SSIM", summary.ssim.summary);
  return remarks;
}

std::string csv_header(size_t n_other_models) {
  std::string header =
      "picture,psnr_noisy,ssim_noisy,lambda_by_psnr,psnr_by_psnr,ssim_by_psnr,lambda_by_ssim,psnr_by_ssim,"
      "ssim_by_ssim,psnr_map,ssim_map";
  for (size_t m = 0; m < n_other_models; ++m) header += fmt::format(",psnr_map_{0},ssim_map_{0}", m + 2);
  return header + "\n";
}

std::string csv_row(const Evaluation& e) {
  std::string row = csv_field(e.name);
  for (const double v : {e.noisy.psnr, e.noisy.ssim, e.lambda_by_psnr, e.by_psnr.psnr, e.by_psnr.ssim,
                         e.lambda_by_ssim, e.by_ssim.psnr, e.by_ssim.ssim, e.map.psnr, e.map.ssim}) {
    row += fmt::format(",{}", csv_number(v));
  }
  for (const Scores& other : e.other_maps)
    row += fmt::format(",{},{}", csv_number(other.psnr), csv_number(other.ssim));
  return row + "\n";
}

}  // namespace primal
