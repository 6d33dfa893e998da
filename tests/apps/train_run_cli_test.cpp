// primal train while it runs: what it logs and shows, who else may run, and how it is stopped.
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <pty.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include "data/safetensors/safetensors.h"
#include "support/small_disk.h"
#include "support/train_cli.h"
#include "support/wait_until.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Outcome;
using testing::SmallDisk;
using testing::TrainCli;
using testing::wait_until;

class TrainRun : public TrainCli {
 protected:
  std::vector<json> events(const std::string& folder) const {
    std::ifstream lines(folder_ / (folder + "/events.jsonl"));
    std::vector<json> all;
    for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
    return all;
  }
  std::vector<json> events(const std::string& folder, const std::string& kind) const {
    std::vector<json> some = events(folder);
    std::erase_if(some, [&](const json& e) { return e.at("event") != kind; });
    return some;
  }
};

TEST_F(TrainRun, EventsHaveTheNumbersOfMetrics) {
  ASSERT_EQ(train(std::string("-q --steps 7 -o ") + path("run") + kTiny).exit_code, 0);
  const std::vector<json> steps = events("run", "step");
  ASSERT_EQ(steps.size(), 7u);
  for (const char* name : {"loss", "mean_loss", "learning_rate", "step_ms"}) {
    const std::vector<std::string> csv = column("run", name);
    for (size_t i = 0; i < steps.size(); ++i)
      EXPECT_EQ(steps[i].at(name).get<double>(), std::stod(csv[i])) << name;
  }
  const std::vector<json> validations = events("run", "validation");
  ASSERT_EQ(validations.size(), 2u);
  EXPECT_EQ(validations[0].at("step"), 5);
  EXPECT_EQ(validations[0].at("validation_psnr_db").get<double>(),
            std::stod(column("run", "validation_psnr_db")[4]));
  const json start = events("run").front(), stop = events("run").back();
  EXPECT_EQ(start.at("config").at("model.filters"), 2);
  EXPECT_FALSE(start.at("primal").get<std::string>().empty());
  EXPECT_EQ(stop.at("reason"), "done");
  EXPECT_EQ(stop.at("step"), 7);
  EXPECT_EQ(events("run", "checkpoint").back().at("file"), "last.safetensors");
}

TEST_F(TrainRun, EventsAreCutWhereAResumedTrainingGoesOn) {
  ASSERT_EQ(train(std::string("-q --steps 3 -o ") + path("run") + kTiny).exit_code, 0);
  std::ofstream(folder_ / "run/events.jsonl", std::ios::app) << R"({"event":"step","step":4,"loss":99})"
                                                             << "\n"
                                                             << R"({"event":"step","st)";
  ASSERT_EQ(train("-q --resume --steps 6 -o " + path("run")).exit_code, 0);
  const std::vector<json> steps = events("run", "step");
  ASSERT_EQ(steps.size(), 6u);
  EXPECT_NE(steps[3].at("loss"), 99);
  EXPECT_EQ(events("run", "start").size(), 2u);
}

TEST_F(TrainRun, BaselinesAreComputedOnceAndKeptOnResume) {
  const Outcome first = train(std::string("--progress plain --steps 5 -o ") + path("run") + kTiny);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.err.find("(noisy "), std::string::npos) << first.err;
  const std::vector<json> baselines = events("run", "baseline");
  ASSERT_EQ(baselines.size(), 2u);
  EXPECT_EQ(baselines[0].at("name"), "noisy");
  EXPECT_EQ(baselines[1].at("name"), "best scalar");
  EXPECT_GT(baselines[1].at("validation_psnr_db").get<double>(),
            baselines[0].at("validation_psnr_db").get<double>() + 3.0);
  const Outcome resumed = train("--progress plain --resume --steps 10 -o " + path("run"));
  EXPECT_NE(resumed.err.find("(noisy "), std::string::npos) << resumed.err;
  EXPECT_EQ(events("run", "baseline"), baselines);
}

