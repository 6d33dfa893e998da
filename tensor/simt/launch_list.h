// LaunchList: a list of what a run asks of the emulated device: each kernel, copy and fill with its sizes.
// Predictions of the time on a real device start from it (apps/profile/predict_launch.h). While a list exists
// on a thread, each operation of that thread is added to it, and then runs, is skipped (OperationCount) or is
// recorded (Capture) as it would be without the list.
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
  std::string name;                         // the name of a kernel, "copy" or "zero"
  std::array<unsigned, 3> grid{}, block{};  // all 0 for copies and fills
  size_t shared_bytes = 0;                  // dynamic shared memory
  bool cooperative = false;
  unsigned cluster = 1;  // blocks of a cluster
  // For a kernel the total size of the blocks of memory that its arguments point to, each counted once, which
  // is what it moves if it touches all of them once. For a copy twice its bytes, and for a fill its bytes.
  double bytes = 0.0;
  double largest_block = 0.0;  // bytes of the largest of these blocks
  std::optional<OpenRange> range = {};

  double n_blocks() const;
  double n_threads() const;  // of all blocks
};

// Throws ConfigError for a second list on the same thread.
class LaunchList {
 public:
  LaunchList();
  ~LaunchList();
  LaunchList(const LaunchList&) = delete;
  LaunchList& operator=(const LaunchList&) = delete;

  const std::vector<ListedLaunch>& launches() const { return launches_; }

  static LaunchList* current();  // the list of this thread, or null
  void add(ListedLaunch launch, std::span<const Argument> arguments = {});

 private:
  std::vector<ListedLaunch> launches_;
};

}  // namespace primal::simt
