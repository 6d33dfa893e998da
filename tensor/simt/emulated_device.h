// Settings of the emulated device, one set for each thread, so that tests and predictions can
// stand for other devices.
#pragma once

#include <utility>

namespace primal::simt {

// The major compute capability: 8 for sm_80, 9 for sm_90.
inline thread_local int emulated_capability = 9;
// How many blocks of a cooperative launch it holds at a time: few, so that in tests a block has
// several shares of the work.
inline thread_local int emulated_residents = 4;

// Gives one of these another value for as long as it exists.
class EmulatedSetting {
 public:
  EmulatedSetting(int& setting, int value) : setting_(setting), before_(std::exchange(setting, value)) {}
  ~EmulatedSetting() { setting_ = before_; }
  EmulatedSetting(const EmulatedSetting&) = delete;
  EmulatedSetting& operator=(const EmulatedSetting&) = delete;

 private:
  int& setting_;
  int before_;
};

}  // namespace primal::simt
