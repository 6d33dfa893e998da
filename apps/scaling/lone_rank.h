// LoneRank: a communicator of one rank, so that the work which a divided step does besides sending (copies of gradients, sums, the order of
// sending) runs and can be timed in a process alone. Every transfer has arrived when it is started.
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
