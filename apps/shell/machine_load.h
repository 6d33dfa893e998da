// Whether other programs kept the processors busy while something was measured.
//
// Evidence, in the order of how much it says:
//   waiting   how long our threads were ready to run and had no processor (/proc/self/task/*/schedstat; where
//             the kernel keeps no such numbers, the time that passed less the CPU time of the calling thread)
//   stolen    how long the host ran other guests while a processor of this virtual machine was wanted
//             (/proc/stat)
// The load average is shown beside them and decides nothing: it looks back over a minute.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace primal {

struct MachineLoad {
  double wall_s = 0.0;
  double running_s = 0.0, waiting_s = 0.0;  // of our threads together
  double stolen_s = 0.0;                    // of all processors together
  double load_average = 0.0;                // of the last minute, our own threads included
  int processors = 1;                       // of the machine

  // A share from 0 to 1: how much of the time in which our threads were running or ready to run they had to
  // wait for a processor.
  double waited() const;
  double stolen() const;  // of the processors' time, 0 to 1
  bool busy() const { return waited() > 0.1 || stolen() > 0.05; }
  // "busy processors: ...", with these figures; empty where they were not.
  std::string remark() const;
};

nlohmann::json to_json(const MachineLoad& load);

// Looks on from its making.
class LoadWatch {
 public:
  LoadWatch() : start_(now()) {}
  MachineLoad so_far() const;

 private:
  static MachineLoad now();  // times since some moment
  MachineLoad start_;
};

}  // namespace primal
