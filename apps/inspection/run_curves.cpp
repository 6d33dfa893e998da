#include "apps/inspection/run_curves.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/core.h>
#include <fstream>

#include "data/figure/plot.h"
#include "tensor/error.h"

namespace primal {
namespace {

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

size_t best_of(const RunCurve& curve) {
  return static_cast<size_t>(std::ranges::max_element(curve.value) - curve.value.begin());
}

}  // namespace

RunCurves read_run_curves(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "metrics.csv";
  std::ifstream file(path);
  if (!file && errno != ENOENT)
    throw IoError("[inspect] cannot read {}: {}", path.string(), std::strerror(errno));
  if (!file)
    throw IoError("[inspect] {} has no metrics.csv: is it the folder of a training?", folder.string());
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = split(line);
  if (header.size() < kFirstMetric || header[0] != "step" || header[3] != "mean_loss") {
    throw DataError("[inspect] {}:1: this is not the header of a training's metrics.csv", path.string());
  }
  RunCurves curves;
  curves.mean_loss.name = "mean_loss";
  for (size_t m = kFirstMetric; m < header.size(); ++m) curves.metrics.push_back({header[m], {}, {}});
  for (int64_t n = 2; std::getline(file, line); ++n) {
    if (file.eof()) break;  // a row without its newline is still being written, or was cut by a kill
    const std::vector<std::string> fields = split(line);
    const auto number = [&](size_t i) {
      double value = 0.0;
      const char* const end = fields[i].data() + fields[i].size();
      const auto [last, error] = std::from_chars(fields[i].data(), end, value);
      if (error != std::errc() || last != end) {
        throw DataError("[inspect] {}:{}: {} is no number: '{}'", path.string(), n, header[i], fields[i]);
      }
      return value;
    };
    if (fields.size() != header.size()) {
      throw DataError("[inspect] {}:{}: {} fields, the header has {}", path.string(), n, fields.size(),
                      header.size());
    }
    const double step = number(0);
    curves.steps = static_cast<int64_t>(step);
    curves.epochs = static_cast<int64_t>(number(1)) + 1;
    curves.hours += number(5) / 3.6e6;
    curves.mean_loss.step.push_back(step);
    curves.mean_loss.value.push_back(number(3));
    for (size_t m = 0; m < curves.metrics.size(); ++m) {
      if (fields[kFirstMetric + m].empty()) continue;
      curves.metrics[m].step.push_back(step);
      curves.metrics[m].value.push_back(number(kFirstMetric + m));
    }
  }
  if (curves.steps == 0) throw DataError("[inspect] {} has no rows yet", path.string());
  return curves;
}

nlohmann::json to_json(const RunCurves& curves) {
  nlohmann::json report{{"steps", curves.steps},
                        {"epochs", curves.epochs},
                        {"hours", curves.hours},
                        {"mean_loss", {{"step", curves.mean_loss.step}, {"value", curves.mean_loss.value}}},
                        {"metrics", nlohmann::json::object()}};
  for (const RunCurve& metric : curves.metrics) {
    report["metrics"][metric.name] = {{"step", metric.step}, {"value", metric.value}};
  }
  return report;
}

Image figure_of(const RunCurves& curves) {
  std::vector<Image> plots{make_plot(
      {"mean loss of 200 steps", "step", {{curves.mean_loss.step, curves.mean_loss.value, {}, {}}}})};
  for (const RunCurve& metric : curves.metrics) {
    if (metric.value.empty()) continue;
    const size_t best = best_of(metric);
    plots.push_back(make_plot({metric.name,
                               "step",
                               {{metric.step, metric.value, best,
                                 fmt::format("{:.4g} at {:.0f}", metric.value[best], metric.step[best])}}}));
  }
  return beside(plots);
}

}  // namespace primal
