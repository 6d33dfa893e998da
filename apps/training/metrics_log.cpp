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

void MetricsLog::add(const StepRecord& r) {
  stream_ << fmt::format("{},{},{:.9g},{:.9g},{:.9g},{:.3f}", r.step, r.epoch, r.loss, r.mean_loss,
                         r.learning_rate, r.step_ms);
  for (size_t i = 0; i < n_metrics_; ++i) {
    stream_ << (i < r.validation.size() ? fmt::format(",{:.6g}", r.validation[i]) : std::string(","));
  }
  stream_ << "\n" << std::flush;
  if (!stream_) throw IoError("[metrics] {} cannot be written: is the disk full?", path_.string());
}

}  // namespace primal
