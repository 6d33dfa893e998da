#include "apps/report/run_sections.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "apps/evaluation/comparison.h"
#include "apps/report/page_parts.h"
#include "apps/scores/scores.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr size_t kMaxPoints = 1200;  // of a curve; a screen shows no more beside each other

// The least and the greatest value of each stretch of the steps, so that no spike is lost.
RunCurve thinned(const RunCurve& curve) {
  const size_t n = curve.value.size(), n_stretches = kMaxPoints / 2;
  if (n <= kMaxPoints) return curve;
  RunCurve out{curve.name, {}, {}};
  for (size_t s = 0; s < n_stretches; ++s) {
    const size_t begin = s * n / n_stretches, end = (s + 1) * n / n_stretches;
    size_t low = begin, high = begin;
    for (size_t i = begin; i < end; ++i) {
      if (curve.value[i] < curve.value[low]) low = i;
      if (curve.value[i] > curve.value[high]) high = i;
    }
    for (const size_t i : {std::min(low, high), std::max(low, high)}) {
      out.step.push_back(curve.step[i]);
      out.value.push_back(curve.value[i]);
    }
  }
  return out;
}

std::string model_text(const std::optional<TrainConfig>& config) {
  if (!config) return "a model";
  if (config->task.kind == "classify") return "a classifier";
  if (config->task.kind == "reconstruct") return "an autoencoder";
  if (config->task.kind == "sequence")
    return fmt::format(
        "a network that proposes two maps, in space and in time, for {} iterations of total-variation "
        "denoising of sequences",
        config->sequence.iterations);
  return fmt::format("a network that proposes the map Lambda for {} iterations of total-variation denoising",
                     config->model.iterations);
}

std::string data_text(const TrainConfig& config) {
  if (!config.data.manifest.empty()) return fmt::format("the pairs of {}", config.data.manifest);
  return config.data.folder.empty() ? "generated pictures"
                                    : fmt::format("the pictures of {}", config.data.folder);
}

// Names and decimals of the scores that people read most.
struct ScoreName {
  std::string text, unit;
  int digits;
};
ScoreName score_name(const std::string& metric) {
  if (metric.ends_with("psnr_db")) return {"PSNR", " dB", 2};
  if (metric.ends_with("ssim")) return {"SSIM", "", 4};
  if (metric.ends_with("accuracy")) return {"accuracy", "", 4};
  if (metric.ends_with("r2")) return {"R2", "", 4};
  return {metric, "", 4};
}

// As metrics.csv has it, but for those that everybody knows.
std::string row_name(const std::string& metric) {
  if (metric == "validation_psnr_db") return "PSNR / dB";
  return metric == "validation_ssim" ? "SSIM" : metric;
}

std::string with_unit(const ScoreName& name, double value) {
  return fmt::format("{:.{}f}{}", value, name.digits, name.unit);
}

// What came out, from the first metric, which decides what is best.
std::string outcome_text(const RunCurves& curves) {
  if (curves.metrics.empty()) return "";
  const RunCurve& first = curves.metrics.front();
  const std::optional<size_t> best = first.best(larger_is_better(first.name));
  if (!best) return " It has not been validated yet.";
  const ScoreName name = score_name(first.name);
  std::string text = fmt::format(
      " On the validation pictures, which it was not trained on, its best mean {} is {} (step {:.0f})",
      name.text, with_unit(name, first.value[*best]), first.step[*best]);
  std::string against;
  for (const Baseline& baseline : curves.baselines) {
    if (baseline.metrics.empty() || !baseline.metrics.front().has_mean()) continue;
    against += fmt::format("{}{} for {}", against.empty() ? ", compared with " : " and ",
                           with_unit(name, baseline.metrics.front().mean),
                           baseline.name == "noisy"         ? "the noisy pictures"
                           : baseline.name == "best scalar" ? "the best single lambda of each picture"
                                                            : fmt::format("the baseline {}", baseline.name));
  }
  return text + against + ".";
}

