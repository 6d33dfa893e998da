// primal train on several ranks through mpirun: equality with one process, resuming, faults. Skipped
// where there is no mpirun.
//
// PRIMAL_KILLS sets how often a rank is killed (3; the slow test of that name: 20),
// PRIMAL_KILL_SEED when (the clock).
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <unistd.h>

#include "data/safetensors/safetensors.h"
#include "support/small_disk.h"
#include "support/train_cli.h"
#include "support/wait_until.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::EnvironmentVariable;
using testing::Outcome;
using testing::TrainCli;
using testing::wait_until;
using Clock = std::chrono::steady_clock;

// mpirun as a child of this process.
class Launched {
 public:
  explicit Launched(const std::string& command) : child_(fork()) {
    if (child_ != 0) return;
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  void send(int signal) const { kill(child_, signal); }
  int wait() const {
    int status = 0;
    waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // The processes that it started, by their numbers, which rise with their ranks on a quiet machine.
  std::vector<pid_t> ranks() const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::string stat = testing::text_of(entry.path() / "stat");
      stat = stat.substr(std::min(stat.rfind(')') + 1, stat.size()));
      char state = 0;
      int parent = 0;
      if (std::sscanf(stat.c_str(), " %c %d", &state, &parent) == 2 && parent == child_ && state != 'Z')
        found.push_back(std::stoi(name));
    }
    std::ranges::sort(found);
    return found;
  }

 private:
  pid_t child_;
};

class Mpi : public TrainCli {
 protected:
  // Batches of 4, 4 and 2 pictures; validation every 3 steps.
  static constexpr const char* kSmall =
      " --set data.size=16 --set model.filters=2 --set model.blocks=1 --set model.iterations=4"
      " --set data.n_train=10 --set data.n_validation=3 --set training.learning_rate=1e-3 --set "
      "training.batch=4";

  void SetUp() override {
    if (std::string(PRIMAL_MPIRUN).empty()) GTEST_SKIP() << "this build has no MPI (Debian: libopenmpi-dev)";
    if (!fs::exists(PRIMAL_MPIRUN)) GTEST_SKIP() << PRIMAL_MPIRUN << " is not here (Debian: openmpi-bin)";
    const Outcome probe = launch(shell("true", 2));
    if (probe.exit_code != 0) GTEST_SKIP() << "mpirun starts nothing here: " << probe.err;
  }

  static std::string shell(const std::string& program, int n) {
    return std::string(PRIMAL_MPIRUN) + " -n " + std::to_string(n) + " " + program;
  }
  static std::string command(int n, const std::string& arguments) {
    return shell(std::string(PRIMAL_PROGRAM) + " train " + arguments, n);
  }
  Outcome launch(const std::string& line) const {
    const int status =
        std::system((line + " > '" + path("out.txt") + "' 2> '" + path("err.txt") + "'").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, testing::text_of(path("out.txt")),
            testing::text_of(path("err.txt"))};
  }
  Outcome train_on(int n, const std::string& arguments) const {
    return n == 0 ? train(arguments) : launch(command(n, arguments));
  }

