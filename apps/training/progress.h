// What a training says while it runs: one line that is written over on a terminal, a plain line now and then elsewhere.
#pragma once

#include <string>

#include "apps/training/trainer.h"

namespace primal {

class Progress {
 public:
  explicit Progress(bool quiet);
  void show(const TrainEvent& event) const;

 private:
  bool quiet_, terminal_;
};

// "12.3 s", "4:05 min", "2:30 h"
std::string duration_text(double seconds);

}  // namespace primal
