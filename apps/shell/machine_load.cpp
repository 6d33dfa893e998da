#include "apps/shell/machine_load.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

namespace primal {
namespace {

namespace fs = std::filesystem;

double share(double part, double whole) { return whole > 0.0 ? std::clamp(part / whole, 0.0, 1.0) : 0.0; }

// Lines "RUNNING WAITING SLICES", in nanoseconds, of each thread there is. False where there are none.
bool add_schedstats(MachineLoad& load) {
  std::error_code error;
  bool any = false;
  for (fs::directory_iterator task("/proc/self/task", error), end; !error && task != end;
       task.increment(error)) {
    double running = 0.0, waiting = 0.0;
    if (!(std::ifstream(task->path() / "schedstat") >> running >> waiting)) continue;  // it has ended
    load.running_s += 1e-9 * running;
    load.waiting_s += 1e-9 * waiting;
    any = true;
  }
  return any && load.running_s > 0.0;
}

double cpu_seconds_of_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The line "cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...", in ticks.
double stolen_seconds() {
  std::ifstream stream("/proc/stat");
  std::string name;
  stream >> name;
  double ticks = 0.0;
  for (int i = 0; i < 8; ++i) stream >> ticks;
  return stream && name == "cpu" ? ticks / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0.0;
}

}  // namespace

double MachineLoad::waited() const { return share(waiting_s, running_s + waiting_s); }
double MachineLoad::stolen() const { return share(stolen_s, wall_s * processors); }

std::string MachineLoad::remark() const {
  if (!busy()) return "";
  const std::string found = waited() > 0.1
                                ? fmt::format("our threads waited {:.0f} % of their time", 100.0 * waited())
                                : fmt::format("the host took {:.0f} % of their time", 100.0 * stolen());
  return fmt::format("busy processors: {} (load average {:.1f}, {} processor{})", found, load_average,
                     processors, processors == 1 ? "" : "s");
}

nlohmann::json to_json(const MachineLoad& load) {
  return {{"busy", load.busy()},
          {"waited", load.waited()},
          {"stolen", load.stolen()},
          {"load_average", load.load_average},
          {"processors", load.processors}};
}

MachineLoad LoadWatch::now() {
  MachineLoad load;
  load.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (!add_schedstats(load)) {
    load.running_s = cpu_seconds_of_thread();
    load.waiting_s = load.wall_s - load.running_s;
  }
  load.stolen_s = stolen_seconds();
  if (getloadavg(&load.load_average, 1) != 1) load.load_average = 0.0;
  load.processors = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  return load;
}

MachineLoad LoadWatch::so_far() const {
  MachineLoad load = now();
  load.wall_s -= start_.wall_s;
  load.running_s = std::max(load.running_s - start_.running_s, 0.0);  // threads may have ended
  load.waiting_s = std::max(load.waiting_s - start_.waiting_s, 0.0);
  load.stolen_s = std::max(load.stolen_s - start_.stolen_s, 0.0);
  return load;
}

}  // namespace primal