void add_sample(Page& page, const std::string& name, const std::map<std::string, Tensor>& parts) {
  subheading(page, name);
  const Tensor &noisy = parts.at("noisy"), &denoised = parts.at("denoised");
  std::string scores = "Noisy on the left, denoised on the right; move the handle.";
  if (parts.contains("clean")) {
    const Scores before = scores_of(noisy, parts.at("clean")), after = scores_of(denoised, parts.at("clean"));
    scores += fmt::format(" PSNR {:.2f} dB before, {:.2f} dB after; SSIM {:.4f} before, {:.4f} after.",
                          before.psnr, after.psnr, before.ssim, after.ssim);
  }
  begin_row(page);
  page.compare({"noisy", shown_size(noisy)}, {"denoised", shown_size(denoised)},
               scores + shown_size_text(noisy));
  if (parts.contains("clean"))
    page.compare({"denoised", shown_size(denoised)}, {"clean", shown_size(parts.at("clean"))},
                 "Denoised on the left, the clean picture on the right.");
  end_row(page);
  if (!parts.contains("lambda")) return;
  EvaluatedPictures pictures;
  const Tensor& lambda = parts.at("lambda");
  const Tensor first =
      lambda.slice(0, 1).reshape(lambda.shape().with(0, lambda.size(1)).with(1, 1)).slice(0, 1);
  pictures.lambda =
      shown_size(first).reshape(Shape{1, 1, 1, shown_size(first).size(-2), shown_size(first).size(-1)});
  add_panels(page, lambda_figure(pictures),
             {"The map Lambda on a linear scale: where it is bright, more is smoothed.",
              "The same map on a logarithmic scale.",
              "How often each value of Lambda occurs; the colours are those of the map."});
}

std::string bytes_text(uint64_t bytes) { return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

std::string command_of(const RunRecord& record) {
  return record.starts.empty() ? "" : record.starts.front().command;
}

std::string run_paragraph(const RunRecord& record, bool is_running) {
  std::string text = fmt::format("This is the training of {}", model_text(record.config));
  if (!record.starts.empty() && record.starts.back().parameters > 0)
    text += fmt::format(" with {} parameters", record.starts.back().parameters);
  if (record.config) text += fmt::format(", on {}", data_text(*record.config));
  text += ".";
  const int64_t n_steps = record.starts.empty() ? 0 : record.starts.back().n_steps;
  if (record.curves) {
    const int64_t done = record.curves->steps;
    text += fmt::format(" {} step{}{} {} done, in {} of computing.", done, done == 1 ? "" : "s",
                        n_steps > 0 ? fmt::format(" of {}", n_steps) : "", done == 1 ? "is" : "are",
                        hours_text(record.curves->hours));
  }
  if (is_running) {
    text += " The training is still at work, and this page loads itself again every 30 seconds.";
  } else if (record.stop_reason.empty()) {
    text += " The log has no end: the training is still at work or was killed.";
  } else if (record.stop_reason == "done") {
    text += " The training has ended as planned.";
  } else {
    text += fmt::format(" The training has ended before its time: {}.", record.stop_reason);
  }
  return text + (record.curves ? outcome_text(*record.curves) : "");
}

void add_problems(Page& page, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) page.warning(problem);
}

void add_run_scores(Page& page, const RunRecord& record) {
  if (!record.curves || record.curves->metrics.empty()) return;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> columns{"on the validation pictures", "best", "at step", "last"};
  for (const Baseline& baseline : record.curves->baselines) columns.push_back(baseline.name);
  for (size_t m = 0; m < record.curves->metrics.size(); ++m) {
    const RunCurve& metric = record.curves->metrics[m];
    const std::optional<size_t> best = metric.best(larger_is_better(metric.name));
    if (!best) continue;
    rows.push_back({row_name(metric.name), fmt::format("{:.5g}", metric.value[*best]),
                    fmt::format("{:.0f}", metric.step[*best]), fmt::format("{:.5g}", metric.value.back())});
    for (const Baseline& baseline : record.curves->baselines) {
      const ScoreSummary& s = baseline.metrics.at(m);
      rows.back().push_back(s.has_mean() ? fmt::format("{:.5g}", s.mean) : "-");
    }
  }
  if (rows.empty()) return;
  page.heading("Validation");
  page.table(columns, rows);
}

