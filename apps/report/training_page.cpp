#include "apps/report/training_page.h"

#include <fmt/format.h>
#include <utility>

#include "apps/training/run_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kMostEvery = 30.0;    // seconds
constexpr double kLeastPause = 200.0;  // times as long as the last page took

}  // namespace

TrainingPage::TrainingPage(std::filesystem::path folder, Task& task, OnRemark on_remark)
    : folder_(std::move(folder)), task_(task), on_remark_(std::move(on_remark)) {}

void TrainingPage::update(const TrainEvent& event) {
  step_ = event.step;
  validated_ = validated_ || !event.validation.empty();
  if (event.step >= event.n_steps) return;  // finish() follows
  const double passed = std::chrono::duration<double>(Clock::now() - last_end_).count();
  const bool is_due = validated_ || passed >= kMostEvery;
  if (written_ && (!is_due || passed < kLeastPause * last_seconds_)) return;
  write(event.step, true);
}

void TrainingPage::finish() {
  if (step_ > 0) write(step_, false);  // without a step the folder may be that of another training
}

// A model that gives no pictures any more, as one with a value that is not finite, has a page without them.
void TrainingPage::make_pictures(int64_t step) {
  try {
    pictures_ = run_pictures(task_, step);
  } catch (const Error&) {
    pictures_ = {};
  }
  validated_ = false;
}

void TrainingPage::write(int64_t step, bool is_running) {
  const Clock::time_point start = Clock::now();
  try {
    if (validated_ || (!is_running && pictures_.step == 0)) make_pictures(step);
    write_page(file(), run_page(read_run_record(folder_, false), pictures_, is_running));
  } catch (const std::exception& error) {
    if (!said_problem_) on_remark_(fmt::format("{} is not written: {}", file().string(), error.what()));
    said_problem_ = true;
  }
  written_ = true;
  last_end_ = Clock::now();
  last_seconds_ = std::chrono::duration<double>(last_end_ - start).count();
  seconds_ += last_seconds_;
}

TrainResult train_with_page(Task& task, const Settings& settings, bool resume,
                            const volatile std::sig_atomic_t& stop, TrainingPage& page,
                            const std::function<void(const TrainEvent&)>& on_event,
                            const TrainingPage::OnRemark& on_remark, Communicator* ranks,
                            const MakeExchange& exchange) {
  const auto on_step = [&](const TrainEvent& event) {
    on_event(event);
    page.update(event);
  };
  try {
    const TrainResult result = train(task, settings, resume, stop, on_step, on_remark, ranks, exchange);
    page.finish();
    return result;
  } catch (...) {
    page.finish();
    throw;
  }
}

}  // namespace primal
