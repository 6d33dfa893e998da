// The program itself, from outside: what every command has in common, and one short run of each.
#include "support/cli.h"

#include <nlohmann/json.hpp>

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::Cli;
using testing::Outcome;

TEST_F(Cli, HelpAndVersionSucceed) {
  EXPECT_EQ(run("--help").exit_code, 0);
  EXPECT_EQ(run("--version").exit_code, 0);
  for (const char* command : {"demo", "train", "denoise", "evaluate", "search", "follow", "watch", "verify",
                              "check", "profile", "tune", "inspect", "data noisy", "manual", "completion"}) {
    const Outcome help = run(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_NE(help.out.find("Examples:"), std::string::npos) << command;
  }
}

TEST_F(Cli, WrongUsageIsTwo) {
  EXPECT_EQ(run("").exit_code, 2);
  EXPECT_EQ(run("--no-such-option").exit_code, 2);
  const Outcome command = run("evaluat model");
  EXPECT_EQ(command.exit_code, 2);
  EXPECT_NE(command.err.find("did you mean 'evaluate'?"), std::string::npos) << command.err;
  const Outcome option = run("denoise --lamda 0.1 x.png");
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_NE(option.err.find("did you mean --lambda?"), std::string::npos) << option.err;
  EXPECT_EQ(run("denoise --lambda -1 x.png").exit_code, 2);
  EXPECT_EQ(run("denoise only_one.png").exit_code, 2);
  EXPECT_EQ(run("check no_such_op").exit_code, 2);
  const Outcome magic = run("check --impl conv3d=magic --device simt relu");
  EXPECT_EQ(magic.exit_code, 2);
  EXPECT_NE(magic.err.find("conv3d has no implementation 'magic'; on simt it has: tensor_core tiled direct "
                           "tensor_core_3x; with --device cpu: winograd streamed one_channel winograd_volume "
                           "blocked phased reference"),
            std::string::npos)
      << magic.err;
  const Outcome elsewhere = run("check --impl conv3d=tiled relu");
  EXPECT_EQ(elsewhere.exit_code, 2);
  EXPECT_NE(elsewhere.err.find("with --device simt: tensor_core tiled direct"), std::string::npos)
      << elsewhere.err;
  const Outcome rounding = run("check --impl conv3d=tensor_core --device simt relu");
  EXPECT_EQ(rounding.exit_code, 2);
  EXPECT_NE(rounding.err.find("runs only with --precision tf32"), std::string::npos) << rounding.err;
  std::ofstream(path("bad.toml")) << "[model]\nfliters = 3\n";
  const Outcome bad = run("train " + path("bad.toml") + " -o " + path("run"));
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_NE(bad.err.find("did you mean 'model.filters'?"), std::string::npos) << bad.err;
}

TEST_F(Cli, MissingAndBrokenFilesAreThreeAndNamed) {
  const Outcome missing = run("denoise --lambda 0.1 " + path("none.png") + " -o " + path("out"));
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_NE(missing.err.find("none.png"), std::string::npos) << missing.err;
  std::ofstream(path("text.png")) << "this is no picture";
  EXPECT_EQ(run("denoise --lambda 0.1 " + path("text.png") + " -o " + path("out")).exit_code, 3);
  EXPECT_EQ(run("denoise " + path("text.png") + " " + path("text.png") + " -o " + path("out")).exit_code, 3);
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(run("train --data " + path("empty") + " -o " + path("run")).exit_code, 3);
  EXPECT_EQ(run("train --resume -o " + path("nowhere")).exit_code, 3);
}

TEST_F(Cli, AnUnknownDeviceIsFour) { EXPECT_EQ(run("check relu --device cuda").exit_code, 4); }

TEST_F(Cli, ChecksAndGoldenCasesReportWhatTheyDid) {
  EXPECT_EQ(run("check relu scale").exit_code, 0);
  const Outcome verify = run("verify tests/golden/relu_odd.safetensors --json");
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  EXPECT_EQ(nlohmann::json::parse(verify.out).at("failed"), 0);
  std::ofstream(path("lie.safetensors")) << "xxxxxxxxxxxx";
  EXPECT_EQ(run("verify " + path("lie.safetensors")).exit_code, 6);
}

TEST_F(Cli, DenoisesWithOneLambdaKeepsNamesAndDepthAndNeverOverwrites) {
  write_phantom("a.png", 0);
  write_phantom("b.png", 1, 16);
  const std::string command =
      "denoise --lambda 0.05 " + path("a.png") + " " + path("b.png") + " -o " + path("out");
  ASSERT_EQ(run(command).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "out/a.png").bit_depth, 8);
  EXPECT_EQ(read_image(folder_ / "out/b.png").bit_depth, 16);
  EXPECT_EQ(read_image(folder_ / "out/b.png").width, 40);
  EXPECT_EQ(run(command).exit_code, 3);
  EXPECT_EQ(run(command + " --overwrite").exit_code, 0);
}

