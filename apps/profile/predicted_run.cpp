#include "apps/profile/predicted_run.h"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

#include "apps/profile/phantom_task.h"
#include "apps/profile/row_text.h"
#include "apps/training/recorded_steps.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/simt/emulated_device.h"

namespace primal {
namespace {

std::vector<int64_t> samples_of(const Task& task) {
  std::vector<int64_t> samples(static_cast<size_t>(task.n_samples()));
  std::iota(samples.begin(), samples.end(), int64_t{0});
  return samples;
}

// The host runs one step itself; after that the device repeats the recorded step.
void follow(RecordedSteps& steps, Task& task, Adam& adam, const std::vector<int64_t>& samples) {
  task.loss(steps.batch(0, samples)).backward();
  adam.step();
}

std::string range_name(const simt::ListedLaunch& launch) {
  if (!launch.range) return launch.name;
  return launch.range->phase.empty() ? launch.range->op : launch.range->op + "." + launch.range->phase;
}

// While it exists, no kernel runs, and the device holds a block of a cooperative launch on each
// multiprocessor.
struct Unrun {
  simt::OperationCount skipped;
  simt::EmulatedSetting grids;

  explicit Unrun(const DeviceModel& device)
      : grids(simt::emulated_residents, static_cast<int>(device.multiprocessors)) {}
};

}  // namespace

TimeRange PredictedRun::total_us() const {
  TimeRange total;
  for (const PredictedLaunch& launch : launches) total += launch.us;
  return total;
}

PredictedRun predict_step(const DeviceModel& device, const TrainingStepOptions& options) {
  TrainingStepOptions emulated = options;
  emulated.device = Device::simt();
  PredictedRun run{std::string(device.name),
                   fmt::format("training step of {} x {} pixels, batch {}, T = {}", options.size,
                               options.size, options.batch, options.model.n_iter),
                   {}};
  const Unrun unrun(device);
  PhantomTask task(emulated);
  Adam adam(task.model().parameters(), {});
  RecordedSteps steps(task, adam, {.record = true, .must = true}, [](const std::string&) {});
  const std::vector<int64_t> samples = samples_of(task);
  follow(steps, task, adam, samples);
  const RangeRecorder watched;  // so that each launch knows its op and layer
  const simt::LaunchList list;
  steps.run(2, 0, samples);
  for (const simt::ListedLaunch& launch : list.launches()) run.launches.push_back(predict(device, launch));
  return run;
}

PredictedRun predict_op(const DeviceModel& device, const OpInfo& info, const OpCase& op_case,
                        const std::string& implementation) {
  PredictedRun run{
      std::string(device.name), fmt::format("{} {}, {}", info.name, op_case.name, implementation), {}};
  const ImplementationScope forced(info.chooser(), implementation);
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
  call.device = Device::simt();
  const Unrun unrun(device);
  if (info.differentiable) call.upstream = make_upstream(info.results, info.run(call).outputs);
  const RangeRecorder watched;
  const simt::LaunchList list;
  info.run(call);
  if (info.implementations_on(Device::Kind::simt).size() > 1 && !forced.used(info.chooser(), implementation))
    return run;  // it does not support the case
  for (const simt::ListedLaunch& launch : list.launches()) run.launches.push_back(predict(device, launch));
  return run;
}

std::vector<PredictedRow> by_kernel(const PredictedRun& run) {
  std::map<std::string, PredictedRow> sums;
  for (const PredictedLaunch& p : run.launches) {
    PredictedRow& row = sums[p.launch.name];
    row.name = p.launch.name;
    ++row.launches;
    row.bytes += p.launch.bytes;
    row.us += p.us;
  }
  std::vector<PredictedRow> rows;
  for (auto& [name, row] : sums) rows.push_back(std::move(row));
  std::ranges::stable_sort(rows, std::greater<>(), [](const PredictedRow& row) { return row.us.high; });
  return rows;
}

std::vector<PredictedRow> by_range(const PredictedRun& run) {
  std::vector<PredictedRow> rows;
  for (const PredictedLaunch& p : run.launches) {
    const std::string name = range_name(p.launch), layer = p.launch.range ? p.launch.range->layer : "";
    auto found = std::ranges::find_if(
        rows, [&](const PredictedRow& row) { return row.name == name && row.layer == layer; });
    if (found == rows.end()) found = rows.insert(rows.end(), {name, layer, 0, 0.0, {}});
    ++found->launches;
    found->bytes += p.launch.bytes;
    found->us += p.us;
  }
  return rows;
}

std::string key_of(const PredictedRow& row) { return row.name + " " + row.layer; }

MeasuredRun measure_step(const TrainingStepOptions& options, int rounds) {
  MeasuredRun measured{options.device.str(), {}, 0.0};
  PhantomTask task(options);
  Adam adam(task.model().parameters(), {});
  RecordedSteps steps(task, adam, {.record = true, .must = true}, [](const std::string&) {});
  const std::vector<int64_t> samples = samples_of(task);
  const RunProfile profile = profile_run("step", rounds, options.device, [&] {
    task.model().zero_grad();
    follow(steps, task, adam, samples);
  });
  for (const RunProfileRow& row : profile.rows)
    measured.us[key_of({name_of(row), row.layer, 0, 0.0, {}})] += 1e3 * row.ms.median;
  int64_t step = adam.n_steps();
  std::vector<double> times;
  for (int round = 0; round < rounds + 2; ++round) {
    const std::unique_ptr<DeviceClock> clock = backend(options.device).clock();
    if (clock == nullptr) throw DeviceError("[profile] {} has no clock", options.device.str());
    clock->mark();
    for (int64_t i = 0; i < RecordedSteps::kMostAhead; ++i) steps.run(++step, 0, samples);
    clock->mark();
    const std::vector<double> us = clock->times_us();
    steps.wait();
    if (round >= 2)
      times.push_back((us.back() - us.front()) / static_cast<double>(RecordedSteps::kMostAhead));
  }
  measured.step_us = summarise(times).median;
  return measured;
}

}  // namespace primal
