// What `primal tune` chooses, and the plan file that keeps it.
#include "apps/profile/tune.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/ops/register_ops.h"
#include "apps/plans/plan_file.h"
#include "apps/profile/device_hold.h"
#include "apps/profile/training_step.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

const OpInfo& op(const char* name) { return *registered_ops().find(name); }

PlanFile small_plan() {
  return {"1.2.3",
          Device::Kind::cpu,
          "some machine",
          "some processor",
          "AVX2",
          2,
          {{{"conv3d", "forward", "n1 c16 o16 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1", "winograd"},
            {{"blocked", 2.0}, {"winograd", 1.5}}},
           {{"pdhg", "backward", "n1 d1 h32 w32 axes3,4", "reference"}, {}}}};
}

TEST(PlanFile, IsReadAsItWasWritten) {
  const testing::TemporaryFolder folder;
  write_plan(folder / "plan.json", small_plan());
  const PlanFile back = read_plan(folder / "plan.json", registered_ops());
  EXPECT_EQ(to_json(back), to_json(small_plan()));
  EXPECT_EQ(back.plan()->find("conv3d", "forward", small_plan().entries[0].choice.geometry), "winograd");
  EXPECT_EQ(back.plan()->find("conv3d", "backward_data", small_plan().entries[0].choice.geometry), "");
}

TEST(PlanFile, ForcesWhatRuns) {
  const std::string geometry = "n1 c16 o16 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1";
  const OpCase op_case = op("conv3d").geometry.as_case(geometry);
  const ImplementationScope scope({}, small_plan().plan());
  op("conv3d").run({make_inputs(op_case, DType::f32), op_case.attrs, {}, "planned", {}});
  EXPECT_EQ(scope.choices(),
            (std::vector<ImplementationChoice>{{"conv3d", "forward", geometry, "winograd"}}));
  EXPECT_EQ(to_json(scope.choices())[0].at("implementation"), "winograd");
}

TEST(PlanFile, ErrorsNameFileKeyAndPlace) {
  const testing::TemporaryFolder folder;
  const auto message = [&](const std::function<void(nlohmann::json&)>& spoil) {
    nlohmann::json json = to_json(small_plan());
    spoil(json);
    std::ofstream(folder / "bad.json") << json.dump();
    return testing::message_of<DataError>([&] { read_plan(folder / "bad.json", registered_ops()); });
  };
  const auto expect = [&](const std::string& part, const std::function<void(nlohmann::json&)>& spoil) {
    const std::string text = message(spoil);
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
    EXPECT_NE(text.find("bad.json"), std::string::npos) << text;
  };
  using J = nlohmann::json;
  expect("'format'", [](J& j) { j["format"] = "x"; });
  expect("'format'", [](J& j) { j = J::array(); });
  expect("version 1", [](J& j) { j["version"] = 1; });
  expect("build is missing", [](J& j) { j.erase("build"); });
  expect("machine.cpu", [](J& j) { j["machine"]["cpu"] = 3; });
  expect("machine.threads", [](J& j) { j["machine"]["threads"] = 0; });
  expect("device.kind must be cpu or cuda", [](J& j) { j["device"]["kind"] = "simt"; });
  expect("winograd does not support", [](J& j) { j["device"]["kind"] = "cuda"; });
  expect("'entries' must be a list", [](J& j) { j["entries"] = 1; });
  expect("entries[1].op is missing", [](J& j) { j["entries"][1].erase("op"); });
  expect("entries[0].op: unknown op 'conv4d'", [](J& j) { j["entries"][0]["op"] = "conv4d"; });
  expect("one implementation", [](J& j) { j["entries"][0]["op"] = "relu"; });
  expect("no implementation 'magic'; it has: ", [](J& j) { j["entries"][0]["implementation"] = "magic"; });
  expect("has no phase 'sideways'", [](J& j) { j["entries"][0]["phase"] = "sideways"; });
  expect("geometry 'n1'", [](J& j) { j["entries"][0]["geometry"] = "n1"; });
  expect("winograd does not support",
         [](J& j) { j["entries"][0]["geometry"] = "n1 c2 o2 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1"; });
  expect("milliseconds", [](J& j) { j["entries"][0]["milliseconds"] = "fast"; });
  std::ofstream(folder / "bad.json") << "{\"format\": ";
  EXPECT_TRUE(testing::message_of<DataError>([&] {
                read_plan(folder / "bad.json", registered_ops());
              }).ends_with("bad.json is not JSON from byte 12 on: not a file of `primal tune`"));
  EXPECT_THROW(read_plan(folder / "none.json", registered_ops()), IoError);
}

