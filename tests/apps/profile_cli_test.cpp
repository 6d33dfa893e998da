// `primal profile` and `primal tune` through the program.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/cli.h"

namespace primal {
namespace {

using testing::Outcome;

constexpr const char* kQuick = " --rounds 1 --min-time 0";

class ProfileCli : public testing::Cli {
 protected:
  // A configuration of a small model.
  std::string small_config() const {
    std::ofstream(path("small.toml"))
        << "[data]\nsize = 32\n[model]\nfilters = 16\nblocks = 1\niterations = 4\n";
    return path("small.toml");
  }
};

size_t widest_line(const std::string& text) {
  size_t widest = 0;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) widest = std::max(widest, line.size());
  return widest;
}

TEST_F(ProfileCli, AnOpOnTheNetworksShapes) {
  const Outcome table = run(std::string("profile conv3d --shape e0b --shape u0 --size 32") + kQuick);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* part : {"roofs: FMA", "conv3d e0b", "conv3d u0", "backward_weights", "*winograd",
                           " blocked", " reference", "h32 w32 k1,3,3"})
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  EXPECT_LE(widest_line(table.out), 100u) << table.out;

  const Outcome json =
      run(std::string("profile conv3d pdhg --shape e0a --shape fixed_steps --size 32 --json -q") + kQuick);
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(json.err.empty()) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_GT(report.at("roofs").at("fma_all_threads_gflop_s").at("best").get<double>(), 0.0);
  for (const auto& row : report.at("rows")) {
    EXPECT_TRUE(row.at("ok").get<bool>());
    EXPECT_GT(row.at("ms").get<double>(), 0.0);
    EXPECT_GT(row.at("gb_s").get<double>(), 0.0);
    EXPECT_GT(row.at("share_of_roof").get<double>(), 0.0);
  }
  const auto of_a_library = [](const auto& row) { return row.at("implementation") == "onednn"; };
  EXPECT_EQ(std::ssize(report.at("rows")) - std::ranges::count_if(report.at("rows"), of_a_library),
            8 + 4);  // forward and backward_weights of four; forward and backward of two
}

TEST_F(ProfileCli, AForcedImplementationIsTheOnlyOneAndTheOneThatIsChosen) {
  const Outcome json =
      run(std::string("profile conv3d --shape e0b --size 32 --impl conv3d=winograd --json -q") + kQuick);
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  for (const auto& row : report.at("rows")) EXPECT_EQ(row.at("implementation"), "winograd");
}

TEST_F(ProfileCli, AStepIsAccountedForAndTraced) {
  const Outcome step =
      run("profile --step --rounds 2 --config " + small_config() + " --trace " + path("t.json") + " --all");
  ASSERT_EQ(step.exit_code, 0) << step.err;
  for (const char* part : {"pdhg.backward", "conv3d_leaky_relu.backward_data",
                           "cnn.decoder.0.double_conv.conv_block.0", "adam", "wall time", "unaccounted"})
    EXPECT_NE(step.out.find(part), std::string::npos) << part << "\n" << step.out;
  EXPECT_LE(widest_line(step.out), 112u) << step.out;
  const auto trace = nlohmann::json::parse(testing::text_of(path("t.json")));
  EXPECT_GT(trace.at("traceEvents").size(), 50u);

  const std::string again = "profile --step --config " + small_config() + " --trace ";
  EXPECT_EQ(run(again + path("t.json")).exit_code, 3);  // it exists
  // A file that cannot be written is reported before anything is measured.
  const Outcome no_folder = run(again + path("t.json/t.json"));
  EXPECT_EQ(no_folder.exit_code, 3);
  EXPECT_EQ(no_folder.err.find("measuring"), std::string::npos) << no_folder.err;
  EXPECT_EQ(run(again + path("new/t.json") + " --rounds 1").exit_code, 0);

  const Outcome json = run("profile --step --rounds 2 --json --config " + small_config());
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("run"), "step");
  EXPECT_GT(report.at("accounted").get<double>(), 0.5);
  EXPECT_GT(report.at("rows").size(), 30u);
}

