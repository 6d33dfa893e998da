// Where the program's words go: standard output that cannot be written, standard error that cannot, readers
// that leave, JSON that is JSON, and messages of one line.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EnvironmentVariable;
using testing::Outcome;
using testing::TrainCli;

class Streams : public TrainCli {
 protected:
  // A line for the shell with $P for the program; its exit code, 128 + signal where one ended it.
  int shell(const std::string& line) const {
    const EnvironmentVariable program("P", PRIMAL_PROGRAM);
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string text(const std::string& name) const { return testing::text_of(folder_ / name); }
  std::string tiny(const std::string& name, int steps) const {
    return "train -o " + path(name) + " --steps " + std::to_string(steps) + kTiny;
  }
};

TEST_F(Streams, StandardErrorThatCannotBeWrittenEndsNoWork) {
  write_phantom("a.png", 0);
  for (const std::string lost : {" 2> /dev/full", " 2>&-"}) {
    EXPECT_EQ(shell("$P " + tiny("run", 3) + " --overwrite > /dev/null" + lost), 0) << lost;
    EXPECT_EQ(column("run", "step").size(), 3u) << lost;
    const std::string denoise = "$P denoise --lambda 0.1 " + path("a.png") + " -o " + path("out");
    EXPECT_EQ(shell(denoise + " --overwrite" + lost), 0) << lost;
    EXPECT_EQ(read_image(folder_ / "out/a.png").width, 40) << "no message got into the file" << lost;
    EXPECT_EQ(shell(denoise + lost), 3) << lost;
    EXPECT_EQ(shell("$P denoise" + lost), 2) << lost;
  }
}

TEST_F(Streams, AReaderThatLeavesEndsNoTraining) {
  shell("{ $P " + tiny("run", 200) + " > /dev/null; echo $? > " + path("code") +
        "; } 2>&1 | head -c 100 > /dev/null");
  EXPECT_EQ(text("code"), "0\n");
  EXPECT_EQ(column("run", "step").size(), 200u);
}

TEST_F(Streams, AReaderOfResultsWhoLeavesEndsTheProgramSilently) {
  shell("{ sleep 0.2; $P --help 2> " + path("err") + "; echo $? > " + path("code") + "; } | true");
  EXPECT_EQ(text("code"), "141\n");
  EXPECT_EQ(text("err"), "");
}

TEST_F(Streams, ResultsThatAreLostAreThreeAndOneMessage) {
  write_phantom("a.png", 0);
  const std::string picture = path("a.png");
  const std::vector<std::string> commands{
      "--help",
      "--version",
      "follow --size 16",
      "inspect --devices",
      "train --print-config",
      "manual",
      "check --list",
      "search " + picture + " --noise 0.3 --grid 0:0.1:3 -q",
      "denoise --lambda 0.1 " + picture + " --noise 0.3 --json -q",
      "denoise --lambda 0.1 " + picture + " --noise 0.3 -q",
      "watch --iterations 2 -q --overwrite -o " + path("a.html") + " " + picture,
      "check relu",
      tiny("run", 2) + " -q --overwrite"};
  for (const std::string& command : commands) {
    for (const std::string lost : {"> /dev/full", ">&-"}) {
      EXPECT_EQ(shell("$P " + command + " " + lost + " 2> " + path("err")), 3) << command << lost;
      const std::string message = text("err");
      EXPECT_EQ(message.find("primal: [output] cannot write to standard output: "), 0u) << command << message;
      EXPECT_EQ(std::ranges::count(message, '\n'), 1) << message;
    }
  }
  EXPECT_EQ(shell("$P denoise --lambda 0.1 nothing.png -q > /dev/full 2> /dev/null"), 2);
}

TEST_F(Streams, NumbersThatAreNoneOrOutOfRangeAreTwoInOneSentence) {
  const auto refused = [&](const std::string& arguments, const std::string& sentence) {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.exit_code, 2) << arguments;
    EXPECT_EQ(o.err.find("primal: [usage] " + sentence), 0u) << arguments << "\n" << o.err;
    EXPECT_LE(std::ranges::count(o.err, '\n'), 2) << o.err;
  };
  refused("tune --min-time nan", "--min-time: expected a number from 0 to 60000, found 'nan'");
  refused("tune --margin nan", "--margin: expected a number from 0 to 100, found 'nan'");
  refused("profile --min-time nan", "--min-time: expected a number from 0 to 60000, found 'nan'");
  refused("follow --noise nan", "--noise: expected a number from 0 to 10, found 'nan'");
  refused("follow --size 1", "--size: expected a whole number from 8 to 4096, found '1'");
  refused("train --steps -1", "--steps: expected a whole number from 1 to 1000000000000000, found '-1'");
  refused("train --keep x", "--keep: expected a whole number from 0 to");
  refused("demo --steps 0", "--steps: expected a whole number from 1 to");
  refused("search a.png --iterations 1e9",
          "--iterations: expected a whole number from 1 to 1000000000, found '1e9'");
  for (const char* command :
       {"denoise a.png", "search a.png", "evaluate a.safetensors", "follow", "watch a -o b.html", "train"}) {
    for (const char* seed : {"-1", "99999999999999999999999", "1.5"}) {
      refused(std::string(command) + " --seed " + seed, "--seed: expected a whole number from 0 to");
    }
  }
  const EnvironmentVariable threads("PRIMAL_THREADS", "abc");
  refused("follow", "PRIMAL_THREADS: expected a whole number from 1 to 4096, found 'abc'");
}

