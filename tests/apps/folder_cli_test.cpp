// primal denoise of whole folders: several pictures in work at once give what one at a time gives, in the
// same order, and a stop leaves whole files.
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/file/file.h"
#include "support/cli.h"
#include "support/text.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;
using testing::text_of;

class FolderCli : public testing::Cli {
 protected:
  void write_folder(int n, int64_t size = 40) const {
    fs::create_directories(folder_ / "in");
    for (int i = 0; i < n; ++i) {
      // Sizes differ, so that later pictures are done before earlier ones.
      const int64_t side = i % 3 == 0 ? 4 * size : size;
      write_phantom("in/" + std::to_string(10 + i) + ".png", static_cast<uint32_t>(i), i % 2 == 0 ? 8 : 16,
                    side);
    }
  }
  void write_colour(const std::string& name) const {
    Image image(40, 40, 3);
    for (size_t i = 0; i < image.levels.size(); ++i) image.levels[i] = static_cast<uint16_t>(i * 37 % 256);
    write_png(folder_ / name, image);
  }
  void cut_in_half(const std::string& name) const {
    const std::string whole = text_of(folder_ / name);
    write_file_atomically(folder_ / name, {reinterpret_cast<const uint8_t*>(whole.data()), whole.size() / 2});
  }
  std::map<std::string, std::string> files(const std::string& folder) const {
    std::map<std::string, std::string> all;
    if (!fs::exists(folder_ / folder)) return all;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / folder))
      all[entry.path().filename().string()] = text_of(entry.path());
    return all;
  }
  // What a run says, without how long it took.
  static std::string without_times(const std::string& text) {
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!has(line, " per second")) kept += line + "\n";
    }
    return kept;
  }
};

TEST_F(FolderCli, ResultsRowsAndRemarksAreThoseOfOneAtATime) {
  write_folder(12);
  write_colour("in/15.png");
  cut_in_half("in/13.png");
  for (const std::string how : {"--lambda auto", "general --map --compare"}) {
    const auto run_jobs = [&](const std::string& jobs) {
      fs::remove_all(folder_ / "out");
      return run("denoise " + how + " " + path("in") + " -o " + path("out") + " --threads 3 " + jobs);
    };
    const Outcome one = run_jobs("--jobs 1");
    const auto expected = files("out");
    EXPECT_EQ(one.exit_code, 3);
    EXPECT_GE(expected.size(), 11u);
    EXPECT_TRUE(has(one.err, "1 of 12 pictures could not")) << one.err;
    for (const char* jobs : {"--jobs 2", "--jobs 7", ""}) {
      const Outcome several = run_jobs(jobs);
      EXPECT_EQ(several.exit_code, 3) << jobs;
      EXPECT_EQ(several.out, one.out) << jobs;
      EXPECT_EQ(without_times(several.err), without_times(one.err)) << jobs;
      EXPECT_TRUE(files("out") == expected) << how << jobs;
    }
  }
}

TEST_F(FolderCli, JsonAndScoresAreThoseOfOneAtATime) {
  write_folder(9);
  for (const char* form : {"--json", ""}) {
    const std::string command = std::string("denoise --lambda discrepancy --noise 0.3 --best ") + form + " " +
                                path("in") + " --limit 7 -q --jobs ";
    const Outcome one = run(command + "1"), several = run(command + "4");
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_EQ(several.out, one.out);
    EXPECT_EQ(several.err, "");
    EXPECT_TRUE(has(several.out, *form == '\0' ? "mean of 7" : "psnr_best")) << several.out;
  }
}

TEST_F(FolderCli, SaysHowFastItWent) {
  write_folder(4);
  const Outcome o = run("denoise --lambda 0.1 " + path("in") + " -o " + path("out"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "4 pictures in ") && has(o.err, " per second")) << o.err;
  const Outcome single = run("denoise --lambda 0.1 " + path("in/10.png") + " -o " + path("one.png"));
  EXPECT_FALSE(has(single.err, "per second")) << single.err;
}

// The picture before it is told of, those behind it may have been made too; none of them is half a file.
TEST_F(FolderCli, AResultThatCannotBeWrittenEndsTheRunInItsTurn) {
  write_folder(6);
  fs::create_directories(folder_ / "out/12.png/held");  // a folder where a file should go
  for (const char* jobs : {"1", "3"}) {
    const Outcome o =
        run("denoise --lambda 0.1 " + path("in") + " -o " + path("out") + " --overwrite --jobs " + jobs);
    EXPECT_EQ(o.exit_code, 3);
    EXPECT_TRUE(has(o.err, "12.png: it exists and is a folder")) << o.err;
    EXPECT_TRUE(has(o.out, "10.png ->") && has(o.out, "11.png ->") && !has(o.out, "12.png ->")) << o.out;
    EXPECT_FALSE(has(o.out, "13.png ->")) << o.out;
  }
}

TEST_F(FolderCli, RefusesNoJobs) {
  write_folder(2, 16);
  EXPECT_EQ(run("denoise --lambda 0.1 --jobs 0 " + path("in") + " -o " + path("out")).exit_code, 2);
}

