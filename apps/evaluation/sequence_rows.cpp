#include "apps/evaluation/sequence_rows.h"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/table/table.h"

namespace primal {
namespace {

// A method's scores of a clip, under the name that tables and files give it.
struct Method {
  const char *name, *key;
  Scores (*scores)(const SequenceRow&);
  const LambdaPair* (*pair)(const SequenceRow&);  // null: it has none
};
constexpr std::array kMethods{
    Method{"noisy", "noisy", [](const SequenceRow& r) { return r.noisy; }, nullptr},
    Method{"best pair by PSNR", "best_pair_by_psnr", [](const SequenceRow& r) { return r.by_psnr.scores; },
           [](const SequenceRow& r) { return &r.by_psnr.lambda; }},
    Method{"best pair by SSIM", "best_pair_by_ssim", [](const SequenceRow& r) { return r.by_ssim.scores; },
           [](const SequenceRow& r) { return &r.by_ssim.lambda; }},
    Method{"model", "model", [](const SequenceRow& r) { return r.model; }, nullptr},
};

ScoreSummary mean_of(const std::vector<SequenceRow>& rows, const Method& m, double Scores::*score) {
  return summarise_scores(sequence_column(rows, [&](const SequenceRow& r) { return m.scores(r).*score; }));
}
ScoreSummary mean_weight(const std::vector<SequenceRow>& rows, const Method& m, double LambdaPair::*weight) {
  return summarise_scores(sequence_column(rows, [&](const SequenceRow& r) { return m.pair(r)->*weight; }));
}

nlohmann::json number_json(double v) { return std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(); }

nlohmann::json gain_json(const Gain& gain) {
  return {{"mean", number_json(gain.summary.mean)},
          {"deviation", number_json(gain.summary.deviation)},
          {"infinite", gain.summary.n_infinite},
          {"interval_95", {number_json(gain.interval.low), number_json(gain.interval.high)}},
          {"n_improved", gain.n_improved}};
}

}  // namespace

nlohmann::json sequence_json(const std::vector<SequenceRow>& rows, const Gain& psnr, const Gain& ssim) {
  nlohmann::json json{{"task", "sequence"},
                      {"pictures", rows.size()},
                      {"gain", {{"psnr_db", gain_json(psnr)}, {"ssim", gain_json(ssim)}}}};
  for (const Method& m : kMethods) {
    const ScoreSummary of_psnr = mean_of(rows, m, &Scores::psnr);
    json[m.key] = {{"psnr_db", number_json(of_psnr.mean)},
                   {"infinite", of_psnr.n_infinite},
                   {"ssim", number_json(mean_of(rows, m, &Scores::ssim).mean)}};
    if (m.pair == nullptr) continue;
    json[m.key]["lambda_xy"] = mean_weight(rows, m, &LambdaPair::xy).mean;
    json[m.key]["lambda_t"] = mean_weight(rows, m, &LambdaPair::t).mean;
  }
  for (const SequenceRow& row : rows)
    json["clips"].push_back({{"name", row.name}, {"frames", row.n_frames}, {"pairs_solved", row.n_solved}});
  return json;
}

std::string sequence_csv(const std::vector<SequenceRow>& rows) {
  std::string text = "clip";
  for (const Method& m : kMethods) {
    text += fmt::format(",{0}_psnr_db,{0}_ssim", m.key);
    if (m.pair != nullptr) text += fmt::format(",{0}_lambda_xy,{0}_lambda_t", m.key);
  }
  text += ",psnr_gain_db,ssim_gain\n";
  for (const SequenceRow& row : rows) {
    text += csv_field(row.name);
    for (const Method& m : kMethods) {
      text += fmt::format(",{},{}", csv_number(m.scores(row).psnr), csv_number(m.scores(row).ssim));
      if (m.pair != nullptr) text += fmt::format(",{},{}", m.pair(row)->xy, m.pair(row)->t);
    }
    text += fmt::format(",{},{}\n", csv_number(row.psnr_gain()), csv_number(row.ssim_gain()));
  }
  return text;
}

std::string sequence_table(const std::vector<SequenceRow>& rows, const Gain& psnr, const Gain& ssim) {
  std::string text = fmt::format("{:<22} {:>9} {:>9} {:>11} {:>11}\n", fmt::format("mean of {}", rows.size()),
                                 "PSNR dB", "SSIM", "lambda xy", "lambda t");
  for (const Method& m : kMethods) {
    text += fmt::format("{:<22} {:>9} {:>9}", m.name, score_text(mean_of(rows, m, &Scores::psnr).mean, 3),
                        score_text(mean_of(rows, m, &Scores::ssim).mean, 4));
    if (m.pair != nullptr)
      text += fmt::format(" {:>11.4g} {:>11.4g}", mean_weight(rows, m, &LambdaPair::xy).mean,
                          mean_weight(rows, m, &LambdaPair::t).mean);
    text += "\n";
  }
  const auto gain_line = [&](const char* name, const Gain& gain, int digits) {
    const std::string interval =
        std::isnan(gain.interval.low)
            ? "-"
            : fmt::format("from {:+.{}f} to {:+.{}f}", gain.interval.low, digits, gain.interval.high, digits);
    text +=
        fmt::format("{:<22} {} (95 % {}), better for {} of {}\n", name,
                    std::isnan(gain.summary.mean) ? "-" : fmt::format("{:+.{}f}", gain.summary.mean, digits),
                    interval, gain.n_improved, rows.size());
  };
  text += "\nmodel - best pair\n";
  gain_line("  PSNR dB", psnr, 3);
  gain_line("  SSIM", ssim, 4);
  return text;
}

std::vector<std::string> sequence_remarks(const std::vector<SequenceRow>& rows, const Gain& psnr) {
  std::vector<std::string> remarks;
  const auto add = [&](const std::string& name, const ScoreSummary& summary) {
    if (!summary.all_finite()) remarks.push_back(remark_of(name, summary));
  };
  for (const Method& m : kMethods) add(fmt::format("PSNR, {}", m.name), mean_of(rows, m, &Scores::psnr));
  add("gain in PSNR", psnr.summary);
  return remarks;
}

}  // namespace primal
