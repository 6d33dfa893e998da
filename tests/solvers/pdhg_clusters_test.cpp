// PDHG with one cluster of blocks for each picture, on the emulation: the same bits as one launch for
// each iteration, for every k and tile; no race; and the faults that such an exchange invites,
// planted one by one, are found.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <span>

#include "solvers/pdhg/cuda/pdhg_clusters_forward.h"
#include "solvers/pdhg_bits.h"
#include "support/text.h"
#include "tensor/simt/emulated_device.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

using testing::found_in, testing::has, testing::named, testing::PdhgCase, testing::PdhgResult,
    testing::PdhgRun, testing::run;

// Small tiles, of few threads. Without their halo: 56 x 4 pixels, 24 x 4, 48 x 2, 40 x 4.
using Wide4 = simt::ClusterTile<4, 4, 2, 6, 2>;
using Narrow4 = simt::ClusterTile<4, 4, 3, 4, 1>;
using Wide8 = simt::ClusterTile<8, 8, 3, 6, 2>;
using Wide12 = simt::ClusterTile<12, 12, 7, 4, 2>;
using EachIteration = simt::ClusterTile<1, 4, 3, 4, 1>;  // a halo wider than need be
using ThreeIterations = simt::ClusterTile<3, 4, 2, 6, 2>;

const PdhgCase kCases[] = {
    {{2, 1, 1, 13, 40}, 19, {2, 1, 1, 13, 40}},                     // several tiles, the last one not whole
    {{3, 1, 1, 5, 57}, 9, {3, 2, 1, 5, 57}, PdhgStart::zero},       // one row and one column more than tiles
    {{1, 1, 1, 16, 56}, 16, {1, 1, 1, 16, 56}},                     // whole tiles, whole chunks
    {{5, 1, 1, 7, 9}, 17, {5, 1, 1, 7, 9}},                         // a batch of smaller pictures than a tile
    {{2, 1, 3, 4, 18}, 11, {2, 2, 3, 4, 18}},                       // slices
    {{1, 1, 1, 2, 150}, 13, {1, 2, 1, 2, 150}},                     // wide
    {{2, 1, 1, 20, 5}, 8, {2, 1, 1, 20, 5}, PdhgStart::zero},       // tall
    {{2, 1, 1, 1, 1}, 13, {2, 1, 1, 1, 1}},                         // one pixel, its own neighbour
    {{2, 1, 1, 1, 40}, 10, {2, 1, 1, 1, 40}},                       // one row
    {{1, 1, 1, 20, 1}, 10, {1, 2, 1, 20, 1}},                       // one column
    {{2, 1, 1, 9, 11}, 1, {2, 1, 1, 9, 11}},                        // fewer iterations than any other k
    {{2, 1, 1, 9, 11}, 0, {2, 1, 1, 9, 11}},                        // none
    {{2, 1, 1, 12, 21}, 24, {2, 1, 1, 12, 21}, {}, 0.9, 0.7, 1.0},  // steps beyond the rule
    {{2, 1, 1, 14, 60},
     24,
     {2, 1, 1, 14, 60},
     {},
     0.9,
     0.25,
     1.0,
     1e4},  // no bound is met: what is wrong spreads
    {{2, 1, 1, 10, 21}, 7, {2, 2, 1, 10, 21}, {}, 0.25, 0.25, -0.3},  // theta below zero
    {{2, 1, 1, 10, 50}, 9, {2, 1, 1, 1, 1}},                          // one weight for each picture
};

// Many blocks in a cluster, for devices.
const PdhgCase kLargeCases[] = {
    {{2, 1, 1, 256, 256}, 9, {2, 1, 1, 256, 256}},                    // 3 x 5 tiles
    {{3, 1, 1, 264, 280}, 13, {3, 2, 1, 264, 280}, PdhgStart::zero},  // 3 x 5 whole tiles
    {{2, 1, 1, 350, 220}, 6, {2, 1, 1, 350, 220}},                    // 4 x 4
    {{2, 1, 1, 30, 890}, 9, {2, 1, 1, 30, 890}},                      // 1 x 16
    {{1, 1, 2, 1400, 20}, 5, {1, 2, 2, 1400, 20}, PdhgStart::zero},   // 16 x 1, two slices
};

template <class Tile>
PdhgKernels<float> kernels_of() {
  PdhgKernels<float> kernels = simt::pdhg_overlapped.kernels;
  kernels.forward = [](const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                       const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
    if (!simt::clusters_forward<Tile>(exec, problem, params, fields, tape))
      throw CheckFailed("[pdhg] no cluster was launched");
  };
  return kernels;
}

struct Named {
  const char* tile;
  PdhgKernels<float> kernels;
};
const Named kTiles[] = {{"56x4", kernels_of<Wide4>()},
                        {"24x4", kernels_of<Narrow4>()},
                        {"48x2", kernels_of<Wide8>()},
                        {"40x4", kernels_of<Wide12>()},
                        {"24x4, k = 1", kernels_of<EachIteration>()},
                        {"56x4, k = 3", kernels_of<ThreeIterations>()}};

