#include "apps/inspection/run_curves.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/training/event_log.h"
#include "data/file/lines.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr size_t kMaxMetrics = 16;  // far more than a task has
constexpr size_t kFirstMetric = 6;  // step,epoch,loss,mean_loss,learning_rate,step_ms, then the metrics

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',') {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

bool has_points(const RunCurve& curve) { return !finite_of(curve.value).empty(); }

// Names of columns as a reader of a figure wants them.
std::string title_of(const std::string& column) {
  if (column == "validation_psnr_db") return "PSNR of the validation pictures";
  if (column == "validation_ssim") return "SSIM of the validation pictures";
  return column;
}

// The folder's own name, also of "runs/a/".
std::string name_of(const std::filesystem::path& folder) {
  const std::filesystem::path name =
      folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return name.string();
}

// The label of a metric's axis; the panel's title says what it is of.
std::string label_of(const std::string& column) {
  if (column == "validation_psnr_db") return "PSNR / dB";
  return column == "validation_ssim" ? "SSIM" : column;
}

// The numbers of a row; of a metric that is empty nothing. DataError naming `where` for what is no row.
std::vector<std::optional<double>> numbers_of(const std::vector<std::string>& fields,
                                              const std::vector<std::string>& header,
                                              const std::string& where) {
  if (fields.size() != header.size())
    throw DataError("[inspect] {}: {} fields, the header has {}", where, fields.size(), header.size());
  std::vector<std::optional<double>> numbers;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i >= kFirstMetric && fields[i].empty()) {
      numbers.emplace_back();
      continue;
    }
    double value = 0.0;
    const char* const end = fields[i].data() + fields[i].size();
    const auto [last, error] = std::from_chars(fields[i].data(), end, value);
    if (error != std::errc() || last != end)
      throw DataError("[inspect] {}: {} is not a number: '{}'", where, header[i], fields[i]);
    numbers.emplace_back(value);
  }
  return numbers;
}

void add_row(RunCurves& curves, const std::vector<std::optional<double>>& row) {
  const double step = *row[0];
  curves.steps = static_cast<int64_t>(step);
  curves.epochs = static_cast<int64_t>(*row[1]) + 1;
  curves.hours += *row[5] / 3.6e6;
  curves.mean_loss.step.push_back(step);
  curves.mean_loss.value.push_back(*row[3]);
  curves.learning_rate.step.push_back(step);
  curves.learning_rate.value.push_back(*row[4]);
  for (size_t m = 0; m < curves.metrics.size(); ++m) {
    const std::optional<double>& value = row[kFirstMetric + m];
    if (!value) continue;
    curves.metrics[m].step.push_back(step);
    curves.metrics[m].value.push_back(*value);
  }
}

}  // namespace

RunCurves read_run_curves(const std::filesystem::path& folder, std::vector<std::string>* problems) {
  const std::filesystem::path path = folder / "metrics.csv";
  std::error_code status;
  if (!std::filesystem::exists(path, status) && (!status || status == std::errc::no_such_file_or_directory))
    throw IoError("[inspect] {} has no metrics.csv: is it the folder of a training run?", folder.string());
  LineReader file(path);
  std::string line;
  file.next(line);
  const std::vector<std::string> header = split(line);
  if (header.size() < kFirstMetric || header.size() > kFirstMetric + kMaxMetrics || header[0] != "step" ||
      header[3] != "mean_loss") {
    throw DataError("[inspect] {}:1: this is not the header of a training's metrics.csv", path.string());
  }
  RunCurves curves;
  curves.name = name_of(folder);
  curves.mean_loss.name = "mean_loss";
  curves.learning_rate.name = "learning_rate";
  for (size_t m = kFirstMetric; m < header.size(); ++m) curves.metrics.push_back({header[m], {}, {}});
  int64_t n_broken = 0;
  std::string first_broken;
  while (file.next(line)) {
    try {
      add_row(curves, numbers_of(split(line), header, fmt::format("{}:{}", path.string(), file.number())));
    } catch (const DataError& error) {
      if (problems == nullptr) throw;
      if (n_broken++ == 0) first_broken = error.what();
    }
  }
  if (n_broken > 0)
    problems->push_back(fmt::format("{} line{} of metrics.csv cannot be read and {} left out; the first: {}",
                                    n_broken, n_broken == 1 ? "" : "s", n_broken == 1 ? "is" : "are",
                                    first_broken));
  if (curves.steps == 0) throw DataError("[inspect] {} has no rows yet", path.string());
  curves.baselines = read_baselines(folder / "events.jsonl", {header.begin() + kFirstMetric, header.end()});
  return curves;
}

