// Parts of a list: each item once, whatever the order of the list, and what a cluster's environment says.
#include "apps/shards/shard.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

#include "tensor/error.h"

namespace primal {
namespace {

using Names = std::vector<std::string>;

Environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return {};
    return found->second;
  };
}
const Environment kEmpty = with({});

Names part(const Names& names, const Shard& shard) {
  return part_of(names, shard, [](const std::string& name) { return name; });
}

std::string error_of(const std::string& text, const Environment& environment = kEmpty) {
  try {
    parse_shard(text, environment);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Shard, PartsHaveEachItemOnceWhateverTheOrderOfTheList) {
  const Names names{"d", "a", "g", "c", "b", "f", "e"}, sorted{"a", "b", "c", "d", "e", "f", "g"};
  std::multiset<std::string> all;
  for (int64_t k = 1; k <= 3; ++k) {
    const Names mine = part(names, {k, 3});
    EXPECT_GE(mine.size(), 2U);
    EXPECT_LE(mine.size(), 3U);
    Names of_sorted = part(sorted, {k, 3}), mine_sorted = mine;
    std::ranges::sort(mine_sorted);
    EXPECT_EQ(mine_sorted, of_sorted);
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all, (std::multiset<std::string>{"a", "b", "c", "d", "e", "f", "g"}));
  EXPECT_EQ(part(names, {1, 3}), (Names{"d", "a", "g"})) << "in the order of the list";
  EXPECT_EQ(part(names, {9, 9}), Names{}) << "more parts than items: some are empty";
}

TEST(Shard, IsReadFromText) {
  EXPECT_EQ(parse_shard("3/16", kEmpty), (Shard{3, 16}));
  EXPECT_EQ(parse_shard("1/1", kEmpty), Shard{});
  EXPECT_EQ((Shard{3, 16}.str()), "3/16");
  EXPECT_EQ(error_of("3"), "[--shard] expects K/N, as 3/16, or auto; found '3'");
  for (const char* text : {"", "/", "3/", "/16", "a/b", "1/2/3", "1.5/2", " 1/2", "+1/2"})
    EXPECT_NE(error_of(text).find("expects K/N"), std::string::npos) << text;
  EXPECT_EQ(error_of("17/16"),
            "[--shard] 17/16: part 17 of 16; there are 1 to 1000000 parts, numbered from 1");
  for (const char* text : {"0/16", "-1/16", "1/0", "1/-3", "1/1000001"})
    EXPECT_NE(error_of(text).find("numbered from 1"), std::string::npos) << text;
}

TEST(Shard, AutoTakesTheNumbersOfACluster) {
  EXPECT_EQ(parse_shard("auto", with({{"SLURM_ARRAY_TASK_ID", "2"}, {"SLURM_ARRAY_TASK_COUNT", "4"}})),
            (Shard{3, 4}));
  const std::map<std::string, std::string> every_second_from_5{{"SLURM_ARRAY_TASK_ID", "9"},
                                                               {"SLURM_ARRAY_TASK_COUNT", "4"},
                                                               {"SLURM_ARRAY_TASK_MIN", "5"},
                                                               {"SLURM_ARRAY_TASK_STEP", "2"}};
  EXPECT_EQ(parse_shard("auto", with(every_second_from_5)), (Shard{3, 4}));
  EXPECT_EQ(parse_shard("auto", with({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "8"}})),
            (Shard{1, 8}));
  EXPECT_EQ(parse_shard("auto", with({{"PMI_RANK", "7"}, {"PMI_SIZE", "8"}})), (Shard{8, 8}));
  EXPECT_EQ(parse_shard("auto", with({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}})), (Shard{2, 2}));
}

TEST(Shard, EachRankOfEachTaskOfAnArrayHasAPartOfItsOwn) {
  std::set<int64_t> numbers;
  for (const char* task : {"0", "1", "2"}) {
    for (const char* rank : {"0", "1"}) {
      const Shard shard = parse_shard("auto", with({{"SLURM_ARRAY_TASK_ID", task},
                                                    {"SLURM_ARRAY_TASK_COUNT", "3"},
                                                    {"SLURM_PROCID", rank},
                                                    {"SLURM_NTASKS", "2"}}));
      EXPECT_EQ(shard.count, 6);
      numbers.insert(shard.number);
    }
  }
  EXPECT_EQ(numbers, (std::set<int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Shard, AutoSaysWhatIsMissingOrWrong) {
  EXPECT_NE(error_of("auto").find("neither a job array of Slurm"), std::string::npos);
  EXPECT_EQ(error_of("auto", with({{"PMI_RANK", "x"}, {"PMI_SIZE", "2"}})),
            "[--shard] auto: PMI_RANK is 'x', expected a whole number");
  EXPECT_NE(
      error_of("auto", with({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}})).find("PMI_RANK is 2, but PMI_SIZE is 2"),
      std::string::npos);
}

}  // namespace
}  // namespace primal
