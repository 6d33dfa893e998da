#include "apps/profile/measure_op.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/profile/device_hold.h"
#include "apps/profile/self_time.h"
#include "tensor/error.h"

namespace primal {
namespace {

using Clock = std::chrono::steady_clock;
using PhaseTimes = std::map<std::string, double>;  // ms

constexpr double kHoldOfOpMs = 2.0;  // longer than the host takes to queue an op and its gradients

constexpr int64_t kSmallestScaled = 32;  // sides below it are kernels and the like, not images

class Measurement {
 public:
  Measurement(const OpInfo& info, const OpCase& op_case, const MeasureOptions& options)
      : info_(info),
        implementations_(info.implementations_on(options.device.kind)),
        options_(options),
        hold_(options.device, kHoldOfOpMs) {
    call_ = {make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name, {}, {}};
    for (const OpInput& input : op_case.inputs) {
      if (!input.differentiable) call_.constants.insert(input.name);
    }
  }

  std::vector<OpMeasurement> run(const std::vector<std::string>& only) {
    find_what_is_expected();
    for (const ImplementationInfo& implementation : implementations_) {
      const bool wanted = only.empty() || std::ranges::count(only, std::string(implementation.name)) > 0;
      if (wanted) try_implementation(implementation);
    }
    for (int round = 0; measure_round(round); ++round) {
    }
    return rows();
  }

 private:
  struct Candidate {
    const ImplementationInfo* info;
    std::map<std::string, std::vector<double>> times;  // by phase
    double total_ms = 0.0;
    OpMeasurement output, grad;  // the verdicts alone
  };

  // An op that chooses among another's implementations may run as a chain of ops: all of them
  // count, forward or backward.
  std::string phase_named(const std::string& phase) const {
    return info_.chooses.empty() || phase == "forward" ? phase : "backward";
  }

  // Inputs, upstream and what the reference makes of them; and what the rule chooses.
  void find_what_is_expected() {
    {
      const ImplementationScope forced(info_.chooser(), kReference);
      expected_ = info_.run(call_);
      if (info_.differentiable) {
        call_.upstream = make_upstream(info_.results, expected_.outputs);
        expected_ = info_.run(call_);
      }
    }
    costs_ = info_.cost(shapes_of(call_, expected_));
    call_.device = options_.device;
    const ImplementationScope rule;
    info_.run(call_);
    for (const ImplementationChoice& choice : rule.choices()) {
      if (choice.op != info_.chooser()) continue;
      chosen_[phase_named(choice.phase)] = choice.implementation;
      geometry_ = choice.geometry;
    }
    if (geometry_.empty()) {
      for (const auto& [name, tensor] : call_.inputs) {
        geometry_ += fmt::format("{}{}{}", geometry_.empty() ? "" : " ", name, tensor.shape().str());
      }
    }
  }

  void try_implementation(const ImplementationInfo& implementation) {
    const ImplementationScope forced(info_.chooser(), implementation.name);
    const OpResult result = info_.run(call_);
    if (implementations_.size() > 1 && !forced.used(info_.chooser(), implementation.name)) return;
    Candidate candidate{&implementation, {}, 0.0, {}, {}};
    if (implementation.name != kReference) {
      judge("output.", result.outputs, expected_.outputs, implementation, candidate.output);
      judge("grad.", result.grads, expected_.grads, implementation, candidate.grad);
    }
    candidates_.push_back(std::move(candidate));
  }

  void judge(const std::string& kind, const TensorMap& got, const TensorMap& expected,
             const ImplementationInfo& implementation, OpMeasurement& worst) const {
    for (const auto& [name, wanted] : expected) {
      Verdict v = info_.judge(kind + name, got.at(name), wanted, call_);
      if (std::isinf(v.allowed)) continue;
      v.allowed *= implementation.tolerance_factor;
      const bool nearer = !worst.judged || !(v.error / v.allowed <= worst.error / worst.allowed);
      worst.judged = true;
      worst.ok = worst.ok && v.pass();
      if (nearer) worst.error = v.error, worst.allowed = v.allowed;
    }
  }

