// PDHG in overlapped tiles, on the emulation: the same bits as one launch for each iteration, for every k; no
// race; and the faults that such tiles invite, planted one by one, are found.
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <span>

#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"
#include "solvers/pdhg_bits.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

using testing::found_in, testing::named, testing::PdhgCase, testing::PdhgResult, testing::PdhgRun,
    testing::run;

// A block of the emulation keeps its tile in registers where the grid has at most four tiles, and
// takes several otherwise. A tile without its halo is 16 x 32 pixels with k = 8, 24 x 24 with
// k = 4, 8 x 64 with k = 12.
const PdhgCase kCases[] = {
    {{1, 1, 1, 40, 20}, 19, {1, 1, 1, 40, 20}},                     // four tiles, odd chunks
    {{1, 1, 1, 33, 17}, 25, {1, 2, 1, 33, 17}, PdhgStart::zero},    // one row and one column more than tiles
    {{1, 1, 1, 64, 32}, 16, {1, 1, 1, 64, 32}},                     // whole tiles, whole chunks
    {{2, 1, 1, 35, 29}, 17, {2, 1, 1, 35, 29}},                     // more tiles than blocks
    {{1, 1, 1, 3, 130}, 9, {1, 2, 1, 3, 130}},                      // wide
    {{3, 1, 1, 70, 5}, 8, {3, 1, 1, 70, 5}, PdhgStart::zero},       // tall
    {{2, 1, 3, 7, 18}, 11, {2, 2, 3, 7, 18}},                       // slices
    {{2, 1, 1, 1, 1}, 13, {2, 1, 1, 1, 1}},                         // one pixel, its own neighbour
    {{1, 1, 1, 1, 40}, 10, {1, 1, 1, 1, 40}},                       // one row
    {{1, 1, 1, 40, 1}, 10, {1, 2, 1, 40, 1}},                       // one column
    {{1, 1, 1, 9, 11}, 1, {1, 1, 1, 9, 11}},                        // fewer iterations than any k
    {{1, 1, 1, 9, 11}, 0, {1, 1, 1, 9, 11}},                        // none
    {{2, 1, 1, 20, 21}, 24, {2, 1, 1, 20, 21}, {}, 0.9, 0.7, 1.0},  // steps beyond the rule
    // No bound is met: what is wrong spreads.
    {{1, 1, 1, 70, 20}, 24, {1, 1, 1, 70, 20}, {}, 0.9, 0.25, 1.0, 1e4},
    {{1, 1, 1, 20, 21}, 7, {1, 2, 1, 20, 21}, {}, 0.25, 0.25, -0.3},  // theta below zero
};

const PdhgImplementation<float>* const kOverlapped[] = {&simt::pdhg_overlapped, &simt::pdhg_overlapped_4,
                                                        &simt::pdhg_overlapped_12};

void expect_the_bits_of_one_launch_for_each_iteration(std::span<const PdhgCase> cases,
                                                      const PdhgRun& options) {
  for (const PdhgCase& c : cases) {
    const PdhgResult expected = run(named("fused", options.device).kernels, c, options);
    for (const char* name : {"overlapped", "overlapped_4", "overlapped_12"}) {
      const PdhgResult result = run(named(name, options.device).kernels, c, options);
      EXPECT_EQ(result.forward, expected.forward) << name << c;
      EXPECT_EQ(result.tape, expected.tape) << name << c;
      EXPECT_EQ(result.gradients, expected.gradients) << name << c;
      ASSERT_EQ(result.steps.size(), expected.steps.size());
      for (size_t i = 0; i < expected.steps.size(); ++i)  // doubles, added up in another order
        EXPECT_NEAR(result.steps[i], expected.steps[i], 1e-6 * std::abs(expected.steps[i]) + 1e-6) << c;
    }
  }
}

TEST(PdhgOverlapped, HasTheBitsOfOneLaunchForEachIteration) {
  expect_the_bits_of_one_launch_for_each_iteration(kCases, {});
}

TEST(PdhgOverlapped, HasTheseBitsWithFixedStepsAndWithoutATapeToo) {
  const auto few = std::span(kCases).first(4);
  expect_the_bits_of_one_launch_for_each_iteration(few, {.learnt = false, .want_z = false});
  expect_the_bits_of_one_launch_for_each_iteration(few, {.tape = false});
  expect_the_bits_of_one_launch_for_each_iteration(few, {.unset = false});
}

TEST(PdhgOverlappedCuda, HasTheBitsOfOneLaunchForEachIteration) {
  if (const std::string absent = cuda_status().absent; !absent.empty())
    GTEST_SKIP() << "needs a GPU: " << absent;
  expect_the_bits_of_one_launch_for_each_iteration(kCases, {.device = Device::cuda()});
  expect_the_bits_of_one_launch_for_each_iteration(kCases, {.learnt = false, .device = Device::cuda()});
  expect_the_bits_of_one_launch_for_each_iteration(kCases, {.tape = false, .device = Device::cuda()});
}

TEST(PdhgOverlapped, HasTheSameBitsInEveryOrderOfThreads) {
  simt::same_in_all_orders("overlapped", [] {
    PdhgResult result = run(simt::pdhg_overlapped.kernels, kCases[0]);
    result.forward.insert(result.forward.end(), result.gradients.begin(), result.gradients.end());
    for (const double step : result.steps)
      result.forward.push_back(std::bit_cast<uint32_t>(static_cast<float>(step)));
    return result.forward;
  });
}

