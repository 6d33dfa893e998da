#include "apps/training/config.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

std::filesystem::path write_toml(const std::string& text) {
  static const testing::TemporaryFolder folder;
  const auto path = folder / "test.toml";
  std::ofstream(path) << text;
  return path;
}

std::string error_of(const std::string& text) {
  TrainConfig config;
  try {
    read_config(config, write_toml(text));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Config, AFileChangesWhatItNames) {
  TrainConfig config;
  read_config(config, write_toml("seed = 7\n[model]\nfilters = 16\nup_bound = 1\nlearn_steps = false\n"
                                 "[noise]\nkind = 'absolute'\n"));
  EXPECT_EQ(config.seed, 7);
  EXPECT_EQ(config.model.filters, 16);
  EXPECT_EQ(config.model.up_bound, 1.0);  // an integer may stand for a real number
  EXPECT_FALSE(config.model.learn_steps);
  EXPECT_EQ(config.noise.kind, "absolute");
  EXPECT_EQ(config.model.blocks, 3);
}

TEST(Config, AnUnknownKeyNamesItsPlaceAndTheNearestKey) {
  const std::string message = error_of("seed = 1\n[model]\nfliters = 16\n");
  EXPECT_NE(message.find("test.toml:3:1:"), std::string::npos) << message;  // the key, not its value
  EXPECT_NE(message.find("did you mean 'model.filters'?"), std::string::npos) << message;
}

TEST(Config, WrongTypesRangesChoicesAndSyntaxAreRefused) {
  EXPECT_NE(error_of("[model]\nfilters = 'many'").find("must be a whole number, 1 to 1024; found 'many'"),
            std::string::npos);
  EXPECT_NE(error_of("[model]\nfilters = 1.5").find("must be a whole number, 1 to 1024; found 1.5"),
            std::string::npos);
  EXPECT_NE(error_of("[model]\nfilters = 0").find("must be a whole number, 1 to 1024; found 0"),
            std::string::npos);
  EXPECT_NE(error_of("[training]\nlearning_rate = nan").find("must be a number, 0 to 10; found nan"),
            std::string::npos);
  EXPECT_NE(
      error_of("[noise]\nkind = 'salt'").find("must be one of relative, absolute, unclipped; found 'salt'"),
      std::string::npos);
  EXPECT_NE(error_of("[model\nfilters = 2").find(":1:"), std::string::npos);
  EXPECT_NE(error_of("seed = [1, 2]").find("found a value of another kind"), std::string::npos);
}

TEST(Config, AFloatInThePlaceOfAnIntegerIsCalledOne) {
  EXPECT_NE(error_of("[training]\nsteps = 1e3\n")
                .find("test.toml:2:9: training.steps needs an integer; 1e3 is a float: write 1000"),
            std::string::npos)
      << error_of("[training]\nsteps = 1e3\n");
  EXPECT_NE(error_of("seed = 7.0").find("seed needs an integer; 7.0 is a float: write 7"), std::string::npos);
  EXPECT_NE(error_of("training = {batch = 2.0, steps = 3}").find("training.batch needs an integer; 2.0 is"),
            std::string::npos);
  TrainConfig config;
  EXPECT_THROW(set_config(config, "training.steps=1e3"), ConfigError);
}

TEST(Config, AssignmentsOnTheCommandLineFollowTheSameRules) {
  TrainConfig config;
  set_config(config, "model.filters=8");
  set_config(config, "data.folder=some/where");
  set_config(config, "model.learn_steps=false");
  EXPECT_EQ(config.model.filters, 8);
  EXPECT_EQ(config.data.folder, "some/where");
  EXPECT_FALSE(config.model.learn_steps);
  EXPECT_THROW(set_config(config, "model.filters"), ConfigError);
  EXPECT_THROW(set_config(config, "model.filter=8"), ConfigError);
  EXPECT_THROW(set_config(config, "model.filters=eight"), ConfigError);
}

TEST(Config, CheckpointsFromBeforeTheBoundaryArePeriodic) {
  nlohmann::json old = config_to_json(TrainConfig{});
  old.erase("model.boundary");
  EXPECT_EQ(config_from_json(old).model.boundary, "periodic");
  TrainConfig quick, thesis;
  read_config(quick, "configs/quick.toml");
  read_config(thesis, "configs/thesis.toml");
  EXPECT_EQ(quick.model.boundary, "symmetric");
  EXPECT_EQ(thesis.model.boundary, "periodic");
  EXPECT_THROW(set_config(quick, "model.boundary=free"), ConfigError);
}

TEST(Config, SurvivesTheWayThroughACheckpoint) {
  TrainConfig config;
  config.model.filters = 5;
  config.noise.high = 0.25;
  config.data.folder = "a \"b\"";
  const TrainConfig back = config_from_json(config_to_json(config));
  EXPECT_EQ(config_to_json(back), config_to_json(config));
  EXPECT_THROW(config_from_json(nlohmann::json::parse("[1]")), DataError);
}

}  // namespace
}  // namespace primal
