// LoneRank: a communicator with a single rank. With it, one process runs the work that a divided step does
// besides sending (copying gradients, adding them, choosing the order of sending), so that this work can be
// timed. Every transfer is complete when it is started.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apps/distributed/communicator.h"

namespace primal {

class LoneRank : public Communicator {
 public:
  LoneRank() : Communicator(0, 1) {}

 protected:
  std::unique_ptr<Transfer> start_messages(std::span<const ConstBytes>, std::span<const Bytes>,
                                           int64_t) override {
    return std::make_unique<Arrived>();
  }
  std::optional<Farewell> heard_farewell() override { return {}; }
  void send_farewell(const Farewell&) override {}
  bool has_ended(int) const override { return false; }

 private:
  class Arrived : public Transfer {
   public:
    bool done() override { return true; }
    std::vector<int> missing() const override { return {}; }
  };
};

}  // namespace primal
