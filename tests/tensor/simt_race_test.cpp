// Kernels with a planted race each, and beside it the one that is right, under a Recording.
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "tensor/error.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/simt.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::simt {
namespace {

constexpr unsigned kAllLanes = ~0U;

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// What run() launches, recorded in every order of the threads: the first race of each order, all alike or
// none.
template <class Run>
std::vector<std::string> races_of(const Run& run) {
  std::vector<std::string> races;
  for (const Schedule& schedule : schedules()) {
    const ScheduleScope scope(schedule);
    const Recording recording;
    run();
    std::string text;
    for (const LaunchRecord& launch : recording.launches()) {
      for (const Race& race : launch.races) text += race.str() + "\n";
    }
    races.push_back(text);
  }
  return races;
}

template <class Run>
void expect_race_in_all_orders(const Run& run, const std::string& part) {
  for (const std::string& races : races_of(run)) EXPECT_HAS(races, part);
}
template <class Run>
void expect_none_in_all_orders(const Run& run) {
  for (const std::string& races : races_of(run)) EXPECT_EQ(races, "");
}

// A Global is watched if it is made while a Recording lives, so from the buffer at each launch.
template <class T>
Global<T> argument(Buffer<T>* buffer) {
  return global(buffer->span());
}
inline int argument(int value) { return value; }

template <class... Params, class... Args>
auto run_of(const Launch& at, void (*kernel)(Params...), Args... args) {
  return [=] { launch(Exec{}, at, kernel, argument(args)...); };
}

template <bool with_barrier>
__global__ void passes_on(Global<float> y) {
  PRIMAL_SHARED(float, tile, [2][32]);
  const unsigned row = threadIdx.x / 32, column = threadIdx.x % 32;
  tile[row][column] = 1.0f;
  __syncthreads();
  tile[row][column] += 1.0f;
  if constexpr (with_barrier) __syncthreads();
  y[threadIdx.x] = tile[1 - row][column];
}

TEST(SimtRace, BetweenTheWarpsOfABlockInSharedMemory) {
  Buffer<float> y(64);
  const Launch at{.name = "passes_on", .block = 64};
  expect_none_in_all_orders(run_of(at, passes_on<true>, &y));
  for (const std::string& races : races_of(run_of(at, passes_on<false>, &y))) {
    EXPECT_HAS(races, "tile[");
    EXPECT_HAS(races, "writes it at simt_race_test.cpp:");
    EXPECT_HAS(races, "reads it at simt_race_test.cpp:");
    EXPECT_HAS(races, "block (0,0,0), thread (");
  }
}

template <bool with_barrier>
__global__ void neighbours(Global<float> y) {
  PRIMAL_SHARED(float, s, [32]);
  const unsigned lane = threadIdx.x;
  s[lane] = static_cast<float>(lane);
  __syncthreads();
  s[lane] += 1.0f;
  if constexpr (with_barrier) __syncwarp();
  y[lane] = s[lane ^ 1U];
}

template <bool through_vote>
__global__ void neighbours_after_exchange(Global<float> y) {
  PRIMAL_SHARED(float, s, [32]);
  const unsigned lane = threadIdx.x;
  s[lane] = 1.0f;
  const int all = through_vote ? __all_sync(kAllLanes, 1) : __shfl_sync(kAllLanes, 1, 0);
  y[lane] = s[lane ^ 1U] * static_cast<float>(all);
}

// Lanes 0-15 meet, then lanes 8-23: what lane 0 wrote is known to lane 20 by way of lane 8.
__global__ void by_way_of_others(Global<float> y) {
  PRIMAL_SHARED(float, s, [32]);
  const unsigned lane = threadIdx.x;
  if (lane == 0) s[0] = 1.0f;
  if (lane < 16) __syncwarp(0x0000FFFFU);
  if (lane >= 8 && lane < 24) __syncwarp(0x00FFFF00U);
  if (lane == 20) y[0] = s[0];
}
// Lane 28 took part in neither.
__global__ void by_no_way(Global<float> y) {
  PRIMAL_SHARED(float, s, [32]);
  const unsigned lane = threadIdx.x;
  s[lane] = 0.0f;
  __syncthreads();
  if (lane == 0) s[0] = 1.0f;
  if (lane < 16) __syncwarp(0x0000FFFFU);
  if (lane == 28) y[0] = s[0];
}

TEST(SimtRace, BetweenTheLanesOfAWarpThatForgetSyncwarp) {
  Buffer<float> y(32);
  const Launch at{.name = "neighbours", .block = 32};
  expect_none_in_all_orders(run_of(at, neighbours<true>, &y));
  expect_race_in_all_orders(run_of(at, neighbours<false>, &y), "s[");
  expect_none_in_all_orders(run_of(at, by_way_of_others, &y));
  expect_race_in_all_orders(run_of(at, by_no_way, &y), "s[0]: block (0,0,0), thread (");
}

TEST(SimtRace, ExchangesAndVotesOrderNoMemory) {
  Buffer<float> y(32);
  const Launch at{.name = "neighbours", .block = 32};
  expect_race_in_all_orders(run_of(at, neighbours_after_exchange<false>, &y), "s[");
  expect_race_in_all_orders(run_of(at, neighbours_after_exchange<true>, &y), "s[");
}

__global__ void last_block_wins(Global<float> y) {
  if (threadIdx.x == 7) y[3] = static_cast<float>(blockIdx.x);
}
__global__ void adds_to_one_element(GlobalView<float, 2> y, int column) { y(blockIdx.x, column) += 1.0f; }
__global__ void reads_what_others_write(Global<float> y) {
  if (blockIdx.x == 0) y[threadIdx.x] = 1.0f;
  if (blockIdx.x == 1 && threadIdx.x == 5) y[100] = y[5];
}
template <bool atomic>
__global__ void counts(Global<int> y) {
  if (atomic || blockIdx.x > 0)
    atomicAdd(y, 1);
  else if (threadIdx.x == 0)
    y[0] = y[0] + 1;
}

TEST(SimtRace, BetweenIndependentBlocksInGlobalMemory) {
  Buffer<float> y(std::vector<float>(101, 0.0f));
  expect_race_in_all_orders(run_of({.name = "last", .grid = 3, .block = 32}, last_block_wins, &y),
                            "element 3 of a buffer of 101: block (");
  expect_race_in_all_orders(run_of({.name = "reads", .grid = 2, .block = 32}, reads_what_others_write, &y),
                            "element 5 of a buffer of 101: ");
}

TEST(SimtRace, InAViewIsNamedAtItsUse) {
  Buffer<float> y(std::vector<float>(6, 0.0f));
  const auto run = [&](unsigned threads) {
    return [&, threads] {
      const View<float, 2> view{y.span().data(), {2, 3}};
      launch(Exec{}, {.name = "adds", .grid = 2, .block = threads}, adds_to_one_element, global(view), 1);
    };
  };
  expect_none_in_all_orders(run(1));
  expect_race_in_all_orders(run(2), "writes it at simt_race_test.cpp:");
}

TEST(SimtRace, OfAPlainAccessAgainstAnAtomicOne) {
  Buffer<int> y(std::vector<int>(1, 0));
  expect_none_in_all_orders(run_of({.name = "counts", .grid = 3, .block = 64}, counts<true>, &y));
  expect_race_in_all_orders(run_of({.name = "counts", .grid = 3, .block = 64}, counts<false>, &y),
                            "updates it at simt_race_test.cpp:");
}

template <bool with_barrier>
__global__ void shifts(Global<float> x, Global<float> y) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, n = gridDim.x * int64_t{blockDim.x};
  y[i] = x[i];
  if constexpr (with_barrier) grid_sync();
  x[i] = y[(i + blockDim.x) % n];
}

