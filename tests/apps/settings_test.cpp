// Where values come from, and which of them win.
#include "apps/training/settings.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/training/schedule.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

using testing::message_of;

class SettingsTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  const testing::TemporaryFolder folder_;
};

std::string origin(const Settings& s, const std::string& key) {
  const auto found = s.origins.find(key);
  return found == s.origins.end() ? "default" : found->second;
}

TEST_F(SettingsTest, FlagsWinOverTheEnvironmentOverTheFileOverDefaults) {
  const auto file = write("c.toml", "seed = 1\n[model]\nfilters = 4\nblocks = 1\n[training]\nsteps = 10\n");
  Settings s;
  apply_file(s, file);
  const char* environment[] = {"PATH=/bin", "PRIMAL_MODEL_FILTERS=5", "PRIMAL_MODEL_BLOCKS=2",
                               "PRIMAL_THREADS=2", nullptr};
  apply_environment(s, environment);
  apply_flags(s, {{"model.blocks=3", "--set"}});
  EXPECT_EQ(s.config.seed, 1);
  EXPECT_EQ(s.config.model.filters, 5);
  EXPECT_EQ(s.config.model.blocks, 3);
  EXPECT_EQ(s.config.training.batch, 1);
  EXPECT_EQ(origin(s, "seed"), file.string() + ":1");
  EXPECT_EQ(origin(s, "training.steps"), file.string() + ":6");
  EXPECT_EQ(origin(s, "model.filters"), "environment");
  EXPECT_EQ(origin(s, "model.blocks"), "--set");
  EXPECT_EQ(origin(s, "training.batch"), "default");
}

TEST_F(SettingsTest, EveryKeyHasAVariable) {
  TrainConfig defaults;
  for (const ConfigKey& key : config_keys(defaults)) {
    Settings s;
    // Numbers and flags read back what they are; texts too, without quotes.
    const auto* text = std::get_if<std::string*>(&key.place);
    const std::string variable =
        environment_name(key.name) + "=" + (text != nullptr ? **text : toml_value(key));
    const char* environment[] = {variable.c_str(), nullptr};
    apply_environment(s, environment);
    EXPECT_EQ(origin(s, key.name), "environment") << variable;
    EXPECT_EQ(config_to_json(s.config), config_to_json(TrainConfig{})) << variable;
  }
}

TEST_F(SettingsTest, VariablesThatLookLikeKeysAreErrorsOthersAreNot) {
  const auto error_of = [](const std::string& variable) {
    return message_of<ConfigError>([&] {
      Settings s;
      const char* environment[] = {variable.c_str(), nullptr};
      apply_environment(s, environment);
    });
  };
  EXPECT_NE(error_of("PRIMAL_TRAINING_STEP=3").find("did you mean PRIMAL_TRAINING_STEPS?"),
            std::string::npos);
  EXPECT_NE(error_of("PRIMAL_TRANING_STEPS=3").find("did you mean PRIMAL_TRAINING_STEPS?"),
            std::string::npos);
  EXPECT_NE(error_of("PRIMAL_MODEL_COLOUR=3").find("is not a key"), std::string::npos);
  EXPECT_NE(error_of("PRIMAL_SEEED=3").find("did you mean PRIMAL_SEED?"), std::string::npos);
  EXPECT_NE(error_of("PRIMAL_MODEL_FILTERS=many").find("PRIMAL_MODEL_FILTERS"), std::string::npos);
  EXPECT_NE(error_of("PRIMAL_MODEL_FILTERS=0").find("must be a whole number, 1 to 1024; found 0"),
            std::string::npos);
  EXPECT_NE(error_of("PRIMAL_SEED=1\nmodel.filters=3").find("must be a whole number"), std::string::npos);
  for (const char* other : {"PRIMAL_THREADS=2", "PRIMAL_DATA=/x", "PRIMAL_GOLDEN=/x", "PRIMAL_WERROR=ON",
                            "PRIMAL_PROGRAM=p", "PRIMAL_CUDA=ON", "PRIMAL_TESTS=ON", "XPRIMAL_SEEED=1"}) {
    EXPECT_EQ(error_of(other), "") << other;
  }
}

TEST_F(SettingsTest, EpochsOfALaterLayerDecideOverStepsOfAnEarlierOne) {
  Settings s;
  apply_file(s, write("c.toml", "[training]\nsteps = 10\nepochs = 3\n"));
  EXPECT_EQ(s.config.training.steps, 10);
  apply_flags(s, {{"training.epochs=7", "--epochs"}});
  EXPECT_EQ(s.config.training.steps, 0);
  EXPECT_EQ(origin(s, "training.steps"), "--epochs");
  apply_flags(s, {{"training.epochs=7", "--epochs"}, {"training.steps=5", "--steps"}});
  EXPECT_EQ(s.config.training.steps, 5);
}