// Forward passes alone: the adjoint is that of the overlapped tiles. What is recorded is compared too.
PdhgKernels<float> without_adjoint(PdhgKernels<float> kernels) {
  kernels.adjoint = [](const Exec&, const PdhgProblem<float>&, const PdhgParams&, const PdhgTapeView<float>&,
                       View5<const float>, const PdhgGradients<float>&) {};
  return kernels;
}

void expect_the_bits_of_one_launch_for_each_iteration(const PdhgRun& options) {
  const PdhgKernels<float> fused = without_adjoint(simt::pdhg_fused.kernels);
  for (const PdhgCase& c : kCases) {
    const PdhgResult expected = run(fused, c, options);
    for (const Named& mine : kTiles) {
      const PdhgResult result = run(without_adjoint(mine.kernels), c, options);
      EXPECT_EQ(result.forward, expected.forward) << mine.tile << ": " << c;
      EXPECT_EQ(result.tape, expected.tape) << mine.tile << ": " << c;
    }
  }
}

TEST(PdhgClusters, HaveTheBitsOfOneLaunchForEachIteration) {
  expect_the_bits_of_one_launch_for_each_iteration({.tape = false});
  expect_the_bits_of_one_launch_for_each_iteration({.tape = false, .unset = false});
}

TEST(PdhgClusters, HaveTheseBitsWithATapeToo) {
  expect_the_bits_of_one_launch_for_each_iteration({.learnt = false});
  expect_the_bits_of_one_launch_for_each_iteration({.learnt = true});
}

// The implementation itself, of 512 threads a block.
TEST(PdhgClusters, TheOneThatIsChosenHasThemToo) {
  for (const PdhgCase& c :
       {PdhgCase{{2, 1, 1, 90, 60}, 9, {2, 1, 1, 90, 60}}, PdhgCase{{1, 1, 1, 6, 57}, 6, {1, 2, 1, 6, 57}}}) {
    const PdhgResult expected = run(simt::pdhg_fused.kernels, c);
    const PdhgResult result = run(simt::pdhg_clusters.kernels, c);
    EXPECT_EQ(result.forward, expected.forward) << c;
    EXPECT_EQ(result.tape, expected.tape) << c;
    EXPECT_EQ(result.gradients, expected.gradients) << c;
  }
}

TEST(PdhgClustersCuda, HaveTheBitsOfOneLaunchForEachIteration) {
  if (const std::string absent = cuda_status().absent; !absent.empty())
    GTEST_SKIP() << "needs a GPU: " << absent;
  const Device device = Device::cuda();
  const PdhgKernels<float> fused = without_adjoint(named("fused", device).kernels),
                           clusters = without_adjoint(named("clusters", device).kernels);
  const auto expect_same_bits = [&](const PdhgCase& c) {
    for (const PdhgRun& options :
         {PdhgRun{.tape = false, .device = device}, PdhgRun{.tape = false, .unset = false, .device = device},
          PdhgRun{.learnt = false, .device = device}, PdhgRun{.device = device}}) {
      const PdhgResult expected = run(fused, c, options);
      const PdhgResult result = run(clusters, c, options);
      EXPECT_EQ(result.forward, expected.forward) << c;
      EXPECT_EQ(result.tape, expected.tape) << c;
    }
  };
  std::ranges::for_each(kCases, expect_same_bits);
  std::ranges::for_each(kLargeCases, expect_same_bits);
}

TEST(PdhgClusters, EightyOneWeightsOfOnePictureInOneLaunch) {
  const PdhgCase c{{1, 1, 1, 6, 60}, 6, {81, 1, 1, 1, 1}, PdhgStart::zero};
  for (const PdhgKernels<float>& mine : {simt::pdhg_clusters.kernels, kernels_of<Wide4>()}) {
    const PdhgRun options{.tape = false, .learnt = false};
    EXPECT_EQ(run(mine, c, options).forward, run(simt::pdhg_fused.kernels, c, options).forward);
  }
}

// A launch of clusters meets no grid barrier, and each picture's blocks meet once in an exchange and once at
// the end.
TEST(PdhgClusters, APictureMeetsByItself) {
  const auto counters = [](const PdhgCase& c) {
    simt::Recording recording;
    run(kernels_of<Wide4>(), c, {.tape = false});
    for (const simt::LaunchRecord& launch : recording.launches()) {
      if (launch.counters.name == "pdhg_forward") return launch.counters;
    }
    return simt::LaunchCounters{};
  };
  const simt::LaunchCounters two = counters({{2, 1, 1, 13, 60}, 19, {2, 1, 1, 13, 60}});
  EXPECT_EQ(two.blocks, 2 * 4 * 2);
  EXPECT_EQ(two.grid_barriers, 0);
  EXPECT_EQ(two.cluster_barriers, two.blocks * 5);  // 19 iterations in five chunks
  const simt::LaunchCounters five = counters({{5, 1, 1, 13, 60}, 19, {5, 1, 1, 13, 60}});
  EXPECT_EQ(five.blocks, 5 * 4 * 2);
  EXPECT_EQ(five.cluster_barriers, five.blocks * 5);
}