void add_run_curves(Page& page, const RunRecord& record) {
  if (!record.curves) return;
  page.heading("Training curves");
  RunCurves curves = *record.curves;
  const bool is_thinned = curves.mean_loss.value.size() > kMaxPoints;
  curves.mean_loss = thinned(curves.mean_loss);
  for (RunCurve& metric : curves.metrics) metric = thinned(metric);
  try {
    Figure figure = figure_of({curves});
    const RunCurve rate = thinned(curves.learning_rate);
    const double highest = *std::ranges::max_element(rate.value);
    figure.rows.push_back({Panel{
        "learning rate", Chart{.x = {.label = "step"},
                               .y = {.label = "learning rate of Adam", .low = 0.0, .high = 1.1 * highest},
                               .layers = {Line{.x = rate.step, .y = rate.value, .step = true}}}}});
    add_panels(page, figure);
    page.paragraph(fmt::format(
        "The loss is the mean of the last 200 steps. Dashed and dotted lines are the baselines, which no "
        "training changes; a dot marks the best validation. A first dip of a score may be cut off below.{}",
        is_thinned ? " Of each stretch of a long curve the least and the greatest value are drawn." : ""));
  } catch (const Error& error) {
    page.warning(fmt::format("The curves cannot be drawn: {}", error.what()));
  }
}

void add_run_pictures(Page& page, const std::vector<LoggedSample>& samples) {
  std::map<std::string, std::map<std::string, Tensor>> groups;
  for (const LoggedSample& sample : samples) {
    const size_t slash = sample.name.find('/');
    if (slash == std::string::npos) continue;
    groups[sample.name.substr(0, slash)][sample.name.substr(slash + 1)] = sample.values.to(Device{});
  }
  std::erase_if(groups,
                [](const auto& g) { return !g.second.contains("noisy") || !g.second.contains("denoised"); });
  if (groups.empty()) return;
  page.heading("Validation pictures");
  page.paragraph(
      "The first validation pictures and what the model makes of them. Grey values below 0 are shown black "
      "and above 1 white; scores are of the values as they are, with data range 1.");
  size_t n_left_out = 0, i = 0;
  for (const auto& group : groups) {
    ++i;
    const std::map<std::string, Tensor>& parts = group.second;
    if (!add_within(page, [&](Page& p) { add_sample(p, fmt::format("Validation picture {}", i), parts); }))
      ++n_left_out;
  }
  if (n_left_out > 0)
    page.paragraph(
        fmt::format("{} more would make this page larger than 5 MB and are left out.", n_left_out));
}

void add_run_origin(Page& page, const RunRecord& record) {
  if (!record.settings.empty()) {
    page.heading("Settings");
    std::vector<std::vector<std::string>> given, all;
    for (const SettingRow& row : record.settings) {
      all.push_back({row.key, row.value, row.origin});
      if (row.origin != "default") given.push_back(all.back());
    }
    if (!given.empty()) page.table({"setting that was given", "value", "origin"}, given);
    page.folded_table(fmt::format("All settings ({})", all.size()), {"setting", "value", "origin"}, all);
  }
  if (!record.checkpoints.empty()) {
    page.heading("Checkpoints");
    std::vector<std::vector<std::string>> rows;
    for (const CheckpointRow& c : record.checkpoints)
      rows.push_back({c.file, c.step ? std::to_string(*c.step) : "-", c.bytes ? bytes_text(*c.bytes) : "-",
                      c.note.empty() ? "" : "cannot be read"});
    page.table({"file", "step", "size", "remark"}, rows);
  }
  if (record.starts.empty()) return;
  page.heading("Origin");
  std::vector<std::vector<std::string>> rows;
  for (const StartRecord& s : record.starts) {
    rows.push_back({s.time, std::to_string(s.step), s.command.empty() ? "not recorded" : s.command,
                    fmt::format("{} ({}), {}", s.version, s.commit, s.compiler),
                    s.machine.empty() ? "not recorded" : s.machine, std::to_string(s.threads)});
  }
  page.table({"started (UTC)", "after step", "command", "version of Primal", "processor", "threads"}, rows);
}

}  // namespace primal