  // False when every implementation has run often and long enough.
  bool measure_round(int round) {
    bool any = false;
    for (Candidate& candidate : candidates_) {
      const bool enough = round >= options_.rounds && candidate.total_ms >= options_.min_time_ms;
      if (enough || round >= 100000) continue;
      any = true;
      for (const auto& [phase, ms] : time_once(*candidate.info)) {
        candidate.times[phase].push_back(ms);
        candidate.total_ms += ms;
      }
    }
    return any;
  }

  PhaseTimes time_once(const ImplementationInfo& implementation) const {
    const ImplementationScope forced(info_.chooser(), implementation.name);
    hold_.begin();
    const RangeRecorder recorder(options_.device);
    const Clock::time_point start = Clock::now();
    info_.run(call_);
    const double all_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    PhaseTimes times;
    const std::vector<RangeRecord> records = recorder.records();
    const std::vector<SelfTime> self = self_times(records);
    for (size_t i = 0; i < records.size(); ++i) {
      const std::string phase = phase_named(phase_of(records[i]));
      const bool ours = records[i].op == info_.name || !info_.chooses.empty();
      if (ours && costs_.count(phase) > 0) times[phase] += 1e-3 * self[i].self_us;
    }
    if (times.empty()) times["forward"] = all_ms;  // an op without a range of its own
    return times;
  }

  std::vector<OpMeasurement> rows() const {
    std::vector<std::string> phases = {"forward"};  // then the others, in order of their names
    for (const auto& [phase, cost] : costs_) {
      if (phase != "forward") phases.push_back(phase);
    }
    std::vector<OpMeasurement> rows;
    for (const std::string& phase : phases) {
      for (const Candidate& candidate : candidates_) {
        const auto times = candidate.times.find(phase);
        if (times == candidate.times.end()) continue;  // a gradient nobody wants
        OpMeasurement row = phase == "forward" ? candidate.output : candidate.grad;
        row.op = info_.name;
        row.op_case = call_.name;
        row.geometry = geometry_;
        row.phase = phase;
        row.implementation = candidate.info->name;
        const auto rule = chosen_.find(phase);
        row.chosen =
            rule == chosen_.end() ? implementations_.size() == 1 : rule->second == row.implementation;
        row.ms = summarise(times->second);
        row.cost = costs_.at(phase);
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

  const OpInfo& info_;
  const std::vector<ImplementationInfo> implementations_;
  const MeasureOptions& options_;
  const DeviceHold hold_;
  OpCall call_;
  OpResult expected_;
  PhaseCosts costs_;
  std::map<std::string, std::string> chosen_;  // by phase
  std::string geometry_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<OpMeasurement> measure_op(const OpInfo& info, const OpCase& op_case,
                                      const MeasureOptions& options, const std::vector<std::string>& only) {
  if (info.cost == nullptr)
    throw ConfigError("[profile] {} is a chain of ops: profile --step shows them one by one", info.name);
  return Measurement(info, op_case, options).run(only);
}

OpCase at_size(const OpCase& stage, int64_t size) {
  // The new side of an image of height x width pixels; nothing where these are no extents of a large square
  // image.
  const auto side_of = [size](int64_t height, int64_t width) -> std::optional<int64_t> {
    if (height != width || width < kSmallestScaled) return std::nullopt;
    return std::max<int64_t>(width * size / 256, 1);
  };
  OpCase scaled = stage;
  for (OpInput& input : scaled.inputs) {
    const int rank = input.shape.rank();
    if (rank < 2) continue;
    if (const auto side = side_of(input.shape[-2], input.shape[-1]))
      input.shape = input.shape.with(rank - 1, *side).with(rank - 2, *side);
  }
  for (auto& [name, value] : scaled.attrs) {  // extents that an attribute states
    if (!value.is_list()) continue;
    Attribute::List& extents = value.elements();
    const size_t n = extents.size();
    if (n < 2 || !extents[n - 1].is_integer() || !extents[n - 2].is_integer()) continue;
    if (const auto side = side_of(extents[n - 2].get<int64_t>(), extents[n - 1].get<int64_t>()))
      extents[n - 1] = extents[n - 2] = *side;
  }
  return scaled;
}

}  // namespace primal