TEST(PdhgClusters, AnOlderDeviceGetsOverlappedTiles) {
  const PdhgCase& c = kCases[0];
  const PdhgResult expected = run(simt::pdhg_fused.kernels, c);
  const simt::EmulatedSetting older(simt::emulated_capability, 8);
  EXPECT_EQ(run(simt::pdhg_clusters.kernels, c).forward, expected.forward);
  EXPECT_THROW(run(kernels_of<Wide4>(), c), CheckFailed);
}

TEST(PdhgClusters, AreForSeveralPicturesThatFitACluster) {
  const auto supports = [](const Shape& x, const Axes& axes) {
    return simt::pdhg_clusters.supports({x, axes});
  };
  EXPECT_TRUE(supports({2, 1, 1, 256, 256}, {3, 4}));
  EXPECT_TRUE(supports({81, 1, 1, 256, 256}, {3, 4}));
  EXPECT_TRUE(supports({1, 1, 7, 33, 45}, {3, 4}));  // slices are pictures
  EXPECT_TRUE(supports({2, 1, 1, 264, 280}, {3, 4}));
  EXPECT_TRUE(supports({2, 1, 1, 88, 16 * 56}, {3, 4}));
  EXPECT_FALSE(supports({2, 1, 1, 264, 281}, {3, 4}));
  EXPECT_FALSE(supports({2, 1, 1, 265, 280}, {3, 4}));
  EXPECT_FALSE(supports({1, 1, 1, 256, 256}, {3, 4}));
  EXPECT_FALSE(supports({0, 1, 1, 8, 8}, {3, 4}));
  EXPECT_FALSE(supports({2, 1, 3, 8, 8}, {2, 3, 4}));
  EXPECT_FALSE(supports({2, 1, 1, 8, 8}, {4, 3}));
  EXPECT_FALSE(supports({2, 1, 1, 1 << 20, 1 << 20}, {3, 4}));
}

TEST(PdhgClusters, HaveTheSameBitsInEveryOrderOfThreads) {
  simt::same_in_all_orders("clusters", [] {
    const PdhgResult result = run(without_adjoint(kernels_of<Wide4>()), kCases[0]);
    std::vector<uint32_t> bits = result.forward;
    bits.insert(bits.end(), result.tape.begin(), result.tape.end());
    return bits;
  });
}

TEST(PdhgClusters, HaveNoRaces) {
  for (const Named& mine : kTiles) {
    for (const PdhgCase& c : {kCases[0], kCases[4], kCases[7]}) {
      simt::Recording recording;
      run(without_adjoint(mine.kernels), c);
      require_no_races(recording.launches());
    }
  }
}

// ---- Faults, planted ----

// Two rows of two tiles. Every chunk has five of the 20 iterations, one more than the halo is wide; no bound
// is met.
const PdhgCase kOpen = {{2, 1, 1, 8, 70}, 20, {2, 1, 1, 8, 70}, PdhgStart::zero, 0.9, 0.25, 1.0, 1e4};

struct NoMeeting : Wide4 {
  static void cluster_meets() {}
};
struct NoMeetingAtTheEnd : Wide4 {
  static void cluster_ends() {}
};
struct OneRing : Wide4 {
  static constexpr int kRings = 1;
};

TEST(PdhgClusters, AHaloOneTooNarrowChangesTheResult) {
  const PdhgRun options{.tape = false};
  const PdhgResult expected = run(simt::pdhg_fused.kernels, kOpen, options);
  EXPECT_EQ(run(kernels_of<Wide4>(), kOpen, options).forward, expected.forward);
  EXPECT_NE(run(kernels_of<simt::ClusterTile<5, 4, 2, 6, 2>>(), kOpen, options).forward, expected.forward);
  EXPECT_NE(run(kernels_of<simt::ClusterTile<5, 4, 3, 4, 1>>(), kOpen, options).forward, expected.forward);
}

TEST(PdhgClusters, AMissingMeetingIsFound) {
  EXPECT_EQ(found_in(without_adjoint(kernels_of<Wide4>()), kOpen), "");
  // A block reads a ring that its neighbour has not written yet.
  const std::string exchange = found_in(without_adjoint(kernels_of<NoMeeting>()), kOpen);
  EXPECT_TRUE(has(exchange, "[pdhg_forward]")) << exchange;
  EXPECT_TRUE(has(exchange, "is read, but nothing has written it")) << exchange;
  // In a single chunk a block writes a field that its neighbour has not read yet. (That a block
  // may end before its neighbours have read its ring is not seen here: the emulation runs the
  // blocks of a cluster in step.)
  PdhgCase short_one = kOpen;
  short_one.T = 3;
  PdhgKernels<float> from_fields = without_adjoint(kernels_of<NoMeetingAtTheEnd>());
  from_fields.starts = false;
  const std::string one_chunk = found_in(from_fields, short_one);
  EXPECT_TRUE(has(one_chunk, "pdhg_forward")) << one_chunk;
  // A ring is written again before its neighbours have read it.
  const std::string ring = found_in(without_adjoint(kernels_of<OneRing>()), kOpen);
  EXPECT_TRUE(has(ring, "pdhg_forward")) << ring;
}

}  // namespace
}  // namespace primal