TEST_F(TrainRun, ShowsABarPlainLinesOrNothing) {
  const std::string command = std::string("--steps 6 --overwrite -o ") + path("run") + kTiny + " --progress ";
  const Outcome bar = train(command + "bar"), plain = train(command + "plain"),
                none = train(command + "none");
  EXPECT_NE(bar.err.find("\r\033[K[####"), std::string::npos) << bar.err;
  EXPECT_NE(bar.err.find("pictures/s"), std::string::npos);
  EXPECT_EQ(plain.err.find('\r'), std::string::npos);
  EXPECT_NE(plain.err.find("step 5/6  epoch 1  loss "), std::string::npos) << plain.err;
  EXPECT_EQ(none.err.find("step 5/6"), std::string::npos) << none.err;
  EXPECT_NE(none.err.find("training.steps"), std::string::npos) << "settings are no progress";
  EXPECT_EQ(train(command + "plain -q").err, "");
  EXPECT_EQ(train(command + "loud").exit_code, 2);
  // What is printed is what is logged, rounded.
  const std::string loss = column("run", "loss")[5];
  char rounded[32];
  std::snprintf(rounded, sizeof rounded, "loss %.4e ", std::stod(loss));
  EXPECT_NE(plain.err.find(rounded), std::string::npos) << rounded << "\n" << plain.err;
}

// Whether this system gives out terminals: a chroot without /dev/pts does not.
bool has_terminals() {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  const bool works = terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0;
  const char* const name = works ? ptsname(terminal) : nullptr;
  const bool opens = name != nullptr && access(name, R_OK | W_OK) == 0;
  if (terminal >= 0) close(terminal);
  return opens;
}

// What the program writes to a terminal of its own.
std::string on_a_terminal(const std::string& arguments) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", (std::string(PRIMAL_PROGRAM) + " " + arguments).c_str(), nullptr);
    _exit(127);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(terminal, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(terminal);
  waitpid(child, nullptr, 0);
  return text;
}

TEST_F(TrainRun, ColoursTheBarOnATerminalUnlessNoColorIsSet) {
  if (!has_terminals()) GTEST_SKIP() << "no terminal can be opened here";
  const std::string command = std::string("train --steps 6 --overwrite -o ") + path("run") + kTiny;
  const testing::EnvironmentVariable kind("TERM", "xterm");
  const std::string coloured = on_a_terminal(command);
  EXPECT_NE(coloured.find("[\033[32m####"), std::string::npos) << coloured;
  const testing::EnvironmentVariable no_colour("NO_COLOR", "1");
  const std::string plain = on_a_terminal(command);
  EXPECT_NE(plain.find("\r\033[K[####"), std::string::npos) << plain;
  EXPECT_EQ(plain.find("\033[32m"), std::string::npos) << plain;
}

