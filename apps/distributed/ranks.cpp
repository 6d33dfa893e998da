#include "apps/distributed/ranks.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <set>
#include <thread>
#include <unistd.h>

#include "apps/distributed/launcher.h"
#include "apps/distributed/mpi_communicator.h"
#include "apps/distributed/processor_share.h"
#include "apps/shell/signals.h"
#include "apps/shell/speaker.h"
#include "tensor/exec.h"

namespace primal {
namespace {

struct Joined {
  std::unique_ptr<Communicator> ranks;
  double timeout = 0.0;
  int exit_code = 0;
  bool is_lost = false;  // a rank ended or does not answer,
  bool reports = false;  // and this rank reports it
};
Joined& joined() {
  static Joined state;
  return state;
}

// After main() has printed its last word. Who lost a rank cannot end MPI, which would wait for it: the one
// that reports ends all processes.
void end_at_exit() {
  const Joined& state = joined();
  if (!state.is_lost) return end_mpi(state.timeout, state.exit_code);
  std::fflush(nullptr);
  // Time for the one that reports to save, to print, and to end this process too.
  if (!state.reports) std::this_thread::sleep_for(std::chrono::seconds(5));
  abort_mpi(state.exit_code);
  std::_Exit(state.exit_code);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// The place of this process among those that a launcher started; a size of 1 where there is none.
LaunchedRank launched_here() {
  const auto launched = launched_rank(environment_of_process, "[ranks]");
  return launched && launched->in_step ? *launched : LaunchedRank{};
}

void check_sizes(const LaunchedRank& launched, int size) {
  if (launched.size == size || launched.variable.empty()) return;
  throw ConfigError(
      "[ranks] the launcher started {} processes ({}), but MPI sees {}: the launcher does not belong to this "
      "MPI; with srun give --mpi=pmix (srun --mpi=list shows the choices), otherwise use the mpirun of {}",
      launched.size, launched.variable, size, mpi_library());
}

// What the ranks are told when the work threw this; a code of its own for what is no error of Primal.
Error as_error(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) return *own;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return {"[memory] the system has no more memory", 4};
  return {error.what(), 1};
}

}  // namespace

Communicator* join_ranks(const std::string& mode, double timeout_seconds) {
  if (mode == "off") return nullptr;
  const LaunchedRank launched = launched_here();
  if (launched.size == 1 && mode == "auto") return nullptr;
  let_talk(launched.rank == 0);
  if (const std::string problem = why_no_mpi(); !problem.empty()) {
    throw ConfigError(
        "[ranks] {} processes are to train together with MPI, but {}; --distributed off trains alone",
        launched.size, problem);
  }
  Joined& state = joined();
  state.ranks = begin_mpi();
  state.timeout = timeout_seconds;
  std::atexit(end_at_exit);
  Communicator& ranks = *state.ranks;
  check_sizes(launched, ranks.size());
  let_talk(ranks.is_first());
  ranks.set_timeout(std::chrono::duration<double>(timeout_seconds));
  ranks.introduce(host_name(), ::getpid());
  return &ranks;
}

std::string share_processors(Communicator& ranks, bool chosen) {
  const std::vector<ProcessorsOfRank> processors = ranks.all_gather_value(processors_of_this_rank());
  const ThreadsOfRank own = threads_of_rank(static_cast<size_t>(ranks.rank()), ranks.hosts(), processors);
  if (!chosen) set_num_threads(own.threads);
  const std::vector<int> threads = ranks.all_gather_value(num_threads());
  const auto [fewest, most] = std::minmax_element(threads.begin(), threads.end());
  const std::set<std::string> nodes(ranks.hosts().begin(), ranks.hosts().end());
  const char* const why =
      chosen                  ? "as requested"
      : own.is_oversubscribed ? "a node has more ranks than processors, so they take turns"
      : own.is_bound          ? "each rank has the processors that the launcher bound it to"
                              : "the launcher binds no rank, so the ranks of a node share its processors";
  return fmt::format("{} ranks on {} by {}, {} {} each: {}", ranks.size(),
                     nodes.size() == 1 ? *nodes.begin() : fmt::format("{} nodes", nodes.size()),
                     mpi_library(),
                     *fewest == *most ? fmt::format("{}", *fewest) : fmt::format("{} to {}", *fewest, *most),
                     *most == 1 ? "thread" : "threads", why);
}

void on_ranks(Communicator* ranks, const std::function<void()>& work) {
  if (ranks == nullptr) return work();
  Joined& state = joined();
  try {
    work();
    ranks->barrier();
  } catch (const Stopped& stopped) {  // every rank at the same step
    state.exit_code = stopped.exit_code();
    throw;
  } catch (const RankError& error) {
    state.exit_code = error.exit_code();
    state.is_lost = error.is_lost();
    const bool reports = ranks->reports() && !error.is_reported();
    if (reports && error.is_lost()) ranks->say_lost(error);
    state.reports = reports;
    let_talk(reports);
    throw;
  } catch (const std::exception& thrown) {
    const Error error = as_error(thrown);
    state.exit_code = error.exit_code();
    ranks->say_farewell(error);
    if (ranks->step() == 0) throw;
    throw Error(fmt::format("{}, step {}: {}", ranks->name_of(ranks->rank()), ranks->step(), error.what()),
                error.exit_code());
  }
}

}  // namespace primal