TEST(SimtRace, BetweenTheBlocksOfACooperativeLaunch) {
  Buffer<float> x(std::vector<float>(96, 1.0f)), y(std::vector<float>(96, 1.0f));
  const Launch at{.name = "shifts", .grid = 3, .block = 32, .cooperative = true};
  expect_none_in_all_orders(run_of(at, shifts<true>, &x, &y));
  expect_race_in_all_orders(run_of(at, shifts<false>, &x, &y), "of a buffer of 96");
}

template <bool with_barrier>
__global__ void swaps(Global<float> y) {
  PRIMAL_SHARED(float, s, [4]);
  s[threadIdx.x] = 1.0f;
  cluster_sync();
  s[threadIdx.x] = 2.0f;
  if constexpr (with_barrier) cluster_sync();
  y[blockIdx.x * 4 + threadIdx.x] = map_shared(s, cluster_rank() ^ 1U)[threadIdx.x];
  cluster_sync();
}

TEST(SimtRace, BetweenTheBlocksOfACluster) {
  Buffer<float> y(16);
  const Launch at{.name = "swaps", .grid = 4, .block = 4, .cluster = 2};
  expect_none_in_all_orders(run_of(at, swaps<true>, &y));
  expect_race_in_all_orders(run_of(at, swaps<false>, &y), " of rank ");
}

