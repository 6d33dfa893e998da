#include "apps/training/tensorboard_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "data/figure/picture_colours.h"
#include "data/preprocess/preprocess.h"

namespace primal {
namespace {

// The first channel of the first map [N,C,D,H,W], in colour on a logarithmic scale over its own range
// (log_range).
Image map_image(const Tensor& map) {
  const int64_t height = map.size(-2), width = map.size(-1);
  const Tensor first =
      map.to(Device{}).reshape(Shape{map.numel() / (height * width), height, width}).slice(0, 1);
  const std::vector<Colour> colours = picture_colours(Picture::log_map(first, ""));
  Image image(width, height, 3);
  auto level = image.levels.begin();
  for (const Colour& colour : colours) level = std::ranges::copy(colour, level).out;
  return image;
}

std::string table_of(const nlohmann::json& settings) {
  std::string table = "| setting | value |\n| --- | --- |\n";
  for (const auto& [name, value] : settings.items())
    table += fmt::format("| {} | `{}` |\n", name, json_text(value));
  return table;
}

const std::filesystem::path& cleared_for(const std::filesystem::path& folder, int64_t last_row) {
  if (last_row < 0) remove_event_files(folder);
  return folder;
}

}  // namespace

TensorboardLog::TensorboardLog(const std::filesystem::path& folder, const nlohmann::json& config,
                               std::vector<std::string> metric_names, int64_t every, int64_t last_row)
    : file_(cleared_for(folder, last_row), last_row + 1),
      metric_names_(std::move(metric_names)),
      every_(every) {
  file_.settings(config, metric_names_);
  file_.text(0, "settings", table_of(config));
}

void TensorboardLog::step(const StepRecord& record, Task& task) {
  // The numbers as metrics.csv has them, digit for digit; a mean that does not exist has no text.
  const StepTexts texts = texts_of(record);
  const auto scalar = [&](const std::string& tag, const std::string& text) {
    if (!text.empty()) file_.scalar(record.step, tag, std::stod(text));
  };
  scalar("loss", texts.loss);
  scalar("mean_loss", texts.mean_loss);
  scalar("learning_rate", texts.learning_rate);
  scalar("step_ms", texts.step_ms);
  for (size_t i = 0; i < texts.validation.size(); ++i) scalar(metric_names_.at(i), texts.validation[i]);
  const bool due = every_ > 0 && record.step % every_ == 0;
  if (due) {
    for (const auto& [name, parameter] : task.model().parameters()) {
      file_.histogram(record.step, "weights/" + name, parameter.value());
      if (parameter.grad().defined()) file_.histogram(record.step, "gradients/" + name, parameter.grad());
    }
  }
  if (due || !record.validation.empty()) samples(record.step, task);
}

void TensorboardLog::samples(int64_t step, Task& task) {
  for (const LoggedSample& sample : task.samples_to_log()) {
    if (sample.is_map) {
      file_.picture(step, sample.name, map_image(sample.values));
      file_.histogram(step, sample.name, sample.values);
    } else {
      file_.picture(step, sample.name, to_image(sample.values.to(Device{})));
    }
  }
}

void TensorboardLog::baseline(const Baseline& baseline) {
  for (size_t i = 0; i < baseline.metrics.size(); ++i) {
    if (baseline.metrics[i].has_mean())
      file_.scalar(0, metric_names_.at(i) + " of " + baseline.name, baseline.metrics[i].mean);
  }
}

void TensorboardLog::stop(bool well) { file_.end(well); }

}  // namespace primal
