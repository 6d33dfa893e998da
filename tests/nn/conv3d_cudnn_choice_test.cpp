// Which of the algorithms in a list are tried, and in which order; lists are made up, so neither
// cuDNN nor a device is needed.
#include "nn/conv3d/libraries/conv3d_cudnn_choice.h"

#include <gtest/gtest.h>

namespace primal::cuda {
namespace {

struct Entry {
  int algo;
  size_t memory;
  bool deterministic = true;
};
using Order = std::vector<int>;

Order tried(const std::vector<Entry>& list, std::optional<int> wanted = {}) {
  Order order;
  for (const Entry& e :
       algorithms_to_try(list, wanted, [](const Entry& entry) { return entry.deterministic; }))
    order.push_back(e.algo);
  return order;
}

constexpr size_t kMiB = size_t{1} << 20;

TEST(CudnnChoice, KeepsTheOrderOfTheListAndLeavesOutWhatMayNotRun) {
  EXPECT_EQ(tried({{4, kMiB}, {1, 0, false}, {6, 32 * kMiB}, {0, 0}}), (Order{4, 6, 0}));
  EXPECT_EQ(tried({}), Order{});
  EXPECT_EQ(tried({{1, 0, false}}), Order{});
}

TEST(CudnnChoice, TriesWhatNeedsMuchMemoryLastAndTheLeastOfItFirst) {
  EXPECT_EQ(tried({{7, 300 * kMiB}, {5, 33 * kMiB}, {1, 8 * kMiB}, {0, 0}}), (Order{1, 0, 5, 7}));
}

TEST(CudnnChoice, TriesTheOneThatIsAskedForFirstWhateverItNeeds) {
  EXPECT_EQ(tried({{1, 0}, {5, 300 * kMiB}}, 5), (Order{5, 1}));
  EXPECT_EQ(tried({{1, 0}, {5, 0, false}}, 5), (Order{1})) << "not deterministic";
  EXPECT_EQ(tried({{1, 0}}, 9), (Order{1})) << "not in the list";
}

TEST(CudnnChoice, GoesOnToTheNextWhereOneRefusesAndForgetsThatOne) {
  std::vector<Entry> order{{3, 0}, {1, 0}, {2, 0}};
  Order ran;
  const auto refuses_3 = [&](const Entry& e) {
    ran.push_back(e.algo);
    return e.algo != 3;
  };
  EXPECT_TRUE(run_first(order, refuses_3));
  EXPECT_EQ(ran, (Order{3, 1}));
  ASSERT_EQ(order.size(), 2U);
  EXPECT_EQ(order[0].algo, 1);

  EXPECT_FALSE(run_first(order, [](const Entry&) { return false; }));
  EXPECT_TRUE(order.empty()) << "nothing is left to try the next time";
  EXPECT_FALSE(run_first(order, refuses_3));
}

}  // namespace
}  // namespace primal::cuda
