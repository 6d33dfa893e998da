#include "apps/scaling/tables.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/profile/row_text.h"

namespace primal {
namespace {

// "64 B", "16 KiB", "4 MiB"
std::string size_text(int64_t bytes) {
  if (bytes >= 1 << 20 && bytes % (1 << 20) == 0) return fmt::format("{} MiB", bytes >> 20);
  if (bytes >= 1 << 10 && bytes % (1 << 10) == 0) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{} B", bytes);
}

double gb_per_second(double seconds_per_byte) {
  return seconds_per_byte > 0.0 ? 1e-9 / seconds_per_byte : 0.0;
}

std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100.0 * share); }

std::string compared(const char* name, double measured, double predicted) {
  return fmt::format("{:<34} {:>12} {:>12} {:>+7.0f} %\n", name, short_number(measured),
                     short_number(predicted), 100.0 * (predicted / measured - 1.0));
}

double hidden(double waited, double waited_without) {
  return waited_without > 0.0 ? 1.0 - waited / waited_without : 0.0;
}

}  // namespace

std::string model_text(const MessageModel& model) {
  std::string text = fmt::format("latency {} us", short_number(1e6 * model.alpha_s));
  if (model.extra_s > 0.0)
    text += fmt::format(" ({} us above {})", short_number(1e6 * (model.alpha_s + model.extra_s)),
                        size_text(static_cast<int64_t>(model.split_bytes)));
  text += fmt::format(", {} us for each further message", short_number(1e6 * model.overhead_s));
  if (model.beta_s > 0.0) text += fmt::format(", {} GB/s", short_number(gb_per_second(model.beta_s)));
  return text;
}

std::string message_table(const std::vector<MessageTime>& rows, const MessageFit& fit) {
  std::string text = fmt::format("{:<11} {:>7} {:>9} {:>10} {:>5} {:>10} {:>10} {:>6}\n", "operation", "with",
                                 "bytes", "us", "+-", "start us", "model us", "off");
  for (const MessageTime& row : rows) {
    const double model_us = predicted_us(fit.model, row);
    text += fmt::format("{:<11} {:>7} {:>9} {:>10} {:>4.0f}% {:>10} {:>10} {:>+5.0f}%\n", row.name,
                        row.phases.front().partners, size_text(row.bytes), short_number(row.us.median),
                        100.0 * row.us.spread(), row.start_us > 0.0 ? short_number(row.start_us) : "-",
                        short_number(model_us), 100.0 * (model_us / row.us.median - 1.0));
  }
  text += fmt::format("\nfit: {}\n", model_text(fit.model));
  if (fit.model.gamma_s > 0.0)
    text += fmt::format("     sums of gradients are added at {} GB/s\n",
                        short_number(gb_per_second(fit.model.gamma_s)));
  if (!fit.overhead_is_fitted)
    text += "     with two ranks the time of each further message is the time for starting a message\n";
  const MessageTime& worst = rows.at(fit.worst_row);
  text += fmt::format("     root mean square of the deviations {:.1f} %, at most {:.0f} % ({} of {})\n",
                      100.0 * fit.rms, 100.0 * fit.worst, worst.name, size_text(worst.bytes));
  return text;
}

nlohmann::json to_json(const MessageModel& model) {
  return {{"latency_us", 1e6 * model.alpha_s},
          {"extra_latency_us", 1e6 * model.extra_s},
          {"extra_latency_above_bytes", model.split_bytes},
          {"each_further_message_us", 1e6 * model.overhead_s},
          {"seconds_per_byte", model.beta_s},
          {"gb_s", gb_per_second(model.beta_s)},
          {"seconds_per_added_byte", model.gamma_s}};
}

nlohmann::json to_json(const std::vector<MessageTime>& rows, const MessageFit& fit) {
  nlohmann::json list = nlohmann::json::array();
  for (const MessageTime& row : rows) {
    list.push_back({{"operation", row.name},
                    {"partners", row.phases.front().partners},
                    {"bytes", row.bytes},
                    {"us", row.us.median},
                    {"us_quartiles", {row.us.low, row.us.high}},
                    {"us_best", row.us.best},
                    {"n", row.us.n},
                    {"start_us", row.start_us},
                    {"model_us", predicted_us(fit.model, row)}});
  }
  nlohmann::json coefficients = to_json(fit.model);
  coefficients.update({{"rms_deviation", fit.rms},
                       {"worst_deviation", fit.worst},
                       {"further_messages_are_fitted", fit.overhead_is_fitted}});
  return {{"rows", list}, {"fit", coefficients}};
}