TEST_F(Streams, HelpIsGivenWhateverElseIsSaid) {
  const Outcome help = run("train -h extra --no-such-option");
  EXPECT_EQ(help.exit_code, 0) << help.err;
  EXPECT_NE(help.out.find("--overfit"), std::string::npos);
}

TEST_F(Streams, OnlyNearNamesAreSuggested) {
  EXPECT_EQ(run("foo").err.find("did you mean"), std::string::npos);
  EXPECT_EQ(run("follow --xyzzy 3").err.find("did you mean"), std::string::npos);
  EXPECT_EQ(run("train --set model=3").err.find("did you mean"), std::string::npos);
  EXPECT_NE(run("train --set filters=3").err.find("did you mean 'model.filters'?"), std::string::npos);
}

TEST_F(Streams, JsonIsJson) {
  const Outcome follow = run("follow --size 16 --json");
  ASSERT_EQ(follow.exit_code, 0) << follow.err;
  const json steps = json::parse(follow.out).at("steps");
  ASSERT_EQ(steps.size(), 7u);
  EXPECT_GT(steps[0].at("psnr").get<double>(), 0.0);
  EXPECT_EQ(steps[2].at("iterations").back().at("k"), 64);
  const json sides = steps[5].at("homogeneity");
  EXPECT_NEAR(sides[0].get<double>(), sides[1].get<double>(), 1e-4 * std::abs(sides[0].get<double>()));
  EXPECT_FALSE(steps[6].at("gradients").empty());

  const Outcome list = run("check --list --json");
  ASSERT_EQ(list.exit_code, 0) << list.err;
  const json ops = json::parse(list.out).at("ops");
  EXPECT_TRUE(std::ranges::any_of(ops, [](const json& op) { return op.at("op") == "conv3d"; }));
  EXPECT_FALSE(ops[0].at("implementations").empty());
}

TEST_F(Streams, NamesThatAreNotUtf8PassThrough) {
  fs::create_directories(folder_ / "d\xff");
  for (uint32_t i = 0; i < 4; ++i) write_phantom("d\xff/p\xfe" + std::to_string(i) + ".png", i);
  const Outcome denoise = run("denoise --lambda 0.1 --noise 0.3 --json " + path("d\xff/p\xfe\x30.png"));
  ASSERT_EQ(denoise.exit_code, 0) << denoise.err;
  const auto picture = json::parse(denoise.out).at("pictures")[0].at("picture").get<std::string>();
  EXPECT_TRUE(picture.ends_with("/d\xef\xbf\xbd/p\xef\xbf\xbd\x30.png")) << picture;

  const std::string training = tiny("r\xff", 2) + " --data " + path("d\xff");
  ASSERT_EQ(run(training).exit_code, 0);
  const Outcome resumed = run("train --resume --steps 3 -o " + path("r\xff") + " --data " + path("d\xff"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(run(training + " --overwrite --print-config --json").exit_code, 0);
  const Outcome evaluate = run("evaluate " + path("r\xff/last.safetensors") + " --data " + path("d\xff") +
                               " --grid 0:0.1:2 --iterations 8 --json -o " + path("e\xff"));
  ASSERT_EQ(evaluate.exit_code, 0) << evaluate.err;
  EXPECT_EQ(json::parse(evaluate.out).at("pictures").size(), 4u);
  EXPECT_NO_THROW(json::parse(text("e\xff/summary.json")));
}

}  // namespace
}  // namespace primal
