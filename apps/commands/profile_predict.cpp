#include "apps/commands/profile_predict.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/profile/predicted_table.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/device.h"
#include "tensor/error.h"
#include "tensor/op/implementation.h"

namespace primal {

std::string device_to_predict_with(const std::string& asked) {
  if (asked == "auto") return choose_device().device.kind == Device::Kind::cuda ? asked : "simt";
  if (!Device::parse(asked).is_cpu()) return asked;
  throw ConfigError("[profile] --predict is for the kernels of CUDA devices: leave out --device {}", asked);
}

namespace {

// The implementation of pdhg that a CUDA device would choose for the pictures of that step.
std::string first_pdhg(const TrainingStepOptions& step) {
  const PdhgGeometry geometry{Shape{step.batch, 1, 1, step.size, step.size}, step.model.axes};
  return is_large_batch(geometry) && simt::pdhg_clusters.supports(geometry) ? "clusters" : "overlapped";
}

}  // namespace

void predict_step_command(const PredictOptions& options, const TrainingStepOptions& step,
                          std::map<std::string, std::string, std::less<>> forced) {
  const DeviceModel& device = device_model(options.device);
  std::optional<MeasuredRun> measured;
  if (step.device.kind == Device::Kind::cuda) {
    if (!options.quiet) say("measuring the same step on {}\n", step.device.str());
    const ImplementationScope as_asked(forced);
    measured = measure_step(step, options.rounds);
  }
  forced.try_emplace("pdhg", first_pdhg(step));
  const ImplementationScope as_on_a_device(std::move(forced));
  const PredictedRun run = predict_step(device, step);
  const MeasuredRun* const beside = measured ? &*measured : nullptr;
  if (options.json) return print_json(to_json(run, beside));
  put_text(predicted_table(run, device, beside));
}

void predict_ops_command(const PredictOptions& options, const std::vector<PredictedCase>& cases,
                         const std::map<std::string, std::string, std::less<>>& forced) {
  const DeviceModel& device = device_model(options.device);
  nlohmann::json report = nlohmann::json::array();
  for (const auto& [op, op_case] : cases) {
    const auto only = forced.find(op->name);
    for (const ImplementationInfo& implementation : op->implementations_on(Device::Kind::simt)) {
      const std::string name(implementation.name);
      if (only != forced.end() && only->second != name) continue;
      const PredictedRun run = predict_op(device, *op, op_case, name);
      if (run.launches.empty()) continue;
      if (options.json) {
        report.push_back(to_json(run));
      } else {
        put_text(predicted_table(run, device) + "\n");
      }
    }
  }
  if (options.json) print_json({{"predicted_for", device.name}, {"runs", report}});
}

}  // namespace primal
