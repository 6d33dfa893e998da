#include "apps/inspection/file_contents.h"

#include <algorithm>
#include <concepts>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/inspection/tensor_statistics.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "model/checkpoint_format.h"
#include "model/json_depth.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct Totals {
  uint64_t tensors = 0, elements = 0, bytes = 0;
  int64_t not_finite = 0;

  void add(const Safetensors::Entry& entry) {
    ++tensors;
    elements += entry.elements;
    bytes += entry.end - entry.begin;
  }
  void add(const TensorStatistics& s) { not_finite += s.count - s.n_finite; }
};

// Nothing for a type whose values are not read.
std::optional<TensorStatistics> statistics_in(const Safetensors& file, const std::string& name) {
  if (!file.has_values(name)) return std::nullopt;
  return statistics_of(file.values(name));
}

std::string bytes_text(uint64_t bytes) {
  return bytes < 100'000 ? fmt::format("{} bytes", bytes)
                         : fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6);
}

// Widths of the columns of names and types.
struct TableWidths {
  size_t name = 4, type = 5;

  void fit(const std::string& tensor, const Safetensors::Entry& entry) {
    constexpr size_t kMost = 64;  // a longer name pushes its own row aside, not all of them
    name = std::max(name, std::min(visible(tensor).size(), kMost));
    type = std::max(type, entry.dtype.size());
  }
};

void print_tensor(const std::string& name, const Safetensors::Entry& entry,
                  const std::optional<TensorStatistics>& s, const TableWidths& widths) {
  put("{:<{}} {:<{}} {:<18}", name, widths.name, entry.dtype, widths.type, shape_text(entry.shape));
  if (!s) return put(" {:>11}\n", "-");
  const int64_t not_finite = s->count - s->n_finite;
  put(" {:>11.4g} {:>11.4g} {:>11.4g} {:>11.4g}{}\n", s->min, s->mean, s->max, s->deviation,
      not_finite > 0 ? fmt::format("  {} NOT FINITE", not_finite) : std::string());
}

std::string count_text(std::integral auto n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

// A metric of a TrainingState that some validation gave.
bool is_known(double metric) { return metric > TrainingState{}.best; }

// Where a training run stood when it wrote the checkpoint: what the entries of its metadata mean, and nothing
// of those that mean nothing yet.
std::string state_text(const TrainingState& state, const std::string& architecture) {
  // What decides which model is best: PSNR, or a share of right answers or of explained variance. Older
  // checkpoints do not name it.
  const bool in_decibel = state.metric.empty() ? architecture == kUnrolledTv || architecture == kDynamicTv ||
                                                     architecture == kCastingAutoencoder
                                               : state.metric.ends_with("_db");
  const bool less_is_better = state.metric.ends_with("_mse");
  const char* const unit = in_decibel ? " dB" : "";
  std::string text =
      fmt::format("checkpoint of a training run after {}\n", count_text(state.step, "step", "steps"));
  if (is_known(state.best)) {
    text += fmt::format("  best validation so far: {:.4g}{}", state.best, unit);
    text += state.best_step > 0 ? fmt::format(", after step {}\n", state.best_step) : "\n";
    if (state.n_waited > 0)
      text += fmt::format("  {} since then without a better one\n",
                          count_text(state.n_waited, "validation", "validations"));
    if (state.to_exceed != state.best && is_known(state.to_exceed))
      text += fmt::format("  early stopping waits for {} than {:.4g}{}\n", less_is_better ? "less" : "more",
                          state.to_exceed, unit);
  } else {
    text += "  no validation yet\n";
  }
  if (state.validation_due) {
    text += fmt::format(
        "  stopped before the validation of this step, which is done on resuming (loss {:.4g}, {:.1f} ms)\n",
        state.loss, state.step_ms);
  }
  if (!state.pictures.empty()) text += fmt::format("  trained on {}\n", visible(state.pictures));
  return text;
}

// Nothing for a file that is no checkpoint, or whose entries make no sense: they are shown as they are then.
std::optional<TrainingState> readable_state(const Safetensors& file) {
  try {
    return training_state(file);
  } catch (const DataError&) {
    return std::nullopt;
  }
}

// The entries of a checkpoint that state_text puts into words.
bool is_told_by_state(const std::string& key) {
  static const std::set<std::string> told{"best",      "best_step", "crc32",         "format",  "loss",
                                          "n_waited",  "pictures",  "step",          "step_ms", "task",
                                          "to_exceed", "version",   "validation_due"};
  return told.contains(key);
}

void print_metadata(const Safetensors& file) {
  const std::optional<TrainingState> state = readable_state(file);
  if (state) put_text(state_text(*state, architecture_in(file)));
  for (const auto& [key, text] : file.metadata()) {
    if (state && is_told_by_state(key)) continue;
    const nlohmann::json value = metadata_value(text);
    if (value.is_object()) {
      put("{}:\n", key);
      for (const auto& [name, item] : value.items()) put("  {:<30} {}\n", name, json_text(item));
    } else if (value.is_array()) {
      put("{}: {} (--json shows them)\n", key, count_text(value.size(), "entry", "entries"));
    } else {
      put("{}: {}\n", key, text);
    }
  }
}

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

nlohmann::json metadata_value(const std::string& text) {
  constexpr size_t kMaxBytes = size_t{4} << 20;
  if (!text.starts_with('{') && !text.starts_with('[')) return text;
  if (text.size() > kMaxBytes || is_nested_deeper(text, kMaxJsonLevels)) return text;
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() || value.is_array() ? value : nlohmann::json(text);
}

void print_file(const Safetensors& file) {
  TableWidths widths;
  for (const auto& [name, entry] : file.entries()) widths.fit(name, entry);
  put("{:<{}} {:<{}} {:<18} {:>11} {:>11} {:>11} {:>11}\n", "name", widths.name, "type", widths.type, "shape",
      "min", "mean", "max", "deviation");
  Totals totals;
  for (const auto& [name, entry] : file.entries()) {
    const std::optional<TensorStatistics> s = statistics_in(file, name);
    totals.add(entry);
    if (s) totals.add(*s);
    print_tensor(name, entry, s, widths);
  }
  put("{}, {}, {}{}\n", count_text(totals.tensors, "tensor", "tensors"),
      count_text(totals.elements, "element", "elements"), bytes_text(totals.bytes),
      totals.not_finite > 0 ? fmt::format(", {} elements NOT FINITE", totals.not_finite) : "");
  print_metadata(file);
}

nlohmann::json file_json(const Safetensors& file) {
  Totals totals;
  nlohmann::json rows = nlohmann::json::array(), metadata = nlohmann::json::object();
  for (const auto& [name, entry] : file.entries()) {
    nlohmann::json row{{"name", name}, {"dtype", entry.dtype}, {"shape", entry.shape}};
    totals.add(entry);
    if (const std::optional<TensorStatistics> s = statistics_in(file, name)) {
      totals.add(*s);
      row["statistics"] = to_json(*s);
    }
    rows.push_back(std::move(row));
  }
  for (const auto& [key, text] : file.metadata()) metadata[key] = metadata_value(text);
  return {{"file", file.name()},        {"metadata", std::move(metadata)},
          {"tensors", std::move(rows)}, {"elements", totals.elements},
          {"bytes", totals.bytes},      {"not_finite", totals.not_finite}};
}

}  // namespace primal