TEST(PlanFile, AnotherMachineOrBuildIsNamed) {
  const PlanFile here = plan_file_here(Device{});
  PlanFile plan = small_plan();
  std::string all;
  for (const std::string& line : plan_warnings(plan, here)) all += line + "\n";
  EXPECT_NE(all.find("some processor"), std::string::npos);
  EXPECT_NE(all.find(here.cpu), std::string::npos);
  EXPECT_NE(all.find("1.2.3"), std::string::npos);
  EXPECT_TRUE(plan_warnings(here, here).empty());
}

TEST(PlanFile, OfADeviceCountsThereAlone) {
  PlanFile plan = small_plan();
  EXPECT_NO_THROW(require_kind(plan, "plan.json", Device{}));
  EXPECT_THROW(require_kind(plan, "plan.json", Device::simt()), ConfigError);
  plan.device = Device::Kind::cuda;
  plan.device_name = "a device";
  EXPECT_NO_THROW(require_kind(plan, "plan.json", Device::cuda(1)));
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] { require_kind(plan, "plan.json", Device{}); }),
      "[plan] plan.json was measured on cuda (a device) and says nothing about cpu; give --device cuda, "
      "or no --plan");
  // Only the device itself matters, not the machine around it.
  PlanFile here = plan;
  here.cpu = "another processor";
  EXPECT_TRUE(plan_warnings(plan, here).empty());
  here.device_name = "another device";
  EXPECT_EQ(plan_warnings(plan, here).size(), 1u);
}

TEST(Tune, ChoosesNothingThatIsWrong) {
  const auto measured = [](const char* implementation, double ms, bool ok) {
    OpMeasurement row;
    row.op = "conv3d";
    row.implementation = implementation;
    row.ms = {.median = ms, .low = 0.99 * ms, .high = 1.01 * ms, .best = ms, .n = 5};
    row.ok = ok;
    return row;
  };
  const auto chosen = [](const std::vector<OpMeasurement>& rows) {
    return choose_fastest(rows, "winograd", 0.03).choice.implementation;
  };
  const auto rule = measured("winograd", 1.0, true), reference = measured("reference", 9.0, true);
  EXPECT_EQ(chosen({rule, reference}), "winograd");
  EXPECT_EQ(chosen({rule, measured("blocked", 0.99, true), reference}), "winograd");  // noise
  EXPECT_EQ(chosen({rule, measured("blocked", 0.5, true), reference}), "blocked");
  EXPECT_EQ(chosen({rule, measured("blocked", 0.5, false), reference}), "winograd");
  EXPECT_EQ(chosen({measured("winograd", 1.0, false), reference}), "reference");  // the rule's own is wrong
  EXPECT_THROW(chosen({measured("winograd", 1.0, false)}), CheckFailed);
}

TEST(Tune, MeasuresEachGeometryOfARunAndTakesNothingThatIsNotDeterministic) {
  const std::string geometry = "n1 c16 o16 d1 h16 w16 k1,3,3 s1,1,1 p0,1,1";
  const std::vector<ImplementationChoice> ran = {{"conv3d", "backward_weights", geometry, "blocked"},
                                                 {"conv3d", "forward", geometry, "blocked"},
                                                 {"relu", "forward", "x", "reference"}};
  int geometries = 0;
  const auto count = [&](const std::string&, const std::string&) { ++geometries; };
  const std::vector<TuneRow> rows =
      tune(registered_ops(), ran, {.rounds = 2, .min_time_ms = 0.0}, 0.03, count);
  EXPECT_EQ(geometries, 1);
  ASSERT_EQ(rows.size(), 2u);
  for (const TuneRow& row : rows) {
    EXPECT_EQ(row.by_rule, "winograd");
    EXPECT_EQ(row.ms.size(), 4u);
    EXPECT_GT(row.ms.at(row.choice.implementation), 0.0);
    EXPECT_LE(row.ms.at(row.choice.implementation), row.ms.at("winograd"));
  }
  OpInfo shaky = op("conv3d");
  for (ImplementationInfo& i : shaky.implementations) i.deterministic = i.name != "winograd";
  OpRegistry ops;
  ops.add(shaky);
  for (const TuneRow& row : tune(ops, ran, {.rounds = 1, .min_time_ms = 0.0}, 0.03, count))
    EXPECT_EQ(row.ms.count("winograd"), 0u);
}

TEST(DeviceHold, TakesTheTimeThatIsAskedForOfWhateverAClockSays) {
  EXPECT_EQ(hold_rounds(1000, 500.0, 2.0), 4000);  // 0.5 us a round
  EXPECT_EQ(hold_rounds(1000, 1e9, 2.0), 1);
  EXPECT_EQ(hold_rounds(1000, 0.0, 1e9), kMostHoldRounds);
  DeviceHold(Device{}, 2.0).begin();  // nothing to hold where the host computes
}

}  // namespace
}  // namespace primal