  std::vector<double> losses(const std::string& folder) const {
    std::vector<double> values;
    for (const std::string& text : column(folder, "loss")) values.push_back(std::stod(text));
    return values;
  }
  void expect_same_losses(const std::string& a, const std::string& b) const {
    const std::vector<double> x = losses(a), y = losses(b);
    ASSERT_EQ(x.size(), y.size());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-6 * y[i]) << "step " << i + 1;
  }
  TensorMap last(const std::string& folder) const {
    return Safetensors::read(folder_ / folder / "last.safetensors").tensors();
  }
  void expect_same_bits(const std::string& a, const std::string& b) const {
    EXPECT_EQ(column(a, "loss"), column(b, "loss"));
    EXPECT_EQ(column(a, "validation_psnr_db"), column(b, "validation_psnr_db"));
    const TensorMap x = last(a), y = last(b);
    for (const auto& [name, tensor] : x) EXPECT_EQ(tensor.to_doubles(), y.at(name).to_doubles()) << name;
  }
  static size_t count(const std::string& text, const std::string& what) {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  }

 private:
  // Tests run as root in containers, with more ranks than processors; PRIMAL_THREADS would stand in
  // for the share of each rank.
  const EnvironmentVariable root_{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
      sure_{"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}, crowded_{"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      one_{"PRIMAL_THREADS", "1"};
};

TEST_F(Mpi, LossesEqualThoseOfOneProcessAndRepeatBitForBit) {
  const std::string arguments = std::string("-q --steps 9 --json") + kSmall + " -o ";
  ASSERT_EQ(train(arguments + path("one")).exit_code, 0);
  for (const int n : {2, 4}) {
    const std::string folder = "on" + std::to_string(n);
    const Outcome outcome = train_on(n, arguments + path(folder));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const nlohmann::json printed = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(printed.at("step"), 9) << "rank 0 alone prints";
    EXPECT_EQ(printed.at("ranks").at("n"), n);
    EXPECT_EQ(printed.at("ranks").at("exchange"), "host");
    EXPECT_GT(printed.at("ranks").at("bytes_sent"), 9 * 413 * 4);
    expect_same_losses(folder, "one");
    const TensorMap x = last("one"), y = last(folder);
    for (const auto& [name, tensor] : x) {
      const std::vector<double> a = tensor.to_doubles(), b = y.at(name).to_doubles();
      for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-5) << name;
    }
  }
  ASSERT_EQ(train_on(4, arguments + path("again")).exit_code, 0);
  expect_same_bits("again", "on4");
}

TEST_F(Mpi, AnotherNumberOfRanksGoesOn) {
  ASSERT_EQ(train(std::string("-q --steps 9") + kSmall + " -o " + path("whole")).exit_code, 0);
  const std::string part = " -o " + path("part");
  ASSERT_EQ(train_on(2, "-q --steps 3" + part + kSmall).exit_code, 0);
  ASSERT_EQ(train_on(0, "-q --resume --steps 5" + part).exit_code, 0);
  const Outcome rest = train_on(4, "-q --resume --steps 9" + part);
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  expect_same_losses("part", "whole");
}

