// primal train from outside: where its settings come from, and how it goes on.
#include "support/train_cli.h"

#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"

namespace primal {
namespace {

using testing::EnvironmentVariable;
using testing::Outcome;
using testing::TrainCli;

using Strings = std::vector<std::string>;

TEST_F(TrainCli, PrintConfigShowsEachOriginAndReadsBack) {
  std::ofstream(path("c.toml")) << "[model]\nfilters = 4\nblocks = 2\n";
  const EnvironmentVariable blocks("PRIMAL_MODEL_BLOCKS", "3"), seed("PRIMAL_SEED", "9");
  const Outcome first = train(path("c.toml") + " --seed 11 --print-config -o " + path("run"));
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.out.find("filters = 4  # " + path("c.toml") + ":2\n"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("blocks = 3  # environment\n"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("seed = 11  # --seed\n"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("batch = 1  # default\n"), std::string::npos) << first.out;
  EXPECT_FALSE(exists("run"));

  std::ofstream(path("printed.toml")) << first.out;
  const Outcome again = train(path("printed.toml") + " --print-config --json --seed 11");
  const auto json = nlohmann::json::parse(again.out);
  EXPECT_EQ(json.at("model.filters").at("value"), 4);
  EXPECT_EQ(json.at("output").at("value"), path("run"));
  EXPECT_EQ(json.at("seed").at("origin"), "--seed");
}

TEST_F(TrainCli, AMisspeltVariableIsAnError) {
  const EnvironmentVariable wrong("PRIMAL_TRAINING_STEP", "3");
  const Outcome outcome = train("--print-config");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("did you mean PRIMAL_TRAINING_STEPS?"), std::string::npos) << outcome.err;
}

TEST_F(TrainCli, TheRunFolderHoldsTheSettingsAndTheyRepeatTheRun) {
  ASSERT_EQ(train(std::string("-q --steps 6 -o ") + path("a") + kTiny).exit_code, 0);
  ASSERT_EQ(train("-q " + path("a/config.toml") + " -o " + path("b")).exit_code, 0);
  EXPECT_EQ(column("a", "loss"), column("b", "loss"));
}

TEST_F(TrainCli, ResumeNeedsNothingButTheFolder) {
  ASSERT_EQ(train(std::string("-q --steps 12 -o ") + path("whole") + kTiny).exit_code, 0);
  ASSERT_EQ(train(std::string("-q --steps 7 -o ") + path("part") + kTiny).exit_code, 0);
  const Outcome resumed = train("--resume --steps 12 -o " + path("part"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("part/last.safetensors: step 7 of 12"), std::string::npos) << resumed.err;
  EXPECT_NE(resumed.err.find("training.steps: 7 in the checkpoint, 12 from now on (--steps)"),
            std::string::npos);
  EXPECT_EQ(column("part", "loss"), column("whole", "loss"));
  EXPECT_EQ(column("part", "mean_loss"), column("whole", "mean_loss"));

  const Outcome none = train("--resume -o " + path("part"));
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_NE(none.err.find("warning: 0 steps left"), std::string::npos) << none.err;

  const Outcome other = train("--resume --set model.filters=3 -o " + path("part"));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("model.filters: 2 in the checkpoint, 3 given (--set)"), std::string::npos)
      << other.err;
}

TEST_F(TrainCli, ResumeRefusesOtherPictures) {
  std::filesystem::create_directories(folder_ / "data");
  for (uint32_t i = 0; i < 6; ++i) write_phantom("data/" + std::to_string(i) + ".png", i, 8, 16);
  const std::string command =
      std::string("-q --steps 3 --data ") + path("data") + " -o " + path("run") + kTiny;
  ASSERT_EQ(train(command).exit_code, 0);
  std::filesystem::rename(folder_ / "data", folder_ / "moved");
  EXPECT_EQ(train("-q --resume --steps 4 -o " + path("run") + " --data " + path("moved")).exit_code, 0);
  std::filesystem::rename(folder_ / "moved/0.png", folder_ / "moved/00.png");
  const Outcome other = train("-q --resume --steps 5 -o " + path("run"));
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_NE(other.err.find("was trained on other pictures"), std::string::npos) << other.err;
}

TEST_F(TrainCli, TheLearningRateDecaysToItsEnd) {
  ASSERT_EQ(
      train(std::string("-q --steps 3 --set training.final_learning_rate=1e-4 -o ") + path("run") + kTiny)
          .exit_code,
      0);
  EXPECT_EQ(column("run", "learning_rate"), (Strings{"0.001", "0.00055", "0.0001"}));
}

TEST_F(TrainCli, PatienceEndsATrainingThatDoesNotImprove) {
  // Nothing improves by 100 dB after the first validation, so the second and third are waited for.
  const std::string command = std::string("-o ") + path("run") + kTiny +
                              " --set training.patience=2 --set training.min_delta=100 --steps 50";
  const Outcome outcome = train(command);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(column("run", "step").size(), 15u);
  EXPECT_NE(outcome.out.find("out of patience after step 15"), std::string::npos) << outcome.out;
  const Outcome resumed = train("--resume -o " + path("run"));
  EXPECT_NE(resumed.err.find("warning: 0 steps left: 2 validations without a better one"), std::string::npos);
  EXPECT_EQ(column("run", "step").size(), 15u);
  ASSERT_EQ(train("-q --resume --set training.patience=3 -o " + path("run")).exit_code, 0);
  EXPECT_EQ(column("run", "step").size(), 20u);
}

TEST_F(TrainCli, KeepsTheNewestNumberedCheckpoints) {
  ASSERT_EQ(train(std::string("-q --steps 20 --keep 2 -o ") + path("run") + kTiny).exit_code, 0);
  EXPECT_FALSE(exists("run/step_000010.safetensors"));
  EXPECT_TRUE(exists("run/step_000015.safetensors"));
  EXPECT_TRUE(exists("run/step_000020.safetensors"));
  const auto last = Safetensors::read(folder_ / "run/last.safetensors");
  const auto numbered = Safetensors::read(folder_ / "run/step_000020.safetensors");
  EXPECT_EQ(last.metadata(), numbered.metadata());
  // A new training in the folder leaves nothing of the old one.
  ASSERT_EQ(train(std::string("-q --steps 2 --overwrite -o ") + path("run") + kTiny).exit_code, 0);
  EXPECT_FALSE(exists("run/step_000020.safetensors"));
  ASSERT_EQ(train(std::string("-q --steps 10 -o ") + path("none") + kTiny).exit_code, 0);
  EXPECT_FALSE(exists("none/step_000005.safetensors"));
}

TEST_F(TrainCli, StartsFromTheWeightsOfAnotherTraining) {
  ASSERT_EQ(train(std::string("-q --steps 5 -o ") + path("short") + kTiny).exit_code, 0);
  const std::string weights = path("short/last.safetensors");
  // Without a learning rate nothing moves: the weights after the step are those of the file.
  const Outcome outcome = train("--steps 1 -o " + path("long") + kTiny +
                                " --set model.iterations=9 --set training.learning_rate=0 --init " + weights);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("model.iterations was 4 where the weights come from, is 9 here"),
            std::string::npos)
      << outcome.err;
  const Safetensors before = Safetensors::read(weights),
                    after = Safetensors::read(folder_ / "long/last.safetensors");
  for (const auto& [name, tensor] : before.tensors()) {
    if (!name.starts_with("adam.")) {
      EXPECT_EQ(after.tensor(name).to_doubles(), tensor.to_doubles()) << name;
    }
  }
  EXPECT_EQ(after.metadata().at("step"), "1");

  // Learnt steps are left out where the new training has none, and it must fit otherwise.
  const Outcome fixed =
      train("--steps 1 -o " + path("fixed") + kTiny + " --set model.learn_steps=false --init " + weights);
  EXPECT_EQ(fixed.exit_code, 0) << fixed.err;
  EXPECT_NE(fixed.err.find("pdhg.sigma of"), std::string::npos) << fixed.err;
  const Outcome wide =
      train("-q --steps 1 -o " + path("wide") + kTiny + " --set model.filters=3 --init " + weights);
  EXPECT_EQ(wide.exit_code, 3);
  EXPECT_NE(wide.err.find("does not fit model.filters=3"), std::string::npos) << wide.err;
  EXPECT_FALSE(exists("wide/last.safetensors"));
  EXPECT_EQ(train("-q -o " + path("x") + kTiny + " --init " + path("none.safetensors")).exit_code, 3);
}

TEST_F(TrainCli, ANumberThatIsNotFiniteStopsNamesTheOpAndLeavesTheStep) {
  ASSERT_EQ(train(std::string("-q --steps 1 -o ") + path("fine") + kTiny).exit_code, 0);
  // Weights so large that the second convolution of the encoder's block overflows.
  TensorMap weights;
  for (const auto& [name, tensor] : Safetensors::read(folder_ / "fine/last.safetensors").tensors()) {
    if (name.starts_with("adam.")) continue;
    weights[name] = tensor;
    if (name.starts_with("cnn.encoder.0.double_conv") && name.ends_with("weight")) tensor.fill(3e38);
  }
  write_safetensors(folder_ / "huge.safetensors", weights);
  const Outcome outcome =
      train(std::string("-q --steps 3 -o ") + path("run") + kTiny + " --init " + path("huge.safetensors"));
  EXPECT_EQ(outcome.exit_code, 5) << outcome.err;
  // After three convolutions and a pooling.
  EXPECT_NE(outcome.err.find("[train] step 1, picture phantom-00000"), std::string::npos) << outcome.err;
  const size_t at = outcome.err.find("conv3d_leaky_relu, op 5, forward: ");
  ASSERT_NE(at, std::string::npos) << outcome.err;
  const std::string found = outcome.err.substr(at, outcome.err.find('\n', at) - at);
  EXPECT_NE(found.find("of its result [1,4,1,8,8] are not finite"), std::string::npos) << found;

  const Outcome again = train("--reproduce " + path("run/nan_step_1.safetensors") + " --json");
  EXPECT_EQ(again.exit_code, 5) << again.err;
  EXPECT_EQ(nlohmann::json::parse(again.out).at("found"), found);
  EXPECT_NE(again.err.find(found), std::string::npos) << again.err;
  EXPECT_EQ(train("--resume --dry-run -o " + path("run")).exit_code, 0)
      << "the state before the step is there";
  EXPECT_EQ(train("--reproduce " + path("fine/last.safetensors")).exit_code, 3);
}

TEST_F(TrainCli, DryRunSaysWhatItWouldDoAndChangesNothing) {
  const std::string command = std::string("--dry-run --steps 50 -o ") + path("run") + kTiny;
  const Outcome text = train(command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  for (const char* said :
       {"training.steps                 50             --steps", "device ", "convolutions ",
        "PDHG and its adjoint ", "activations kept ", "all together ", "so the steps will take "}) {
    EXPECT_NE(text.out.find(said), std::string::npos) << said << "\n" << text.out;
  }
  EXPECT_FALSE(exists("run"));
  EXPECT_EQ(train(command + " -q").out.substr(0, 9), "settings\n");
  const Outcome data = train(command + " --json -q");
  const auto plan = nlohmann::json::parse(data.out);
  EXPECT_EQ(data.err, "");
  EXPECT_EQ(plan.at("steps"), 50);
  // PDHG: 23 a pixel and iteration each way, and 20 more in the adjoint for the learnt steps.
  EXPECT_EQ(plan.at("flops").at("pdhg"), (23 + 23 + 20) * 4 * 16 * 16);
  EXPECT_GT(plan.at("trial").at("step_ms").get<double>(), 0.0);
  // The trial leaves no trace in the training that follows.
  ASSERT_EQ(train(std::string("--steps 4 -o ") + path("talks") + kTiny).exit_code, 0);
  ASSERT_EQ(train(std::string("-q --steps 4 -o ") + path("quiet") + kTiny).exit_code, 0);
  EXPECT_EQ(column("talks", "loss"), column("quiet", "loss"));
}

TEST_F(TrainCli, AModelThatDoesNotFitIsPlannedButNotTried) {
  const std::string large =
      std::string("-o ") + path("run") + kTiny + " --set model.iterations=100000 --set data.size=4096";
  const Outcome plan = train("--dry-run " + large);
  EXPECT_EQ(plan.exit_code, 4);
  EXPECT_NE(plan.out.find("tape of PDHG"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("not tried out"), std::string::npos) << plan.out;
  EXPECT_NE(plan.err.find("would fit"), std::string::npos) << plan.err;
  EXPECT_EQ(train(large).exit_code, 4);
  EXPECT_FALSE(exists("run"));
}

TEST_F(TrainCli, ToGoOnAndToBeginAnewExcludeEachOther) {
  const Outcome both = train(std::string("--resume --overwrite -o ") + path("run") + kTiny);
  EXPECT_EQ(both.exit_code, 2) << both.err;
  EXPECT_FALSE(exists("run"));
}

TEST_F(TrainCli, ABatchTakesNoMorePicturesThanThereAre) {
  const Outcome outcome = train(std::string("--steps 2 --set training.batch=7 -o ") + path("run") + kTiny);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("training.batch=7, but there are only 5 pictures"), std::string::npos)
      << outcome.err;
}

TEST_F(TrainCli, AFolderInThePlaceOfTheConfigurationIsTheTrainingToResume) {
  ASSERT_EQ(train(std::string("-q --steps 3 -o ") + path("run") + kTiny).exit_code, 0);
  const Outcome without = train(path("run"));
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("primal train --resume -o " + path("run")), std::string::npos) << without.err;
  EXPECT_EQ(train("-q --resume " + path("run") + " --steps 5").exit_code, 0);
  EXPECT_EQ(column("run", "step").size(), 5u);
  EXPECT_EQ(train("-q --resume " + path("run") + " -o " + path("other")).exit_code, 2);
}

TEST_F(TrainCli, ATrainingIsNotResumedToEndBeforeItsStep) {
  ASSERT_EQ(train(std::string("-q --steps 7 -o ") + path("run") + kTiny).exit_code, 0);
  for (const char* shorter : {"--steps 5", "--epochs 1"}) {
    const Outcome refused = train(std::string("--resume -o ") + path("run") + " " + shorter);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_NE(refused.err.find("is at step 7 already"), std::string::npos) << refused.err;
  }
  const auto config =
      nlohmann::json::parse(Safetensors::read(folder_ / "run/last.safetensors").metadata().at("config"));
  EXPECT_EQ(config.at("training.steps"), 7);
}

TEST_F(TrainCli, RelativePicturesAreFoundFromAnotherFolder) {
  std::filesystem::create_directories(folder_ / "runs/data");
  std::filesystem::create_directories(folder_ / "elsewhere");
  for (uint32_t i = 0; i < 4; ++i) write_phantom("runs/data/" + std::to_string(i) + ".png", i, 8, 16);
  const auto in = [&](const std::string& folder, const std::string& arguments) {
    return std::system(("cd '" + path(folder) + "' && '" + PRIMAL_PROGRAM + "' train -q " + arguments +
                        " > /dev/null 2> '" + path("err.txt") + "'")
                           .c_str());
  };
  ASSERT_EQ(in("runs", std::string("--steps 3 --data data -o a") + kTiny), 0);
  EXPECT_EQ(in("elsewhere", "--resume --steps 5 -o ../runs/a"), 0) << testing::text_of(path("err.txt"));
  EXPECT_EQ(column("runs/a", "step").size(), 5u);
  // And again from a third place.
  EXPECT_EQ(in(".", "--resume --steps 6 -o runs/a"), 0) << testing::text_of(path("err.txt"));
  // What is given wins.
  EXPECT_NE(in("elsewhere", "--resume --steps 7 -o ../runs/a --data nowhere"), 0);
}

TEST_F(TrainCli, WhatCanBeRefusedIsRefusedBeforeAnythingIsPrintedOrTried) {
  std::ofstream(path("file")) << "not a folder";
  for (const std::string& arguments :
       {std::string("-o ") + path("file/run"), std::string("-o ") + path("run") + " --init " + path("none"),
        std::string("-o ") + path("run") + " --data " + path("nowhere")}) {
    const Outcome o = train(arguments + kTiny);
    EXPECT_EQ(o.exit_code, 3) << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_FALSE(exists("run"));
  }
  for (const char* dry : {"--dry-run ", ""}) {
    const Outcome o = train(dry + ("--set training.graph=on -o " + path("run")) + kTiny);
    EXPECT_EQ(o.exit_code, 2) << o.err;
    EXPECT_TRUE(o.out.empty() && o.err.find("training.graph on is for devices") != std::string::npos)
        << o.out << o.err;
    EXPECT_FALSE(exists("run"));
  }
  EXPECT_EQ(train(std::string("-q --dry-run -o ") + path("deep/er/run") + kTiny).exit_code, 0);
  EXPECT_FALSE(exists("deep"));
}

TEST_F(TrainCli, AKeyWithoutItsValueIsExplained) {
  const Outcome o = train("--set training.steps 10 -o " + path("run"));
  EXPECT_EQ(o.exit_code, 2);
  EXPECT_NE(o.err.find("KEY=VALUE"), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("training.steps=..."), std::string::npos) << o.err;
}

TEST_F(TrainCli, AConflictOnResumeNamesInit) {
  ASSERT_EQ(train(std::string("-q --steps 2 -o ") + path("run") + kTiny).exit_code, 0);
  const Outcome o = train("--resume --set noise.high=0.9 -o " + path("run"));
  EXPECT_EQ(o.exit_code, 2);
  EXPECT_NE(o.err.find("--init " + path("run/last.safetensors")), std::string::npos) << o.err;
}

TEST_F(TrainCli, ValidatesEverySoManySteps) {
  ASSERT_EQ(
      train(std::string("-q --steps 7 --set training.validate_every=3 -o ") + path("run") + kTiny).exit_code,
      0);
  Strings steps;
  const Strings psnr = column("run", "validation_psnr_db"), step = column("run", "step");
  for (size_t i = 0; i < psnr.size(); ++i) {
    if (!psnr[i].empty()) steps.push_back(step[i]);
  }
  EXPECT_EQ(steps, (Strings{"3", "6", "7"}));
}

TEST_F(TrainCli, TheEndNamesTheBestAndTheNextCommand) {
  const Outcome o = train(std::string("--steps 5 -o ") + path("run") + kTiny);
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_NE(o.err.find("best: " + path("run/best.safetensors")), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("next: primal evaluate " + path("run/best.safetensors")), std::string::npos) << o.err;
  const Outcome data = train(std::string("--json -q --overwrite --steps 5 -o ") + path("run") + kTiny);
  EXPECT_EQ(nlohmann::json::parse(data.out).at("best_step"), 5);
}

TEST_F(TrainCli, TheHelpAsksForCleanPictures) {
  EXPECT_NE(train("--help").out.find("CLEAN pictures"), std::string::npos);
}

}  // namespace
}  // namespace primal
