// How many blocks of a cooperative launch the emulated device holds at a time.
#pragma once

#include <utility>

namespace primal::simt {

inline thread_local int emulated_residents =
    4;  // few, so that in tests a block has several shares of the work

// While a ResidentsScope exists, the emulated device of this thread holds that many blocks of such a launch.
class ResidentsScope {
 public:
  explicit ResidentsScope(int blocks) : before_(std::exchange(emulated_residents, blocks)) {}
  ~ResidentsScope() { emulated_residents = before_; }
  ResidentsScope(const ResidentsScope&) = delete;
  ResidentsScope& operator=(const ResidentsScope&) = delete;

 private:
  int before_;
};

}  // namespace primal::simt