TEST_F(Mpi, SaysHowRanksAndThreadsAreDividedInItsFirstLine) {
  ::unsetenv("PRIMAL_THREADS");
  const Outcome outcome =
      train_on(2, std::string("--steps 1 --progress none") + kSmall + " -o " + path("run"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("[ranks] 2 ranks on ")) << outcome.err;
  EXPECT_NE(outcome.err.find(" each: "), std::string::npos);
  EXPECT_EQ(count(outcome.err, "[ranks] rank 0 waited "), 1U);
  EXPECT_EQ(count(outcome.err, "\n[ranks] gradients pass through the memory of the host: rank 0 on "), 1U)
      << outcome.err;
  EXPECT_NE(outcome.err.find(" computes on cpu, and NCCL is for CUDA devices\n"), std::string::npos);
  EXPECT_EQ(count(outcome.err, "[ranks]"), 3U);
}

TEST_F(Mpi, ADryRunAndPrintedSettingsComeOnce) {
  const Outcome plan = train_on(2, std::string("--dry-run --json -q") + kSmall + " -o " + path("run"));
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_EQ(nlohmann::json::parse(plan.out).at("pictures"), 10);
  EXPECT_FALSE(exists("run"));
  const Outcome settings = train_on(2, std::string("--print-config --json") + kSmall);
  EXPECT_EQ(nlohmann::json::parse(settings.out).at("training.batch").at("value"), 4);
}

TEST_F(Mpi, WhatDiffersBetweenRanksIsSaidOnceBeforeTheFirstStep) {
  const auto mixed = [&](const std::string& first, const std::string& second) {
    const std::string program =
        std::string(PRIMAL_PROGRAM) + " train -q --steps 3 -o " + path("run") + kSmall;
    return launch(std::string(PRIMAL_MPIRUN) + " -n 1 " + program + first + " : -n 1 " + program + second);
  };
  const Outcome batch = mixed("", " --set training.batch=2");
  EXPECT_EQ(batch.exit_code, 2);
  // Whichever rank sees it first speaks, and the other stays silent.
  EXPECT_EQ(count(batch.err, "[ranks] training.batch of rank 0 on "), 1U) << batch.err;
  EXPECT_EQ(count(batch.err, "primal: "), 1U) << batch.err;

  for (const char* name : {"here", "there"}) {
    fs::create_directories(folder_ / name);
    for (uint32_t i = 0; i < 12; ++i)
      write_phantom(std::string(name) + "/" + (i == 0 ? name : "p") + std::to_string(i) + ".png", i);
  }
  const Outcome data = mixed(" --data " + path("here"), " --data " + path("there"));
  EXPECT_EQ(data.exit_code, 2);
  EXPECT_EQ(count(data.err, "[ranks] the training pictures of rank 0 on "), 1U) << data.err;
  EXPECT_EQ(count(data.err, "primal: "), 1U) << data.err;

  const Outcome kernels = mixed("", " --impl conv3d=reference");
  EXPECT_EQ(kernels.exit_code, 2);
  EXPECT_EQ(count(kernels.err, "[ranks] --impl of rank 0 on "), 1U) << kernels.err;

  const Outcome missing = mixed("", " --data " + path("nowhere"));
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_EQ(count(missing.err, "primal: rank 1 on "), 1U) << missing.err;
  EXPECT_EQ(count(missing.err, "primal: "), 1U) << missing.err;
  EXPECT_FALSE(exists("run"));
}

TEST_F(Mpi, WhatCannotWorkIsSaidOnce) {
  const Outcome few =
      train_on(4, std::string("-q --steps 3") + kSmall + " --set training.batch=2 -o " + path("run"));
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_EQ(count(few.err, "start at most 2 ranks, or raise training.batch"), 1U) << few.err;
  const std::string nccl = std::string("-q --steps 3 --exchange nccl") + kSmall + " -o " + path("run");
  const Outcome impossible = train_on(2, nccl);
  EXPECT_EQ(impossible.exit_code, 2);
  EXPECT_EQ(count(impossible.err, "[ranks] --exchange nccl is not possible: rank 0 on "), 1U)
      << impossible.err;
  EXPECT_EQ(count(impossible.err, "primal: "), 1U) << impossible.err;
  EXPECT_FALSE(exists("run"));
  const Outcome alone = train(nccl);
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_NE(alone.err.find("--exchange nccl is for several processes"), std::string::npos) << alone.err;
  ASSERT_EQ(train_on(2, std::string("-q --steps 3") + kSmall + " -o " + path("run")).exit_code, 0);
  const Outcome again = train_on(2, std::string("-q --steps 3") + kSmall + " -o " + path("run"));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(count(again.err, "already contains a training"), 1U) << again.err;
  EXPECT_EQ(count(again.err, "primal: "), 1U) << again.err;
}

TEST_F(Mpi, ALauncherThatMpiDoesNotKnowIsAnError) {
  const EnvironmentVariable rank("SLURM_PROCID", "0"), size("SLURM_NTASKS", "2");
  const std::string arguments = std::string("-q --steps 1") + kSmall + " -o " + path("run");
  EXPECT_EQ(train(arguments).exit_code, 0) << "the script of a job is no step of srun";
  const EnvironmentVariable step("SLURM_STEP_ID", "0");
  const Outcome outcome = train(arguments + " --overwrite");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("the launcher started 2 processes (SLURM_PROCID), but MPI sees 1"),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(train(arguments + " --overwrite --distributed off").exit_code, 0);
}

TEST_F(Mpi, SigtermEndsAllWithTheCheckpointWritten) {
  // How long mpirun waits before it kills what got SIGTERM; a second may be too short on a busy machine.
  const EnvironmentVariable patient("OMPI_MCA_odls_base_sigkill_timeout", "4");
  const Launched training("env " +
                          command(2, std::string("--progress none --steps 1000000") + kSmall + " -o " +
                                         path("run") + " 2> " + path("err.txt") + " > " + path("out.txt")));
  ASSERT_TRUE(wait_until([&] { return exists("run/metrics.csv") && column("run", "step").size() > 20; }));
  training.send(SIGTERM);
  training.wait();
  const std::string out = testing::text_of(path("out.txt"));
  EXPECT_TRUE(out.starts_with("stopped after step ")) << out << testing::text_of(path("err.txt"));
  const auto rows = static_cast<int64_t>(column("run", "step").size());
  const auto kept = Safetensors::read(folder_ / "run/last.safetensors").metadata();
  const int64_t steps = std::stoll(kept.at("step"));
  // A signal during the validation of a step leaves that validation, and the row of the step, to the resumed
  // training.
  EXPECT_EQ(rows, steps - std::stoll(kept.at("validation_due")));
  const Outcome resumed =
      train_on(2, "-q --resume --steps " + std::to_string(steps + 2) + " -o " + path("run"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(column("run", "step").size(), static_cast<size_t>(steps + 2));
}

TEST_F(Mpi, ARankThatHangsEndsAllAfterTheTimeout) {
  for (const size_t hung : {0U, 1U}) {
    const std::string folder = "run" + std::to_string(hung);
    const Launched training("env " + command(2, std::string("-q --timeout 1 --steps 1000000") + kSmall +
                                                    " -o " + path(folder) + " 2> " + path("err.txt") + " > " +
                                                    path("out.txt")));
    ASSERT_TRUE(
        wait_until([&] { return exists(folder + "/metrics.csv") && column(folder, "step").size() > 20; }));
    const std::vector<pid_t> ranks = training.ranks();
    ASSERT_EQ(ranks.size(), 2U);
    const Clock::time_point start = Clock::now();
    kill(ranks[hung], SIGSTOP);
    EXPECT_NE(training.wait(), 0);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(15));
    const std::string err = testing::text_of(path("err.txt"));
    EXPECT_EQ(count(err, "primal: [ranks] step "), 1U) << err;
    EXPECT_EQ(count(err, ": no answer from rank "), 1U) << err;
    EXPECT_EQ(train_on(0, "-q --resume --dry-run -o " + path(folder)).exit_code, 0);
  }
}

TEST_F(Mpi, AFullDiskOnRank0EndsAll) {
  const testing::SmallDisk disk(path("small"), 40);
  if (!disk.mounted()) GTEST_SKIP() << "no tmpfs can be mounted here";
  const Outcome outcome =
      train_on(2, std::string("-q --steps 1000000") + kSmall + " -o " + path("small/run"));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count(outcome.err, "primal: "), 1U) << outcome.err;
}

// A rank is killed at random moments, and the training resumed each time, until it is done: equal to
// one that nobody disturbed.
TEST_F(Mpi, ATrainingWhoseRanksAreKilledEqualsAnUndisturbedOne) {
  const char* const asked = std::getenv("PRIMAL_KILLS");
  const int kills = asked != nullptr ? std::stoi(asked) : 3;
  const char* const given = std::getenv("PRIMAL_KILL_SEED");
  const auto seed = given != nullptr ? std::stoul(given)
                                     : static_cast<unsigned long>(Clock::now().time_since_epoch().count());
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  SCOPED_TRACE("PRIMAL_KILL_SEED=" + std::to_string(seed));
  const std::string end = " --steps " + std::to_string(100 * kills) + " -o ";
  const std::string settings = std::string("-q --timeout 20 --set training.checkpoint_seconds=1") + kSmall +
                               " --set model.iterations=64 --set data.size=32";
  ASSERT_EQ(train_on(2, settings + end + path("whole")).exit_code, 0);
  bool is_resumed = false;
  for (int k = 0; k < kills; ++k) {
    const Launched training("env " + command(2, (is_resumed ? "-q --timeout 20 --resume" : settings) + end +
                                                    path("killed") + " 2> " + path("err.txt") + " > " +
                                                    path("out.txt")));
    ASSERT_TRUE(wait_until([&] { return training.ranks().size() == 2; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(below(1500)));
    const std::vector<pid_t> ranks = training.ranks();
    const Clock::time_point start = Clock::now();
    if (!ranks.empty()) kill(ranks[static_cast<size_t>(below(static_cast<int>(ranks.size())))], SIGKILL);
    training.wait();
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(20)) << "all ranks end soon";
    EXPECT_LE(count(testing::text_of(path("err.txt")), "primal: "), 1U) << testing::text_of(path("err.txt"));
    is_resumed = exists("killed/last.safetensors");
  }
  const Outcome rest = train_on(2, (is_resumed ? "-q --resume" : settings) + end + path("killed"));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  expect_same_bits("killed", "whole");
}

}  // namespace
}  // namespace primal
