// `primal profile --predict h200` through the program.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/cli.h"
#include "support/text.h"

namespace primal {
namespace {

using testing::has;
using testing::Outcome;

class PredictCli : public testing::Cli {
 protected:
  std::string small_config() const {
    std::ofstream(path("small.toml"))
        << "[data]\nsize = 64\n[model]\nfilters = 8\nblocks = 2\niterations = 16\n";
    return path("small.toml");
  }
};

TEST_F(PredictCli, AStepLaunchByLaunch) {
  const std::string step = "profile --step --predict h200 --config " + small_config();
  const Outcome table = run(step);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* part : {"training step of 64 x 64 pixels, batch 1, T = 16", "predicted us", "pdhg_forward",
                           "adam_step", "conv3d_forward_tiled", "nothing measured"})
    EXPECT_TRUE(has(table.out, part)) << part << "\n" << table.out;
  EXPECT_FALSE(has(table.out, "measured us")) << table.out;

  const Outcome json = run(step + " --precision tf32 --json -q");
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(json.err.empty()) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("predicted_for"), "h200");
  EXPECT_EQ(report.at("not_counted"), 0);
  EXPECT_FALSE(report.contains("measured"));
  double low = 0.0;
  bool tensor_core = false;
  for (const auto& launch : report.at("launches")) {
    low += launch.at("predicted_us").at("low").get<double>();
    tensor_core = tensor_core || launch.at("name") == "conv3d_forward_tensor_core";
  }
  EXPECT_TRUE(tensor_core);
  EXPECT_NEAR(report.at("predicted_us").at("low").get<double>(), low, 1e-6);
}

TEST_F(PredictCli, AnOpWithAnImplementation) {
  const Outcome json =
      run("profile conv3d --predict h200 --shape e0b --impl conv3d=tensor_core_3x --json -q");
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("predicted_for"), "h200");
  ASSERT_EQ(report.at("runs").size(), 1u);
  EXPECT_EQ(report.at("runs")[0].at("launches")[0].at("kernel"), "product_kernel<3, false, 3>");
}

TEST_F(PredictCli, RefusesWhatItCannotPredict) {
  const Outcome other = run("profile --step --predict v100");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_TRUE(has(other.err, "there is one of h200")) << other.err;
  EXPECT_EQ(run("profile --step --predict h200 --device cpu").exit_code, 2);
  EXPECT_EQ(run("profile --denoise --predict h200").exit_code, 2);
  EXPECT_EQ(run("profile --collective --predict h200").exit_code, 2);
  EXPECT_EQ(run("profile --step --predict h200 --report " + path("step.html")).exit_code, 2);
  EXPECT_EQ(run("profile --step pdhg --predict h200").exit_code, 2);
}

}  // namespace
}  // namespace primal