TEST_F(ProfileCli, AReportIsAPageInOneFile) {
  const std::string step = "profile --step --size 32 --config " + small_config() + kQuick;
  const Outcome o = run(step + " --report " + path("step.html") + " --figure " + path("step.svg") +
                        " --figure-data " + path("step.csv"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const std::string page = testing::text_of(folder_ / "step.html");
  for (const char* part : {"Where the time goes", "Implementations side by side", "Machine and roofs", "pdhg",
                           "<svg", "multiply-adds, all threads", "primal profile --step"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find("src=\"http"), std::string::npos);
  EXPECT_NE(testing::text_of(folder_ / "step.svg").find("<svg"), std::string::npos);
  // Every layer that computes is a point under the roofs.
  const nlohmann::json rows = nlohmann::json::parse(run(step + " --json -q").out).at("rows");
  const auto computes = [](const nlohmann::json& row) {
    return row.at("flops").get<double>() > 0.0 && row.at("bytes").get<double>() > 0.0;
  };
  std::istringstream data(testing::text_of(folder_ / "step.csv"));
  int64_t n_points = 0;
  for (std::string line; std::getline(data, line);)
    n_points += line.starts_with("1.1,") && line.find(",point,") != std::string::npos;
  EXPECT_EQ(n_points, std::ranges::count_if(rows, computes));
  const Outcome again = run(step + " --report " + path("step.html"));
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_NE(again.err.find("--overwrite"), std::string::npos) << again.err;
  EXPECT_EQ(run(step + " --report " + path("step.txt")).exit_code, 2);
  EXPECT_EQ(run(step + " --device simt --report " + path("simt.html")).exit_code, 2);
  const Outcome ops =
      run(std::string("profile conv3d --shape e0b --size 32 --report ") + path("ops.html") + kQuick);
  ASSERT_EQ(ops.exit_code, 0) << ops.err;
  EXPECT_NE(testing::text_of(folder_ / "ops.html").find("winograd *"), std::string::npos);
}

TEST_F(ProfileCli, ADenoisingOfACheckpoint) {
  ASSERT_EQ(run("train " + small_config() +
                " --steps 1 --set data.n_train=2 --set data.n_validation=1 -q -o " + path("run"))
                .exit_code,
            0);
  // What ran is in the checkpoint.
  const std::string checkpoint = testing::text_of(path("run/last.safetensors"));
  for (const char* part : {"implementations", "backward_weights", "n1 c1 o16 d1 h32 w32 k1,3,3", "axes3,4"})
    EXPECT_NE(checkpoint.find(part), std::string::npos) << part;
  const Outcome json =
      run("profile --denoise " + path("run/last.safetensors") + " --size 40 --rounds 1 --json -q");
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("run"), "denoise");
  for (const auto& row : report.at("rows")) EXPECT_EQ(row.at("phase"), "forward") << row.dump();
  EXPECT_EQ(run("profile --denoise " + path("none.safetensors")).exit_code, 3);
}

TEST_F(ProfileCli, HelpHasExamples) {
  for (const char* command : {"profile", "tune"}) {
    const Outcome help = run(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_NE(help.out.find("Examples:"), std::string::npos) << command;
    EXPECT_NE(help.out.find("--plan"), std::string::npos) << command;
  }
}

TEST_F(ProfileCli, MistakesAreTwo) {
  for (const char* arguments :
       {"profile conv4d", "profile thesis_model", "profile conv3d --shape e9z", "profile --step --denoise",
        "profile conv3d --step", "profile conv3d --trace t.json", "profile --size 12", "profile --rounds 0",
        "tune conv4d", "tune relu", "tune --impl conv3d=blocked"}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments << "\n" << outcome.err;
    EXPECT_FALSE(outcome.err.empty()) << arguments;
  }
  EXPECT_NE(run("profile conv3d --shape e9z").err.find("e0a e0b"), std::string::npos);
}

TEST_F(ProfileCli, PredictsADividedStepForANetworkThatIsNamed) {
  const std::string named = "profile --collective --network 2,0.3,24 --config " + small_config() + kQuick;
  const Outcome table = run(named + " --predict-ranks 1,2,8 --batch 4");
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* part : {"network as given: latency 2.000 us", "4 pictures a step on all ranks together",
                           "1 picture a step on each rank", "efficiency"})
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  EXPECT_LE(widest_line(table.out), 100u) << table.out;

  const Outcome json =
      run(named + " --predict-ranks 1,512 --share 2 --step-ms 3 --json -q -o " + path("p.json"));
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(json.err.empty()) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("network").at("latency_us"), 2.0);
  const auto& rows = report.at("predicted").at("fixed_share");
  EXPECT_EQ(rows.at(1).at("batch"), 1024);
  // A bucket in two phases and the agreement, each with 510 further messages.
  EXPECT_GT(rows.at(1).at("messages_ms"), 3 * 510 * 0.3e-3);
  EXPECT_LT(rows.at(1).at("messages_ms"), 4 * 510 * 0.3e-3);
  EXPECT_LT(rows.at(1).at("efficiency"), rows.at(0).at("efficiency"));
  EXPECT_NEAR(report.at("parts").at(0).at("before_ms").get<double>() +
                  report.at("parts").at(0).at("backward_ms").get<double>() +
                  report.at("parts").at(0).at("after_ms").get<double>(),
              3.0, 1e-6);
  EXPECT_EQ(nlohmann::json::parse(testing::text_of(path("p.json"))), report);
  EXPECT_EQ(run(named + " --predict-ranks 1 -q -o " + path("p.json")).exit_code, 3) << "it is there already";
}

TEST_F(ProfileCli, MessagesNeedSeveralRanks) {
  const Outcome alone = run("profile --collective");
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_NE(alone.err.find("mpirun -n 2 primal profile --collective"), std::string::npos) << alone.err;
  const std::string named = "profile --collective --network ";
  for (const std::string& mistake :
       {named + "2,0.3,24", named + "2,0.3 --predict-ranks 2", named + "2,0.3,0 --predict-ranks 2",
        named + "2,nan,1 --predict-ranks 2", named + "2,0.3,24 --predict-ranks 2 --step",
        named + "2,0.3,24 --predict-ranks 2 conv3d", named + "2,0.3,24 --predict-ranks 2 --trace t.json",
        named + "2,0.3,24 --predict-ranks 0", named + "2,0.3,24 --predict-ranks 2,x",
        std::string("profile --predict-ranks 2"), std::string("profile conv3d --network 1,1,1")}) {
    const Outcome outcome = run(mistake + kQuick);
    EXPECT_EQ(outcome.exit_code, 2) << mistake << "\n" << outcome.err;
  }
}

TEST_F(ProfileCli, ATunedPlanIsUsedAndWhatDoesNotFitIsSaid) {
  const std::string plan = path("plan.json");
  const Outcome tuned = run("tune -o " + plan + " --config " + small_config() + kQuick);
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_LE(widest_line(tuned.out), 100u) << tuned.out;
  auto json = nlohmann::json::parse(testing::text_of(plan));
  EXPECT_EQ(json.at("format"), "primal-plan");
  EXPECT_GE(json.at("entries").size(), 10u);
  for (const std::string& place : {plan, plan + "/plan.json", path("") + " --overwrite"}) {
    const Outcome refused = run("tune -o " + place + " --config " + small_config() + kQuick);
    EXPECT_EQ(refused.exit_code, 3) << place;
    EXPECT_NE(refused.err.find("primal: [output]"), std::string::npos) << refused.err;
    EXPECT_EQ(refused.err.find("conv3d"), std::string::npos) << refused.err;  // nothing was measured
  }

  // Whatever the machine found fastest: from here on it is the reference, which no rule would take.
  for (auto& entry : json["entries"]) entry["implementation"] = "reference";
  std::ofstream(plan) << json.dump();
  const auto implementations = [&](const std::string& options) {
    const Outcome outcome =
        run("profile --denoise --rounds 1 --json -q --config " + small_config() + options);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::set<std::string> names;
    const auto report = nlohmann::json::parse(outcome.out);
    for (const auto& row : report.at("rows")) {
      if (row.at("op") == "conv3d") names.insert(row.at("implementation").get<std::string>());
    }
    return names;
  };
  EXPECT_EQ(implementations(""), (std::set<std::string>{"blocked", "streamed"}));
  EXPECT_EQ(implementations(" --plan " + plan), std::set<std::string>{"reference"});
  EXPECT_EQ(implementations(" --impl conv3d=blocked --plan " + plan), std::set<std::string>{"blocked"});

  const auto warned = run("check scale --plan " + plan);
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_EQ(warned.err.find("warning"), std::string::npos) << warned.err;
  json["machine"]["cpu"] = "an abacus";
  std::ofstream(plan) << json.dump();
  const auto other = run("check scale --plan " + plan);
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_NE(other.err.find("an abacus"), std::string::npos) << other.err;

  json["entries"][0]["implementation"] = "magic";
  std::ofstream(plan) << json.dump();
  const auto bad = run("check scale --plan " + plan);
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_NE(bad.err.find("entries[0].implementation"), std::string::npos) << bad.err;
  EXPECT_EQ(run("check scale --plan " + path("none.json")).exit_code, 3);
}

}  // namespace
}  // namespace primal