nlohmann::json to_json(const RunCurves& curves) {
  nlohmann::json report{{"name", curves.name},
                        {"steps", curves.steps},
                        {"epochs", curves.epochs},
                        {"hours", curves.hours},
                        {"mean_loss", {{"step", curves.mean_loss.step}, {"value", curves.mean_loss.value}}},
                        {"metrics", nlohmann::json::object()}};
  for (const RunCurve& metric : curves.metrics) {
    report["metrics"][metric.name] = {{"step", metric.step}, {"value", metric.value}};
  }
  for (const Baseline& baseline : curves.baselines) {
    for (size_t m = 0; m < curves.metrics.size(); ++m)
      report["baselines"][baseline.name][curves.metrics[m].name] = baseline.metrics.at(m).mean;
  }
  return report;
}

bool larger_is_better(const std::string& metric) {
  return !metric.ends_with("mse") && !metric.ends_with("mae") && !metric.ends_with("loss");
}

std::optional<size_t> RunCurve::best(bool larger_is_better) const {
  std::optional<size_t> found;
  for (size_t i = 0; i < value.size(); ++i) {
    if (!std::isfinite(value[i])) continue;
    if (!found || (larger_is_better ? value[i] > value[*found] : value[i] < value[*found])) found = i;
  }
  return found;
}

Figure figure_of(const std::vector<RunCurves>& runs) {
  constexpr size_t kBesideEachOther = 4;
  std::vector<Panel> panels;
  const auto name = [&](const RunCurves& run) { return runs.size() > 1 ? run.name : std::string(); };
  Chart loss{.x = {.label = "step"}, .y = {.label = "mean loss of 200 steps", .logarithmic = true}};
  bool any = false;
  for (const RunCurves& run : runs) {
    loss.layers.push_back(Line{.x = run.mean_loss.step, .y = run.mean_loss.value, .name = name(run)});
    any = any || has_points(run.mean_loss);
  }
  if (any) panels.push_back({"loss", loss});
  for (size_t m = 0; m < runs.front().metrics.size(); ++m) {
    const std::string& column = runs.front().metrics[m].name;
    Chart chart{.x = {.label = "step"}, .y = {.label = label_of(column)}, .clip_low = true};
    any = false;
    for (const RunCurves& run : runs) {
      Line line{.name = name(run)};
      const auto metric = std::ranges::find(run.metrics, column, &RunCurve::name);
      if (metric != run.metrics.end()) {
        line.x = metric->step;
        line.y = metric->value;
        line.mark = metric->best(larger_is_better(column));
      }
      if (line.mark) {
        any = true;
        line.mark_name =
            fmt::format("best: {:.4g} at {:.0f}", metric->value[*line.mark], metric->step[*line.mark]);
      }
      chart.layers.push_back(line);  // also one without points, so that a run keeps its colour
    }
    for (const Baseline& baseline : runs.front().baselines)
      chart.layers.push_back(Level{baseline.metrics.at(m).mean, baseline.name});
    if (any) panels.push_back({title_of(column), chart});
  }
  if (panels.empty())
    throw DataError("[inspect] nothing to draw: {} has no finite number", runs.front().name);
  Figure figure;
  for (const Panel& panel : panels) {
    if (figure.rows.empty() || figure.rows.back().size() == kBesideEachOther) figure.rows.emplace_back();
    figure.rows.back().push_back(panel);
  }
  return figure;
}

}  // namespace primal