TEST_F(Cli, DemoTrainsEvaluatesAndLeavesAModelThatDenoises) {
  const Outcome demo = run("demo --steps 4 --json --quiet -o " + path("demo"));
  ASSERT_EQ(demo.exit_code, 0) << demo.err;
  const auto report = nlohmann::json::parse(demo.out);
  EXPECT_GT(report.at("best_scalar").at("psnr").get<double>(), report.at("noisy").at("psnr").get<double>());
  EXPECT_GT(read_image(folder_ / "demo/comparison.png").width, 1000);
  write_phantom("a.png", 0);
  const Outcome denoise = run("denoise " + path("demo/last.safetensors") + " " + path("a.png") +
                              " --noise 0.5 --map --compare --json -o " + path("out"));
  ASSERT_EQ(denoise.exit_code, 0) << denoise.err;
  EXPECT_GT(nlohmann::json::parse(denoise.out).at("mean").at("psnr").get<double>(), 20.0);
  EXPECT_TRUE(fs::exists(folder_ / "out/a_lambda.png"));
  EXPECT_TRUE(fs::exists(folder_ / "out/a_compare.png"));
}

TEST_F(Cli, ADemoReplacesADemoButNoOtherTraining) {
  const std::string demo = "demo --quiet --steps 1 -o ";
  ASSERT_EQ(run(demo + path("demo")).exit_code, 0);
  EXPECT_EQ(run("demo --quiet --steps 2 -o " + path("demo")).exit_code, 0);
  ASSERT_EQ(run("train --quiet --steps 1 --set data.size=16 --set model.filters=2 --set model.blocks=1 --set "
                "model.iterations=4 --set data.n_train=2 --set data.n_validation=1 -o " +
                path("run"))
                .exit_code,
            0);
  const std::string before = testing::text_of(folder_ / "run/last.safetensors");
  const Outcome refused = run(demo + path("run"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find(path("run") + " contains last.safetensors"), std::string::npos) << refused.err;
  EXPECT_EQ(testing::text_of(folder_ / "run/last.safetensors"), before);
  EXPECT_EQ(run(demo + path("run") + " --overwrite").exit_code, 0);
  EXPECT_EQ(run("demo --quiet -o ''").exit_code, 2);
}

TEST_F(Cli, AnUnfinishedDemoLeavesNoFigureOfTheOneBefore) {
  ASSERT_EQ(run("demo --quiet --steps 1 -o " + path("demo")).exit_code, 0);
  ASSERT_TRUE(fs::exists(folder_ / "demo/comparison.png"));
  const std::string script = std::string(PRIMAL_PROGRAM) + " demo --quiet --steps 1000000 -o " +
                             path("demo") + " & p=$!; while kill -0 $p && [ -e " +
                             path("demo/comparison.png") + " ]; do sleep 0.02; done; kill -TERM $p; wait $p";
  const int status = std::system(("bash -c '" + script + "' > /dev/null 2> /dev/null").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_FALSE(fs::exists(folder_ / "demo/comparison.png"));
}

TEST_F(Cli, TrainingRefusesToStartOverAnother) {
  const std::string command =
      "train -o " + path("run") +
      " --steps 2 --set data.size=16 --set model.filters=2 --set model.blocks=1"
      " --set model.iterations=4 --set data.n_train=3 --set data.n_validation=1 --quiet";
  ASSERT_EQ(run(command).exit_code, 0);
  EXPECT_EQ(run(command).exit_code, 2);
  EXPECT_EQ(run(command + " --resume").exit_code, 0);
  EXPECT_EQ(run(command + " --overwrite").exit_code, 0);
}

TEST_F(Cli, FollowPrintsTheHomogeneityOfTheSolution) {
  const Outcome follow = run("follow --size 24");
  EXPECT_EQ(follow.exit_code, 0) << follow.err;
  EXPECT_NE(follow.out.find("homogeneous of degree 1"), std::string::npos);
}

TEST_F(Cli, FollowDrawsEachStepAndTakesABoundary) {
  const std::string command = "follow --size 24 --json -o " + path("steps");
  const Outcome periodic = run(command);
  ASSERT_EQ(periodic.exit_code, 0) << periodic.err;
  for (const char* file : {"clean", "z", "lambda", "x_0001", "x_0064", "grad_x", "grad_lambda", "grad_z"}) {
    EXPECT_GE(read_image(folder_ / "steps" / (file + std::string(".png"))).width, 24) << file;
  }
  EXPECT_EQ(read_image(folder_ / "steps/x_0064.png").width, 24);
  EXPECT_EQ(run(command).exit_code, 3);  // they are there
  const Outcome symmetric = run(command + " --overwrite --boundary symmetric");
  ASSERT_EQ(symmetric.exit_code, 0) << symmetric.err;
  const auto sides = [](const Outcome& o) {
    return nlohmann::json::parse(o.out).at("steps").at(5).at("homogeneity").get<std::array<double, 2>>();
  };
  for (const Outcome* o : {&periodic, &symmetric})
    EXPECT_NEAR(sides(*o)[0], sides(*o)[1], 1e-5 * std::abs(sides(*o)[0]));
  EXPECT_NE(sides(periodic)[0], sides(symmetric)[0]);
}

}  // namespace
}  // namespace primal