TEST(PdhgOverlapped, HasNoRaces) {
  for (const PdhgImplementation<float>* mine : kOverlapped) {
    for (const PdhgCase& c : {kCases[0], kCases[3], kCases[7]}) {
      simt::Recording recording;
      run(mine->kernels, c);
      require_no_races(recording.launches());
    }
  }
}

TEST(PdhgOverlapped, LeavesOtherAxesAndHugePicturesToOthers) {
  const auto supports = [](const Shape& x, const Axes& axes) {
    return simt::pdhg_overlapped.supports({x, axes});
  };
  EXPECT_TRUE(supports({5, 1, 3, 257, 255}, {3, 4}));
  EXPECT_FALSE(supports({1, 1, 3, 8, 8}, {2, 3, 4}));
  EXPECT_FALSE(supports({1, 1, 1, 8, 8}, {4, 3}));
  EXPECT_FALSE(supports({1, 1, 1, 8, 8}, {4}));
  EXPECT_FALSE(supports({1, 1, 1, 1 << 15, 1 << 15}, {3, 4}));
}

// ---- Faults, planted ----

using Right = simt::OverlappedTile<8, 8, 12, 4>;
using HaloOneTooNarrow = simt::OverlappedTile<9, 8, 12, 4>;
struct NoBarrierOfTheBlock : Right {
  static void block_meets() {}
};
struct NoBarrierOfTheGrid : Right {
  static void grid_meets() {}
};

// Four tiles. Every chunk has nine of the 18 iterations, one more than the halo is wide; no bound is met.
const PdhgCase kOpen = {{1, 1, 1, 40, 20}, 18, {1, 1, 1, 40, 20}, PdhgStart::zero, 0.9, 0.25, 1.0, 1e4};

TEST(PdhgOverlapped, AHaloOneTooNarrowChangesTheResult) {
  const PdhgResult expected = run(simt::pdhg_fused.kernels, kOpen);
  const auto with = [](auto forward, auto adjoint) {
    return run({forward, adjoint, simt::pdhg_add_reduced}, kOpen);
  };
  const auto forward = simt::overlapped_forward<Right>;
  const auto adjoint = simt::overlapped_adjoint<Right>;
  const PdhgResult right = with(forward, adjoint);
  EXPECT_EQ(right.forward, expected.forward);
  EXPECT_EQ(right.gradients, expected.gradients);
  EXPECT_NE(with(simt::overlapped_forward<HaloOneTooNarrow>, adjoint).forward, expected.forward);
  EXPECT_NE(with(forward, simt::overlapped_adjoint<HaloOneTooNarrow>).gradients, expected.gradients);
}

TEST(PdhgOverlapped, AMissingBarrierIsFound) {
  const auto of = [](auto forward, auto adjoint) {
    return PdhgKernels<float>{forward, adjoint, simt::pdhg_add_reduced};
  };
  const auto forward = simt::overlapped_forward<Right>;
  const auto adjoint = simt::overlapped_adjoint<Right>;
  EXPECT_EQ(found_in(of(forward, adjoint), kCases[0]), "");
  const auto expect_found = [](const std::string& what, const char* kernel, const char* part) {
    EXPECT_EQ(what.find(kernel), 1U) << what;
    EXPECT_NE(what.find(part), std::string::npos) << what;
  };
  // Whoever comes first reads what nobody has written.
  expect_found(found_in(of(simt::overlapped_forward<NoBarrierOfTheBlock>, adjoint), kCases[0]),
               "pdhg_forward", "edges[0][1][0][0] is read, but nothing has written it");
  expect_found(found_in(of(forward, simt::overlapped_adjoint<NoBarrierOfTheBlock>), kCases[0]),
               "pdhg_adjoint", "edges[0][1][0][0] is read, but nothing has written it");
  expect_found(found_in(of(simt::overlapped_forward<NoBarrierOfTheGrid>, adjoint), kCases[0]), "pdhg_forward",
               "of a buffer of 800 is read, but nothing has written it");
  expect_found(found_in(of(forward, simt::overlapped_adjoint<NoBarrierOfTheGrid>), kCases[0]), "pdhg_adjoint",
               "of a buffer of 800 is read, but nothing has written it");
  // In so few iterations the grid meets only at the end, before the 3 sums for the steps, each of 12 warps of
  // 4 tiles.
  const PdhgCase one_chunk = {{1, 1, 1, 40, 20}, 8, {1, 1, 1, 40, 20}};
  EXPECT_EQ(found_in(of(forward, adjoint), one_chunk), "");
  expect_found(found_in(of(forward, simt::overlapped_adjoint<NoBarrierOfTheGrid>), one_chunk), "pdhg_adjoint",
               "of a buffer of 144 is read, but nothing has written it");
}

TEST(PdhgOverlapped, TheQuotientInThreeOperationsIsTheQuotient) {
  std::mt19937 random(1);
  const auto any = [&](int lowest, int highest) {  // a mantissa, an exponent and a sign
    const auto exponent = std::uniform_int_distribution<int>(lowest, highest)(random);
    const float mantissa =
        std::bit_cast<float>(static_cast<uint32_t>(0x3F800000U | (random() & 0x807FFFFFU)));
    return std::ldexp(mantissa, exponent);
  };
  for (int i = 0; i < 300; ++i) {
    const simt::Divisor divisor(i == 0 ? 1.0F + 1.0F / 3.0F : std::abs(any(-20, 20)));
    for (int j = 0; j < 3000; ++j) {
      const float x = j == 0 ? 0.0F : any(-100, 99);
      ASSERT_EQ(std::bit_cast<uint32_t>(divisor.divide(x)), std::bit_cast<uint32_t>(x / divisor.value))
          << x << " / " << divisor.value;
    }
  }
}

}  // namespace
}  // namespace primal
