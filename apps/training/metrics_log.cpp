#include "apps/training/metrics_log.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "data/file/file.h"
#include "data/file/lines.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The loss of a row "step,epoch,loss,...": nine digits give back the float that it was.
double loss_of(const std::string& row) {
  const size_t begin = row.find(',', row.find(',') + 1) + 1;
  return static_cast<double>(std::strtof(row.c_str() + begin, nullptr));
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, const std::vector<std::string>& metric_names,
                       int64_t last_row)
    : path_(path), n_metrics_(metric_names.size()) {
  std::string kept = "step,epoch,loss,mean_loss,learning_rate,step_ms";
  for (const std::string& name : metric_names) kept += "," + name;
  kept += "\n";
  if (last_row >= 0 && std::filesystem::exists(path)) {
    LineReader old(path);
    std::string row;
    old.next(row);  // the header
    while (old.next(row)) {
      if (std::strtoll(row.c_str(), nullptr, 10) > last_row) continue;
      kept += row + "\n";
      kept_losses_.push_back(loss_of(row));
    }
  }
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()});
  stream_.open(path, std::ios::app);
}

std::string text_of(const ScoreSummary& metric) {
  return metric.has_mean() ? fmt::format("{:.6g}", metric.mean) : "";
}

StepTexts texts_of(const StepRecord& r) {
  StepTexts t{fmt::format("{:.9g}", r.loss),
              fmt::format("{:.9g}", r.mean_loss),
              fmt::format("{:.9g}", r.learning_rate),
              fmt::format("{:.3f}", r.step_ms),
              {}};
  for (const ScoreSummary& s : r.validation) t.validation.push_back(text_of(s));
  return t;
}

void MetricsLog::add(const StepRecord& r) {
  const StepTexts t = texts_of(r);
  stream_ << fmt::format("{},{},{},{},{},{}", r.step, r.epoch, t.loss, t.mean_loss, t.learning_rate,
                         t.step_ms);
  for (size_t i = 0; i < n_metrics_; ++i) {
    stream_ << "," << (i < t.validation.size() ? t.validation[i] : std::string());
  }
  errno = 0;
  stream_ << "\n" << std::flush;
  if (!stream_)
    throw IoError("[metrics] cannot write {}: {}", path_.string(), std::strerror(errno != 0 ? errno : EIO));
}

}  // namespace primal
