// report.html of a training while it is at work.
//
// The page is written after the first step, after validations and every 30 seconds, but not before 200 times
// as long has passed as the last page took: while the training is at work that is about 0.5 % of its time.
// One more page is written at its end. A page that cannot be written, on a full disk or without a font, is
// one remark and stops no training.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "apps/report/run_page.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"
#include "apps/training/trainer.h"

namespace primal {

class TrainingPage {
 public:
  using OnRemark = std::function<void(const std::string&)>;
  TrainingPage(std::filesystem::path folder, Task& task, OnRemark on_remark);

  void update(const TrainEvent& event);  // after each step
  void finish();                         // the page loads itself no more; nothing before the first step

  std::filesystem::path file() const { return folder_ / kReportFile; }
  const RunPictures& pictures() const { return pictures_; }  // of the last validation
  double seconds() const { return seconds_; }                // that all pages took

 private:
  using Clock = std::chrono::steady_clock;
  void make_pictures(int64_t step);
  void write(int64_t step, bool is_running);

  std::filesystem::path folder_;
  Task& task_;
  OnRemark on_remark_;
  RunPictures pictures_;
  int64_t step_ = 0;
  bool validated_ = false;  // since the pictures were made
  bool written_ = false, said_problem_ = false;
  double seconds_ = 0.0, last_seconds_ = 0.0;
  Clock::time_point last_end_;
};

// train() (training/trainer.h) with the page kept up to date, also where an error or a signal ends it.
TrainResult train_with_page(Task& task, const Settings& settings, bool resume,
                            const volatile std::sig_atomic_t& stop, TrainingPage& page,
                            const std::function<void(const TrainEvent&)>& on_event,
                            const TrainingPage::OnRemark& on_remark = {}, Communicator* ranks = nullptr,
                            const MakeExchange& exchange = through_host);

}  // namespace primal