TEST_F(TrainRun, TwoTrainingsInOneFolderAreRefused) {
  const std::string command = std::string("-q --steps 2 -o ") + path("run") + kTiny;
  ASSERT_EQ(train(command).exit_code, 0);
  std::ifstream pid_file(folder_ / "run/.lock");
  std::string pid;
  pid_file >> pid;
  const int lock = open(path("run/.lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0) << "a training that has ended holds no lock";
  for (const char* how : {"", " --resume", " --overwrite"}) {
    const Outcome second = train(command + how);
    EXPECT_EQ(second.exit_code, 2) << how;
    EXPECT_NE(second.err.find(path("run") + " is in use by another training, process " + pid),
              std::string::npos)
        << second.err;
  }
  close(lock);
  EXPECT_EQ(train(command + " --resume").exit_code, 0);
}

// A training in the background.
class Background {
 public:
  explicit Background(const std::string& arguments) : child_(fork()) {
    if (child_ != 0) return;
    execl("/bin/sh", "sh", "-c", ("exec " + std::string(PRIMAL_PROGRAM) + " " + arguments).c_str(), nullptr);
    _exit(127);
  }
  void send(int signal) const { kill(child_, signal); }
  // Its exit code, or minus the signal that ended it.
  int wait() const {
    int status = 0;
    waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t child_;
};

TEST_F(TrainRun, StopsAlsoDuringValidationAndDoesItOnResume) {
  // Five quick steps, then a validation that takes seconds.
  const std::string slow =
      std::string(kTiny) + " --set data.n_validation=6000 --set training.baselines=false";
  const Background training("train -q -o " + path("run") + " --steps 6" + slow + " 2> /dev/null > /dev/null");
  ASSERT_TRUE(wait_until([&] { return exists("run/metrics.csv") && column("run", "step").size() == 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  training.send(SIGINT);
  EXPECT_EQ(training.wait(), 130);
  EXPECT_EQ(column("run", "step").size(), 4u);  // the row of step 5 waits for its validation
  EXPECT_EQ(events("run").back().at("reason"), "signal 2");

  const Background resumed("train -q --resume -o " + path("run") + " 2> /dev/null > /dev/null");
  EXPECT_EQ(resumed.wait(), 0);
  ASSERT_EQ(train(std::string("-q -o ") + path("whole") + " --steps 6" + slow).exit_code, 0);
  for (const char* name : {"step", "loss", "mean_loss", "validation_psnr_db", "validation_ssim"}) {
    EXPECT_EQ(column("run", name), column("whole", name)) << name;
  }
}

TEST_F(TrainRun, ASignalSavesAndASecondOneEndsAtOnce) {
  const std::string long_run =
      "train -q -o " + path("run") + " --steps 1000000" + kTiny + " > /dev/null 2> /dev/null";
  const Background first(long_run);
  ASSERT_TRUE(wait_until([&] { return exists("run/metrics.csv") && !column("run", "step").empty(); }));
  first.send(SIGTERM);
  EXPECT_EQ(first.wait(), 143);
  // The row of the last step is still to come where the signal met its validation.
  const int64_t saved = std::stoll(Safetensors::read(folder_ / "run/last.safetensors").metadata().at("step"));
  const int64_t logged = std::stoll(column("run", "step").back());
  EXPECT_TRUE(logged == saved || (logged == saved - 1 && saved % 5 == 0)) << logged << " of " << saved;
  EXPECT_EQ(events("run", "stop").back().at("step").get<int64_t>(), saved);

  // A step of seconds, on one thread on any machine: the second signal comes while the first waits for the
  // step's end. On a busy machine two of them may merge before the process runs, so more follow; those
  // after its end reach nobody.
  const Background slow("train -q -o " + path("slow") + kTiny +
                        " --threads 1 --set model.filters=64 --set model.blocks=3 --set data.size=256 "
                        "--set training.batch=3 --set training.baselines=false > /dev/null 2> /dev/null");
  ASSERT_TRUE(wait_until([&] { return exists("slow/events.jsonl"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  for (int i = 0; i < 8; ++i) {
    slow.send(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(slow.wait(), -SIGINT);
  EXPECT_EQ(train("-q --resume --dry-run -o " + path("slow")).exit_code, 0);
}

TEST_F(TrainRun, ATerminalThatHangsUpSavesUnlessItIsIgnored) {
  const std::string command = " -q --steps 1000000" + std::string(kTiny) + " > /dev/null 2> /dev/null -o ";
  const Background training("train" + command + path("run"));
  ASSERT_TRUE(wait_until([&] { return exists("run/metrics.csv") && !column("run", "step").empty(); }));
  training.send(SIGHUP);
  EXPECT_EQ(training.wait(), 129);
  EXPECT_EQ(events("run").back().at("reason"), "signal 1");

  std::signal(SIGHUP, SIG_IGN);  // as nohup does
  const Background immune("train" + command + path("immune"));
  std::signal(SIGHUP, SIG_DFL);
  ASSERT_TRUE(wait_until([&] { return exists("immune/metrics.csv") && !column("immune", "step").empty(); }));
  immune.send(SIGHUP);
  const size_t done = column("immune", "step").size();
  EXPECT_TRUE(wait_until([&] { return column("immune", "step").size() > done + 5; }));
  immune.send(SIGTERM);
  EXPECT_EQ(immune.wait(), 143);
}

TEST_F(TrainRun, AFolderThatCannotBeWrittenIsThreeAndLosesNothing) {
  if (!obey_permissions()) GTEST_SKIP() << "root writes into every folder, and there is no setpriv";
  ASSERT_EQ(train(std::string("-q --steps 2 -o ") + path("run") + kTiny).exit_code, 0);
  fs::permissions(folder_ / "run", fs::perms::owner_read | fs::perms::owner_exec);
  const Outcome refused = train("-q --resume --steps 4 -o " + path("run"));
  fs::permissions(folder_ / "run", fs::perms::owner_all);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("Permission denied"), std::string::npos) << refused.err;
  EXPECT_EQ(train("-q --resume --steps 4 -o " + path("run")).exit_code, 0);
}

TEST_F(TrainRun, AFullOrReadOnlyDiskIsThreeAndTheOldCheckpointGoesOn) {
  const SmallDisk disk(path("disk"), 100);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  ASSERT_EQ(train(std::string("-q --steps 7 -o ") + path("disk/run") + kTiny).exit_code, 0);
  ASSERT_EQ(train(std::string("-q --steps 12 -o ") + path("whole") + kTiny).exit_code, 0);

  {
    std::ofstream filler(path("disk/filler"), std::ios::binary);
    while (filler.put('x')) {
    }
  }
  const Outcome full = train("-q --resume --steps 12 -o " + path("disk/run"));
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
  EXPECT_EQ(train("-q --resume --dry-run -o " + path("disk/run")).exit_code, 0);
  fs::remove(folder_ / "disk/filler");

  ASSERT_TRUE(disk.remount("ro"));
  const Outcome read_only = train("-q --resume --steps 12 -o " + path("disk/run"));
  EXPECT_EQ(read_only.exit_code, 3);
  EXPECT_NE(read_only.err.find("Read-only file system"), std::string::npos) << read_only.err;
  ASSERT_TRUE(disk.remount("rw"));

  ASSERT_EQ(train("-q --resume --steps 12 -o " + path("disk/run")).exit_code, 0);
  EXPECT_EQ(column("disk/run", "loss"), column("whole", "loss"));
}

TEST_F(TrainRun, ADiskThatFillsUpOnTheWayIsThreeAndTheLastCheckpointLoads) {
  const SmallDisk disk(path("disk"), 200);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  const Outcome full = train(std::string("-q --steps 5000 --keep 1000 -o ") + path("disk/run") + kTiny);
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_TRUE(full.err.find("No space left on device") != std::string::npos ||
              full.err.find("is the disk full?") != std::string::npos)
      << full.err;
  EXPECT_GT(column("disk/run", "step").size(), 10u);
  EXPECT_EQ(train("-q --resume --dry-run -o " + path("disk/run")).exit_code, 0);
  for (int64_t step = 5; step <= 15; step += 5)
    fs::remove(folder_ / ("disk/run/step_0000" + std::string(step < 10 ? "0" : "") + std::to_string(step) +
                          ".safetensors"));
  const std::vector<std::string> before = column("disk/run", "step");
  const auto done = std::stoll(before.back());
  ASSERT_EQ(train("-q --resume --set training.keep=0 --steps " + std::to_string(done + 2) + " -o " +
                  path("disk/run"))
                .exit_code,
            0);
  EXPECT_EQ(column("disk/run", "step").size(), static_cast<size_t>(done + 2));
}

TEST_F(TrainRun, RemovesWhatAKillLeftUnfinished) {
  ASSERT_EQ(train(std::string("-q --steps 2 -o ") + path("run") + kTiny).exit_code, 0);
  std::ofstream(folder_ / "run/.last.safetensors.123.4.tmp") << "half a file";
  std::ofstream(folder_ / "run/.notes.tmp") << "somebody else's";
  ASSERT_EQ(train("-q --resume --steps 3 -o " + path("run")).exit_code, 0);
  EXPECT_FALSE(exists("run/.last.safetensors.123.4.tmp"));
  EXPECT_TRUE(exists("run/.notes.tmp"));
}

}  // namespace
}  // namespace primal
