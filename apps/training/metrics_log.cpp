#include "apps/training/metrics_log.h"

#include <cstdlib>

#include "data/file/file.h"
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
                       int64_t last_step)
    : path_(path), n_metrics_(metric_names.size()) {
  std::string kept = "step,epoch,loss,mean_loss,learning_rate,step_ms";
  for (const std::string& name : metric_names) kept += "," + name;
  kept += "\n";
  if (last_step >= 0) {
    std::ifstream old(path);
    std::string row;
    std::getline(old, row);                         // the header
    while (std::getline(old, row) && !old.eof()) {  // a row without its newline was cut by a kill
      if (std::strtoll(row.c_str(), nullptr, 10) > last_step) continue;
      kept += row + "\n";
      kept_losses_.push_back(loss_of(row));
    }
  }
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()});
  stream_.open(path, std::ios::app);
}

StepTexts texts_of(const StepRecord& r) {
  StepTexts t{fmt::format("{:.9g}", r.loss),
              fmt::format("{:.9g}", r.mean_loss),
              fmt::format("{:.9g}", r.learning_rate),
              fmt::format("{:.3f}", r.step_ms),
              {}};
  for (const double v : r.validation) t.validation.push_back(fmt::format("{:.6g}", v));
  return t;
}

void MetricsLog::add(const StepRecord& r) {
  const StepTexts t = texts_of(r);
  stream_ << fmt::format("{},{},{},{},{},{}", r.step, r.epoch, t.loss, t.mean_loss, t.learning_rate,
                         t.step_ms);
  for (size_t i = 0; i < n_metrics_; ++i) {
    stream_ << "," << (i < t.validation.size() ? t.validation[i] : std::string());
  }
  stream_ << "\n" << std::flush;
  if (!stream_) throw IoError("[metrics] {} cannot be written: is the disk full?", path_.string());
}

}  // namespace primal