TEST_F(SettingsTest, TheTomlReadsBackWithEveryValueAndOrigin) {
  Settings s;
  apply_flags(s, {{"data.folder=a \"b\" \\ \tc", "--data"},
                  {"noise.low=1e-7", "--set"},
                  {"noise.high=1", "--set"},
                  {"model.learn_steps=false", "--set"}});
  const std::string toml = to_toml(s);
  EXPECT_NE(toml.find("high = 1.0  # --set\n"), std::string::npos) << toml;
  EXPECT_NE(toml.find("seed = 42  # default\n"), std::string::npos) << toml;
  Settings back;
  apply_file(back, write("out.toml", toml));
  EXPECT_EQ(config_to_json(back.config), config_to_json(s.config));
  EXPECT_EQ(back.origins.size(), task_keys(back.config).size());
}

TEST_F(SettingsTest, AResumedTrainingHasTheCheckpointsSettings) {
  TrainConfig checkpoint;
  checkpoint.seed = 5;
  checkpoint.model.filters = 7;
  checkpoint.training.steps = 100;
  checkpoint.output = "elsewhere";
  std::vector<std::string> changes;
  const Settings same = resumed({}, checkpoint, "x", changes);
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(same.config.model.filters, 7);
  EXPECT_EQ(same.config.output, TrainConfig{}.output);

  Settings given;
  apply_flags(given, {{"training.steps=200", "--steps"}, {"model.filters=7", "--set"}, {"output=o", "-o"}});
  const Settings more = resumed(given, checkpoint, "x", changes);
  EXPECT_EQ(more.config.training.steps, 200);
  EXPECT_EQ(more.config.seed, 5);
  EXPECT_EQ(more.config.output, "o");
  EXPECT_EQ(changes,
            std::vector<std::string>{"training.steps: 100 in the checkpoint, 200 from now on (--steps)"});
}

TEST_F(SettingsTest, WhatMayNotChangeIsListedWithBothValues) {
  TrainConfig checkpoint;
  Settings given;
  apply_flags(given, {{"model.filters=7", "--set"},
                      {"seed=1", "--seed"},
                      {"noise.kind=absolute", "--set"},
                      {"training.steps=3", "--steps"}});
  std::vector<std::string> changes;
  const std::string message =
      message_of<ConfigError>([&] { resumed(given, checkpoint, "a/last.safetensors", changes); });
  EXPECT_NE(message.find("a/last.safetensors"), std::string::npos) << message;
  EXPECT_NE(message.find("model.filters: 32 in the checkpoint, 7 given (--set)"), std::string::npos)
      << message;
  EXPECT_NE(message.find("seed: 42 in the checkpoint, 1 given (--seed)"), std::string::npos) << message;
  EXPECT_NE(message.find("noise.kind: \"relative\" in the checkpoint, \"absolute\" given"),
            std::string::npos);
  EXPECT_EQ(message.find("training.steps"), std::string::npos) << message;
}

TEST(NearestName, CountsLettersInsertedRemovedAndReplaced) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(nearest_name({"filters", "blocks"}, "block"), "blocks");
  EXPECT_EQ(name_meant({"model.filters", "seed"}, "model.fliters"), "model.filters");
  EXPECT_EQ(name_meant({"seed", "model.filters"}, "filters"), "model.filters");
  EXPECT_EQ(name_meant({"seed", "model.filters"}, "model"), "");
}

TEST(Schedule, GoesFromTheFirstRateToTheLastAlongACosine) {
  EXPECT_EQ(learning_rate_at(1e-3, 0.0, 7, 10), 1e-3);  // 0: constant
  EXPECT_DOUBLE_EQ(learning_rate_at(1e-3, 1e-5, 1, 11), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate_at(1e-3, 1e-5, 6, 11), (1e-3 + 1e-5) / 2);  // cos(pi / 2) = 0
  EXPECT_DOUBLE_EQ(learning_rate_at(1e-3, 1e-5, 11, 11), 1e-5);
  EXPECT_DOUBLE_EQ(learning_rate_at(1.0, 0.2, 3, 7), 0.2 + 0.8 * 0.75);  // cos(pi / 3) = 1/2
  EXPECT_EQ(learning_rate_at(1e-3, 1e-5, 1, 1), 1e-3);
}

}  // namespace
}  // namespace primal
