#include "apps/training/recorded_steps.h"

#include <algorithm>

#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Adam needs those that the first step has made.
std::vector<Tensor> gradients_of(const Module& model) {
  std::vector<Tensor> gradients;
  for (const auto& [name, parameter] : model.parameters()) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  return gradients;
}

}  // namespace

GraphSetting graph_setting(const std::string& setting, Device device, const Communicator* ranks) {
  if (ranks != nullptr && setting == "on")
    throw ConfigError(
        "[config] training.graph on is for training without MPI, but this is a training on {} {}: choose "
        "auto or off, or --distributed off",
        ranks->size(), ranks->size() == 1 ? "rank" : "ranks");
  if (setting == "off" || ranks != nullptr) return {};
  if (setting == "auto") return {device.kind == Device::Kind::cuda, false};
  if (!device.is_cpu()) return {true, true};
  throw ConfigError(
      "[config] training.graph on is for devices that repeat a recorded step, cuda and simt, but this "
      "training runs on the cpu: choose auto or off");
}

RecordedSteps::RecordedSteps(Task& task, Adam& adam, const GraphSetting& setting, const OnRemark& on_remark)
    : task_(task),
      adam_(adam),
      on_remark_(on_remark),
      device_(task.model().device()),
      active_(setting.record),
      must_(setting.must) {
  if (!active_) return;
  state_ = std::make_unique<StepState>(device_, kMostAhead);
  memory_ = make_graph_memory(device_);
  one_ = Tensor::full({}, 1.0, DType::f32, device_);
  for (const auto& [name, buffer] : task.model().buffers()) {
    if (buffer.device().is_cpu()) {
      counters_.push_back(buffer);
    } else {
      buffers_.push_back(buffer);
      kept_.push_back(Tensor::empty(buffer.shape(), buffer.dtype(), device_));
    }
  }
}

bool RecordedSteps::repeats(int64_t n_samples) const { return active_ && followed_.contains(n_samples); }

TensorMap RecordedSteps::batch(int64_t epoch, const std::vector<int64_t>& samples) {
  followed_.insert(std::ssize(samples));
  return task_.batch(epoch, samples);
}

int64_t RecordedSteps::n_ahead(double step_ms) {
  if (!(step_ms > 0.0)) return 1;
  return std::clamp(static_cast<int64_t>(kMostAheadMs / step_ms), int64_t{1}, kMostAhead);
}

bool RecordedSteps::run(int64_t step, int64_t epoch, std::span<const int64_t> samples) {
  const TensorMap inputs = task_.inputs(epoch, samples);
  auto found = recorded_.find(std::ssize(samples));
  if (found == recorded_.end()) {
    try {
      found = recorded_.emplace(std::ssize(samples), record(inputs)).first;
    } catch (const DeviceError& error) {
      if (must_)
        throw DeviceError("[train] training.graph is on, but the step could not be recorded: {}",
                          error.what());
      active_ = false;
      on_remark_(
          fmt::format("each step runs without a graph, because it could not be recorded: {}", error.what()));
      return false;
    }
  }
  const Recorded& recorded = found->second;
  for (const auto& [name, tensor] : inputs) recorded.inputs.at(name).copy_from(tensor);
  state_->begin(step, std::ssize(launched_), adam_.factors_of(adam_.n_steps() + 1));
  recorded.graph->replay();
  launched_.push_back(&recorded);
  count(recorded, 1);
  return true;
}

RecordedSteps::Recorded RecordedSteps::record(const TensorMap& inputs) {
  // What the steps before have left there would stay beside the graph's own memory.
  if (MemoryPool* const pool = backend(device_).pool()) pool->release_cached();
  Recorded recorded;
  for (const auto& [name, tensor] : inputs)
    recorded.inputs[name] = Tensor::empty(tensor.shape(), tensor.dtype(), device_);
  const std::vector<int64_t> before = counts();
  try {
    Capture capture(device_, memory_);
    record_step(recorded.inputs);
    recorded.graph = capture.finish();
  } catch (...) {
    set_counts(before);
    throw;
  }
  recorded.counts = counts();
  for (size_t i = 0; i < before.size(); ++i) recorded.counts[i] -= before[i];
  set_counts(before);
  return recorded;
}

// Nothing of this runs now.
void RecordedSteps::record_step(const TensorMap& inputs) {
  const Module& model = task_.model();
  for (size_t k = 0; k < buffers_.size(); ++k) kept_[k].copy_from(buffers_[k]);
  model.zero_grad();
  const Variable loss = task_.loss(task_.of_inputs(inputs));
  loss.backward(one_);
  state_->judge(loss.value(), gradients_of(model));
  adam_.step_now(state_->adam_factors(), state_->first_bad());
  if (!buffers_.empty()) state_->restore(kept_, buffers_);
}

RecordedSteps::Outcome RecordedSteps::wait() {
  Outcome outcome;
  if (launched_.empty()) return outcome;
  const int64_t n = std::ssize(launched_);
  outcome.losses = state_->losses(n);
  outcome.first_bad = state_->first_bad_step();
  if (outcome.first_bad > 0) {
    const int64_t first = adam_.n_steps() - n + 1, n_good = outcome.first_bad - first;
    for (int64_t i = n_good; i < n; ++i) count(*launched_[static_cast<size_t>(i)], -1);
  }
  launched_.clear();
  return outcome;
}

// What the host counts in n steps.
void RecordedSteps::count(const Recorded& recorded, int64_t n) const {
  adam_.add_steps(n);
  for (size_t i = 0; i < counters_.size(); ++i) counters_[i].data<int64_t>()[0] += n * recorded.counts[i];
}

std::vector<int64_t> RecordedSteps::counts() const {
  std::vector<int64_t> all;
  for (const Tensor& counter : counters_) all.push_back(counter.data<int64_t>()[0]);
  return all;
}

void RecordedSteps::set_counts(const std::vector<int64_t>& counts) const {
  for (size_t i = 0; i < counters_.size(); ++i) counters_[i].data<int64_t>()[0] = counts[i];
}

const DeviceGraph* RecordedSteps::graph(int64_t n_samples) const {
  const auto found = recorded_.find(n_samples);
  return found == recorded_.end() ? nullptr : found->second.graph.get();
}

}  // namespace primal
