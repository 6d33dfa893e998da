// For tests of processes.
#pragma once

#include <chrono>
#include <thread>

namespace primal::testing {

// Asks every 10 ms for half a minute; false where it never was.
template <class Ready>
bool wait_until(const Ready& ready) {
  for (int i = 0; i < 3000; ++i) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace primal::testing