// Pictures take turns on a device; everything else about them goes on side by side.
TEST_F(FolderCli, OnADeviceToo) {
  write_folder(3, 16);
  write_colour("in/15.png");
  for (const std::string how :
       {"--lambda discrepancy --noise 0.3 --best --colour grey", "general --compare"}) {
    const auto run_jobs = [&](const std::string& jobs) {
      fs::remove_all(folder_ / "out");
      return run("denoise " + how + " --iterations 3 --device simt --threads 3 " + path("in") + " -o " +
                 path("out") + " --jobs " + jobs);
    };
    const Outcome one = run_jobs("1");
    const auto expected = files("out");
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_GE(expected.size(), 4u);
    const Outcome several = run_jobs("4");
    EXPECT_EQ(several.exit_code, 0) << several.err;
    EXPECT_EQ(several.out, one.out);
    EXPECT_EQ(without_times(several.err), without_times(one.err));
    EXPECT_TRUE(files("out") == expected) << how;
  }
}

// A picture whose network works in tiles has all the memory for itself, whatever else is in work.
TEST_F(FolderCli, PicturesInTilesWaitForTheirTurnAndKeepTheirBits) {
  write_folder(5, 40);
  const auto run_jobs = [&](const std::string& jobs) {
    fs::remove_all(folder_ / "out");
    const Outcome o =
        run("denoise general --tile 64 " + path("in") + " -o " + path("out") + " --threads 2 --jobs " + jobs);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_TRUE(has(o.err, "the network works in")) << o.err;
    return files("out");
  };
  const auto one = run_jobs("1");
  EXPECT_EQ(one.size(), 5u);
  EXPECT_TRUE(run_jobs("3") == one);
}

TEST_F(FolderCli, AStopFinishesWhatIsInWorkAndSkipExistingDoesTheRest) {
  write_folder(40, 64);
  const std::string denoise = "denoise --lambda 0.1 --iterations 2000 " + path("in") + " -o ";
  ASSERT_EQ(run(denoise + path("whole") + " -q").exit_code, 0);
  const auto expected = files("whole");
  ASSERT_EQ(expected.size(), 40u);
  for (const std::string& jobs : {std::string("1"), std::string("3")}) {
    const std::string out = "out" + jobs;
    const std::string program = std::string(PRIMAL_PROGRAM) + " " + denoise + path(out) + " --jobs " + jobs;
    const std::string stopped = program + " > " + path("said.txt") + " 2> " + path("err.txt") +
                                " & p=$!; while kill -0 $p && " + "[ \"$(ls " + path(out) +
                                " 2> /dev/null | wc -l)\" -lt 3 ]; do sleep 0.01; done; " +
                                "kill -INT $p; wait $p";
    // A shell's background processes ignore SIGINT, unless it has job control.
    const int status = std::system(("bash -c 'set -m; " + stopped + "'").c_str());
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(folder_ / "err.txt");
    const auto some = files(out);
    EXPECT_GE(some.size(), 3u);
    EXPECT_LT(some.size(), 40u);
    size_t n_said = 0;
    const std::string said = text_of(folder_ / "said.txt");
    for (const auto& [name, bytes] : some) {
      EXPECT_TRUE(expected.at(name) == bytes) << name;  // no temporary file either: `at` would throw
      n_said += has(said, name) ? 1U : 0U;
    }
    EXPECT_EQ(n_said, some.size());
    EXPECT_EQ(run(denoise + path(out) + " -q --skip-existing --jobs " + jobs).exit_code, 0);
    EXPECT_TRUE(files(out) == expected);
  }
}

TEST_F(FolderCli, TwoProcessesOnOneFolderNeverBothWriteAFile) {
  write_folder(12);
  const std::string denoise =
      fmt::format("{} denoise --lambda 0.1 --jobs 1 --iterations 400 {} -o {} --skip-existing",
                  PRIMAL_PROGRAM, path("in"), path("out"));
  const std::string both = fmt::format(
      "bash -c '{0} > {1} 2>&1 & first=$!; {0} > {2} 2>&1; second=$?; wait $first && exit $second'", denoise,
      path("a.txt"), path("b.txt"));
  EXPECT_EQ(std::system(both.c_str()), 0) << text_of(folder_ / "a.txt") << text_of(folder_ / "b.txt");
  EXPECT_EQ(run("denoise --lambda 0.1 --iterations 400 " + path("in") + " -o " + path("alone")).exit_code, 0);
  EXPECT_EQ(files("out"), files("alone"));  // and no temporary file
}

TEST_F(FolderCli, PartsMakeUpWhatOneProcessMakes) {
  write_folder(5);
  const std::string how = " --lambda 0.05 --noise 0.3 " + path("in") + " -o ";
  ASSERT_EQ(run("denoise" + how + path("whole")).exit_code, 0);
  for (const char* part : {"2/3", "1/3", "3/3"}) {
    const Outcome outcome = run("denoise" + how + path("parts") + " --shard " + part);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.err, std::string("part ") + part + ": ")) << outcome.err;
  }
  EXPECT_EQ(files("parts"), files("whole")) << "the noise too is that of the picture's place among all";

  // A part that was lost is taken up again, and a whole one has nothing left to do.
  fs::remove(folder_ / "parts/11.png");
  const Outcome again = run("denoise" + how + path("parts") + " --skip-existing --shard 2/3");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_TRUE(has(again.err, "1 of 2 pictures are skipped")) << again.err;
  EXPECT_EQ(files("parts"), files("whole"));

  const Outcome empty = run("denoise" + how + path("empty") + " --shard 9/9");
  EXPECT_EQ(empty.exit_code, 0) << empty.err;
  EXPECT_TRUE(has(empty.err, "part 9/9: 0 of 5 pictures")) << empty.err;
  EXPECT_TRUE(files("empty").empty());
  EXPECT_EQ(run("denoise" + how + path("none") + " --shard 10/9").exit_code, 2);
}

}  // namespace
}  // namespace primal
