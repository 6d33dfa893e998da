// LaunchList: what a run asks of the emulated device, launch by launch, with the sizes of each: for predictions of its time on a real one
// (apps/profile/predict_nodes.h). While one lives on a thread, each kernel, copy and fill of that thread is listed, and then runs, is
// skipped (OperationCount) or is recorded (Capture) as it would be without the list.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/open_range.h"
#include "tensor/simt/simt_graph.h"

namespace primal::simt {

struct ListedLaunch {
  std::string name;                         // of a kernel; or "copy", "zero"
  std::array<unsigned, 3> grid{}, block{};  // all 0 for copies and fills
  size_t shared_bytes = 0;                  // dynamic
  bool cooperative = false;
  unsigned cluster = 1;  // blocks of one
  // Of the blocks of memory that its arguments point to, each counted once: what a kernel moves that touches all of them once. Of a copy
  // twice its bytes, of a fill its bytes.
  double bytes = 0.0;
  double largest_block = 0.0;  // bytes of the largest of them
  std::optional<OpenRange> range = {};

  double n_blocks() const;
  double n_threads() const;  // of all blocks
};

// ConfigError for a second one on the same thread.
class LaunchList {
 public:
  LaunchList();
  ~LaunchList();
  LaunchList(const LaunchList&) = delete;
  LaunchList& operator=(const LaunchList&) = delete;

  const std::vector<ListedLaunch>& launches() const { return launches_; }

  static LaunchList* current();  // null where none lives on this thread
  void add(ListedLaunch launch, std::span<const Argument> arguments = {});

 private:
  std::vector<ListedLaunch> launches_;
};

}  // namespace primal::simt