template <bool with_fence>
__global__ void last_block_reads(Global<float> partial, Global<int> tickets, Global<float> y) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 1.0f;
  if constexpr (with_fence) __threadfence();
  const int ticket = atomicAdd(tickets, 1);
  if constexpr (with_fence) __threadfence();
  if (ticket == 2) y[0] = partial[0] + partial[1] + partial[2];
}
__global__ void writes_after_its_ticket(Global<float> partial, Global<int> tickets, Global<float> y) {
  __threadfence();
  const int ticket = atomicAdd(tickets, 1);
  if (ticket < 2) partial[ticket] = 1.0f;
  if (ticket == 2) y[0] = partial[0];
}

TEST(SimtRace, ATicketWithoutAFence) {
  Buffer<float> partial(3), y(1);
  const auto run = [&](auto kernel, unsigned block) {
    return [&, kernel, block] {
      Buffer<int> tickets(std::vector<int>(1, 0));
      launch(Exec{}, {.name = "last", .grid = 3, .block = block}, kernel, global(partial.span()),
             global(tickets.span()), global(y.span()));
    };
  };
  expect_none_in_all_orders(run(last_block_reads<true>, 32));
  expect_race_in_all_orders(run(last_block_reads<false>, 32), "of a buffer of 3");
  expect_race_in_all_orders(run(writes_after_its_ticket, 1), "element 0 of a buffer of 3");
}

// Bytes of one word, each of a thread of its own, are different memory.
__global__ void bytes(Global<uint8_t> y, int shift) {
  y[threadIdx.x] = static_cast<uint8_t>(threadIdx.x);
  if (threadIdx.x == 0) y[shift] = 1;
}

TEST(SimtRace, TellsTheBytesOfAWordApart) {
  Buffer<uint8_t> y(32);
  const Launch at{.name = "bytes", .block = 32};
  expect_none_in_all_orders(run_of(at, bytes, &y, 0));
  expect_race_in_all_orders(run_of(at, bytes, &y, 2), "element 2 of a buffer of 32");
}

TEST(SimtRace, CorrectKernelsHaveNone) {
  const std::vector<float> x(600, 0.5f);
  const std::vector<int> n(64, 1);
  Buffer<float> y(x), scratch(600), sums(3), transposed(600), cluster(8), partial(10), aligned(x);
  Buffer<int> counts(std::vector<int>(10, 0)), any_all(2), first(64), up(64), mirrored(64);
  Buffer<unsigned> ballots(2);
  expect_none_in_all_orders([&] {
    axpy(2.0f, x, y.span());
    block_sums(x, sums.span());
    transpose(x, 20, 30, transposed.span());
    histogram(x, counts.span());
    rotate(y.span(), scratch.span(), 3);
    votes(std::span<const float>(x).first(64), ballots.span(), any_all.span());
    shuffles(n, first.span(), up.span(), mirrored.span());
    cluster_sums(std::span<const float>(x).first(256), cluster.span());
    Buffer<int> tickets(std::vector<int>(1, 0));
    last_block_sum(std::span<const float>(x).first(320), partial.span(), tickets.span(), sums.span());
    twice_by_four(std::span<const float>(aligned.span()), y.span());
    largest(n, up.span(), first.span(), any_all.span());
    Buffer<float> product(std::vector<float>(128, 0.0f)), reversed(640);
    products(std::span<const float>(x).first(128), std::span<const float>(x).first(64), product.span());
    reverse_chunks(std::span<const float>(aligned.span()), reversed.span());
  });
}

TEST(SimtRace, RecordsTheLaunchesOfAllThreads) {
  const std::vector<float> x(300, 1.0f);
  const auto launch_some = [&] {
    Buffer<float> y(x);
    for (int i = 0; i < 20; ++i) axpy(1.0f, x, y.span());
  };
  const Recording recording;
  std::thread other(launch_some);
  launch_some();
  other.join();
  EXPECT_EQ(recording.launches().size(), 40U);
  require_no_races(recording.launches());
}

TEST(SimtRace, AreReportedWithTheKernel) {
  Buffer<float> y(4);
  const auto run = run_of({.name = "last", .grid = 3, .block = 32}, last_block_wins, &y);
  run();  // not recorded
  Recording recording;
  require_no_races(recording.launches());
  launch(Exec{}, {.name = "last", .grid = 3, .block = 32}, last_block_wins, global(y.span()));
  try {
    require_no_races(recording.launches());
    FAIL() << "no race was reported";
  } catch (const CheckFailed& error) {
    const std::string text = error.what();
    EXPECT_HAS(text, "[last] 3 races");
    EXPECT_HAS(text,
               "element 3 of a buffer of 4: block (0,0,0), thread (7,0,0) writes it at simt_race_test.cpp:");
    EXPECT_HAS(text, "; block (1,0,0), thread (7,0,0) writes it at simt_race_test.cpp:");
  }
}

}  // namespace
}  // namespace primal::simt
