// RecordedSteps: the training step as one graph of the device (tensor/device_graph.h): noise, network,
// solver, loss, adjoint, backward and Adam, recorded once for each size of batch and repeated with one call.
//
// What changes from step to step is given to the device before each repetition: the inputs of the batch,
// copied into buffers that stay where they are, and the numbers of the step (nn/step_state). The host does
// not wait for a step. It reads the losses of several steps at once; a step whose loss or gradients are not
// finite, and all steps after it, leave weights, moments and buffers as they were, so that the host can
// repeat it and name what began it. Losses and weights have the same bits as without a graph.
//
// The first batch of each size runs without a graph: that fills the tables that ops keep on the device
// and makes the gradients.
// training.graph:  auto   on CUDA devices; where recording fails, a remark gives the reason and
//                         the host follows each step
//                  on     on simt too; where recording fails, DeviceError. ConfigError for the CPU and for
//                         training with MPI
//                  off    the host follows each step
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "apps/distributed/communicator.h"
#include "apps/training/task.h"
#include "nn/adam/adam.h"
#include "nn/step_state/step_state.h"
#include "tensor/device_graph.h"

namespace primal {

struct GraphSetting {
  bool record = false;
  bool must = false;  // where recording is not possible, an error
};
// What training.graph means there; ConfigError where it cannot be on. With `ranks` the device cannot repeat a
// step by itself, because the ranks exchange gradients within each.
GraphSetting graph_setting(const std::string& setting, Device device, const Communicator* ranks = nullptr);

class RecordedSteps {
 public:
  using OnRemark = std::function<void(const std::string&)>;
  static constexpr int64_t kMostAhead = 32;      // steps before the host looks at the losses
  static constexpr double kMostAheadMs = 100.0;  // the longest time before it does, about

  RecordedSteps(Task& task, Adam& adam, const GraphSetting& setting, const OnRemark& on_remark);

  // Whether the device repeats a step of so many samples; otherwise the host follows it, with the
  // batch that batch() returns.
  bool repeats(int64_t n_samples) const;
  TensorMap batch(int64_t epoch, const std::vector<int64_t>& samples);

  // How many steps may run before the host looks at the losses, if a step takes this long.
  static int64_t n_ahead(double step_ms);

  // Launches the step of this number; records it first where the size of its batch is new. False
  // where that failed: nothing has happened then, and repeats() is false from now on. At most
  // kMostAhead before the next wait().
  bool run(int64_t step, int64_t epoch, std::span<const int64_t> samples);

  // Waits for the steps launched since the last time.
  struct Outcome {
    std::vector<double> losses;  // of those steps
    // The number of the first step that is not finite; 0: all are. The host's counts go back to before that
    // step.
    int64_t first_bad = 0;
  };
  Outcome wait();

  // The graph for so many samples; null where there is none.
  const DeviceGraph* graph(int64_t n_samples) const;

 private:
  struct Recorded {
    TensorMap inputs;  // on the device, where they stay
    std::unique_ptr<DeviceGraph> graph;
    std::vector<int64_t> counts;  // by how much a step changes each of counters_
  };

  Recorded record(const TensorMap& inputs);
  void record_step(const TensorMap& inputs);
  void count(const Recorded& recorded, int64_t n) const;
  std::vector<int64_t> counts() const;
  void set_counts(const std::vector<int64_t>& counts) const;

  Task& task_;
  Adam& adam_;
  const OnRemark on_remark_;
  const Device device_;
  bool active_;
  const bool must_;
  std::unique_ptr<StepState> state_;
  std::shared_ptr<GraphMemory> memory_;
  Tensor one_;                             // the gradient of the loss
  std::vector<Tensor> buffers_, kept_;     // the model's on the device, and what they were before the step
  std::vector<Tensor> counters_;           // the model's on the CPU, i64 []: counts of steps
  std::set<int64_t> followed_;             // sizes of batches that the host has followed
  std::map<int64_t, Recorded> recorded_;   // by size
  std::vector<const Recorded*> launched_;  // since the last wait()
};

}  // namespace primal
