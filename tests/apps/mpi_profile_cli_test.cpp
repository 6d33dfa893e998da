// primal profile --collective through mpirun. Skipped where there is no mpirun.
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::EnvironmentVariable;
using testing::has;
using testing::Outcome;

class MpiProfile : public testing::Cli {
 protected:
  void SetUp() override {
    if (std::string(PRIMAL_MPIRUN).empty()) GTEST_SKIP() << "this build has no MPI (Debian: libopenmpi-dev)";
    if (!fs::exists(PRIMAL_MPIRUN)) GTEST_SKIP() << PRIMAL_MPIRUN << " is not here (Debian: openmpi-bin)";
    const Outcome probe = launch(2, "", "true");
    if (probe.exit_code != 0) GTEST_SKIP() << "mpirun starts nothing here: " << probe.err;
    std::ofstream(path("small.toml"))
        << "[data]\nsize = 16\n[model]\nfilters = 4\nblocks = 1\niterations = 4\n";
  }
  Outcome launch(int n, const std::string& arguments, const std::string& program = PRIMAL_PROGRAM) const {
    const std::string line = std::string(PRIMAL_MPIRUN) + " -n " + std::to_string(n) + " " + program + " " +
                             arguments + " > '" + path("out.txt") + "' 2> '" + path("err.txt") + "'";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, testing::text_of(path("out.txt")),
            testing::text_of(path("err.txt"))};
  }
  Outcome profile(int n, const std::string& arguments) const {
    return launch(
        n, "profile --collective --rounds 5 --min-time 0 --config " + path("small.toml") + " " + arguments);
  }

 private:
  // Tests run as root in containers, with more ranks than processors.
  const EnvironmentVariable root_{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
      sure_{"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}, crowded_{"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      one_{"PRIMAL_THREADS", "1"};
};

TEST_F(MpiProfile, MessagesAndAStepOnTwoAndFourRanks) {
  for (const int n : {2, 4}) {
    const Outcome outcome =
        profile(n, "-q --json --step --batch 4 --predict-ranks 1,64 --overwrite -o " + path("r.json"));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const nlohmann::json report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report.at("ranks"), n);
    EXPECT_EQ(report.at("nodes"), 1);
    const nlohmann::json& fit = report.at("messages").at("fit");
    EXPECT_GT(fit.at("latency_us"), 0.0);
    EXPECT_GT(fit.at("gb_s"), 0.0);
    EXPECT_EQ(fit.at("further_messages_are_fitted"), n > 2);
    size_t n_all_reduce = 0;
    for (const auto& row : report.at("messages").at("rows")) {
      EXPECT_GT(row.at("us"), 0.0);
      if (row.at("operation") == "all_reduce") ++n_all_reduce;
    }
    EXPECT_GE(n_all_reduce, 8U);
    EXPECT_GT(report.at("step").at("measured").at("step").at("ms"), 0.0);
    EXPECT_GT(report.at("step").at("measured").at("processor_ms_of_all_ranks"), 0.0);
    EXPECT_GE(report.at("step").at("predicted").at("step_ms"),
              report.at("step").at("predicted").at("compute_ms"));
    EXPECT_EQ(report.at("predicted").at("fixed_share").at(1).at("ranks"), 64);
    EXPECT_EQ(report.at("predicted").at("fixed_batch").size(), 1U) << "64 ranks have no share of 4 pictures";
    EXPECT_EQ(nlohmann::json::parse(testing::text_of(path("r.json"))), report);
  }
}

TEST_F(MpiProfile, PrintsATableOnceAndNoWiderThanOthers) {
  const Outcome outcome = profile(2, "--step --batch 2 --predict-ranks 1,2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("[ranks] 2 ranks on ")) << outcome.err;
  for (const char* part : {"messages between 2 ranks on 1 node", "fit: latency", "measured ms predicted ms",
                           "hidden behind backward", "1 picture a step on each rank"})
    EXPECT_EQ(outcome.out.find(part), outcome.out.rfind(part)) << part;
  EXPECT_TRUE(has(outcome.out, "fit: latency"));
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST_F(MpiProfile, AnErrorIsSaidOnce) {
  const Outcome few = profile(4, "-q --step --batch 2");
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_TRUE(has(few.err, "4 ranks, but a step of 2 pictures: give --batch 4 or more")) << few.err;
  std::ofstream(path("there.json")) << "mine";
  const Outcome there = profile(2, "-q -o " + path("there.json"));
  EXPECT_EQ(there.exit_code, 3);
  EXPECT_TRUE(has(there.err, "exists; give --overwrite")) << there.err;
  EXPECT_EQ(testing::text_of(path("there.json")), "mine");
  for (const Outcome& outcome : {few, there})
    EXPECT_EQ(outcome.err.find("primal: "), outcome.err.rfind("primal: ")) << outcome.err;
}

// Messages of other sizes than expected would be written past the end of a buffer.
TEST_F(MpiProfile, RanksWithOtherOptionsDoNotBegin) {
  const std::string one =
      "profile --collective --step --rounds 5 --min-time 0 --config " + path("small.toml");
  for (const char* other : {" --batch 4", " --size 32", ""}) {
    const std::string second = *other == 0 ? "profile --collective" : one + other;
    const Outcome o = launch(1, one + " --batch 2 : -n 1 " + PRIMAL_PROGRAM + " " + second);
    EXPECT_EQ(o.exit_code, 2) << other << o.err;
    EXPECT_TRUE(has(o.err, "all ranks must measure alike")) << o.err;
  }
}

}  // namespace
}  // namespace primal