std::string step_table(const MeasuredStep& measured, const StepPrediction& predicted) {
  std::string text = fmt::format("{:<34} {:>12} {:>12} {:>9}\n", "", "measured ms", "predicted ms", "off");
  text += compared("step, messages during backward", measured.with_overlap_ms.median, predicted.step_ms);
  text += compared("step, messages after backward", measured.without_overlap_ms.median,
                   predicted.without_overlap_ms);
  text += fmt::format("{:<34} {:>12} {:>12}\n", "waiting, messages during backward",
                      short_number(measured.waited_ms), short_number(predicted.waited_ms()));
  text += fmt::format("{:<34} {:>12} {:>12}\n", "waiting, messages after backward",
                      short_number(measured.waited_without_ms), short_number(predicted.messages_ms()));
  text += fmt::format("{:<34} {:>12}\n", "processor time of all ranks", short_number(measured.processor_ms));
  text += fmt::format("{:<34} {:>12} {:>12}\n", "hidden behind backward",
                      whole_percent(hidden(measured.waited_ms, measured.waited_without_ms)),
                      whole_percent(predicted.hidden()));
  return text;
}

nlohmann::json to_json(const MeasuredStep& measured, const StepPrediction& predicted) {
  const auto summary = [](const Summary& ms) {
    return nlohmann::json{
        {"ms", ms.median}, {"ms_quartiles", {ms.low, ms.high}}, {"ms_best", ms.best}, {"n", ms.n}};
  };
  return {{"measured",
           {{"step", summary(measured.with_overlap_ms)},
            {"step_without_overlap", summary(measured.without_overlap_ms)},
            {"waited_ms", measured.waited_ms},
            {"processor_ms_of_all_ranks", measured.processor_ms},
            {"waited_without_overlap_ms", measured.waited_without_ms},
            {"hidden", hidden(measured.waited_ms, measured.waited_without_ms)}}},
          {"predicted",
           {{"compute_ms", predicted.compute_ms},
            {"step_ms", predicted.step_ms},
            {"step_without_overlap_ms", predicted.without_overlap_ms},
            {"hidden", predicted.hidden()}}}};
}

std::string scaling_table(const std::vector<ScalingRow>& rows) {
  std::string text =
      fmt::format("{:>6} {:>7} {:>6} {:>11} {:>12} {:>8} {:>10} {:>12} {:>11}\n", "ranks", "batch", "share",
                  "compute ms", "messages ms", "hidden", "step ms", "pictures/s", "efficiency");
  for (const ScalingRow& row : rows) {
    text +=
        fmt::format("{:>6} {:>7} {:>6} {:>11} {:>12} {:>8} {:>10} {:>12} {:>11}\n", row.ranks, row.batch,
                    row.share, short_number(row.step.compute_ms), short_number(row.step.messages_ms()),
                    row.ranks > 1 ? whole_percent(row.step.hidden()) : "-", short_number(row.step.step_ms),
                    short_number(row.pictures_per_s), whole_percent(row.efficiency));
  }
  return text;
}

nlohmann::json to_json(const std::vector<ScalingRow>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const ScalingRow& row : rows) {
    list.push_back({{"ranks", row.ranks},
                    {"batch", row.batch},
                    {"share", row.share},
                    {"compute_ms", row.step.compute_ms},
                    {"messages_ms", row.step.messages_ms()},
                    {"hidden", row.step.hidden()},
                    {"step_ms", row.step.step_ms},
                    {"step_without_overlap_ms", row.step.without_overlap_ms},
                    {"pictures_per_s", row.pictures_per_s},
                    {"efficiency", row.efficiency}});
  }
  return list;
}

nlohmann::json to_json(const StepParts& parts) {
  nlohmann::json buckets = nlohmann::json::array();
  for (const BucketTime& bucket : parts.buckets)
    buckets.push_back({{"bytes", bucket.bytes}, {"ready_ms", bucket.ready_ms}});
  return {{"share", parts.share},
          {"before_ms", parts.before_ms},
          {"backward_ms", parts.backward_ms},
          {"after_ms", parts.after_ms},
          {"buckets", buckets},
          {"gradients", parts.progress_ms.size()},
          {"gradient_bytes", parts.gradient_bytes()}};
}

}  // namespace primal
