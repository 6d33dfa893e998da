// Copies to shared memory beside the kernel in the emulation, and faults planted in kernels that use them.
#include <functional>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "tensor/error.h"
#include "tensor/simt/async_copy.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/simt.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::simt {
namespace {

std::string fault_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const CheckFailed& error) {
    return error.what();
  }
  return "no fault was reported";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

std::vector<float> ramp(size_t n) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), 1.0f);
  return x;
}

TEST(SimtAsyncCopy, BringsWhatIsInsideAndZerosBeyond) {
  for (const size_t n : {size_t{4}, size_t{128}, size_t{700}}) {
    const std::vector<float> x = ramp(n);
    const size_t n_chunks = (n + 127) / 128;
    const auto y = same_in_all_orders("reverse_chunks", [&] {
      const Buffer<float> in{std::span<const float>(x)};
      Buffer<float> out(n_chunks * 128);
      reverse_chunks(in.span(), out.span());
      return out.to_host();
    });
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t from = i / 128 * 128 + 127 - i % 128;
      ASSERT_EQ(y[i], from < n ? x[from] : 0.0f) << i << " of " << n;
    }
  }
}

enum class Fault { none, no_wait, waits_for_the_wrong_group, no_barrier, overwritten_too_early };

// y[i] = x[i + 1], each of two halves of x staged on its own.
__global__ void neighbour(Global<const float> x, Global<float> y, Fault fault) {
  PRIMAL_SHARED(float, stage, [2][33]);
  const int lane = static_cast<int>(threadIdx.x);
  for (int half = 0; half < 2; ++half) {
    copy_async(stage[half] + lane, x + (32 * half + lane), true);
    if (lane == 0) copy_async(stage[half] + 32, x + (32 * half + 32), half == 0);
    commit_copies();
  }
  if (fault == Fault::waits_for_the_wrong_group)
    wait_for_copies<1>();
  else if (fault != Fault::no_wait)
    wait_for_copies<0>();
  if (fault != Fault::no_barrier) __syncthreads();
  for (int half = 0; half < 2; ++half) y[32 * half + lane] = stage[half][lane + 1];
  if (fault == Fault::overwritten_too_early) {
    copy_async(stage[1] + lane, x + lane, true);
    wait_for_copies<0>();
  }
}

void run(Fault fault, Global<const float> x, Global<float> y) {
  launch(Exec{}, {.name = "neighbour", .block = 32}, neighbour, x, y, fault);
}

TEST(SimtAsyncCopy, FaultsAreCaught) {
  const std::vector<float> x = ramp(64);
  Buffer<float> y(64);
  const auto outcome = [&](Fault fault) {
    return fault_of([&] {
      const Recording recording;
      run(fault, global(std::span<const float>(x)), global(y.span()));
      require_no_races(recording.launches());
    });
  };
  EXPECT_EQ(outcome(Fault::none), "no fault was reported");
  EXPECT_EQ(y.to_host()[31], 33.0f);
  EXPECT_EQ(y.to_host()[63], 0.0f);
  EXPECT_HAS(outcome(Fault::no_wait),
             "stage[0][1] is read, but nothing has written it, at simt_async_copy_test.cpp:");
  EXPECT_HAS(outcome(Fault::waits_for_the_wrong_group), "stage[1][1] is read, but nothing has written it");
  EXPECT_HAS(outcome(Fault::no_barrier), "stage[0][1] is read, but nothing has written it");
  EXPECT_HAS(outcome(Fault::overwritten_too_early), "races, pairs of accesses that no barrier orders");
}

__global__ void four_at_an_odd_place(Global<const float> x) {
  PRIMAL_SHARED(float4, stage, [32]);
  copy_async(stage + threadIdx.x, as<float4>(x + (4 * threadIdx.x + 1)), true);
  wait_for_copies<0>();
}

__global__ void beyond_the_end(Global<const float> x, bool inside) {
  PRIMAL_SHARED(float, stage, [32]);
  copy_async(stage + threadIdx.x, x + (threadIdx.x + 1), inside || threadIdx.x < 31);
  commit_copies();
  wait_for_copies<0>();
}

TEST(SimtAsyncCopy, AddressesAreChecked) {
  const Buffer<float> x{std::span<const float>(ramp(160))}, few{std::span<const float>(ramp(32))};
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, {.name = "odd", .block = 32}, four_at_an_odd_place, global(x.span())); }),
      "it does not begin at a multiple of 16");
  const auto run_to = [&](bool inside) {
    return fault_of(
        [&] { launch(Exec{}, {.name = "beyond", .block = 32}, beyond_the_end, global(few.span()), inside); });
  };
  EXPECT_EQ(run_to(false), "no fault was reported");
  EXPECT_HAS(run_to(true), "reads element 32 of a buffer of 32");
  EXPECT_EQ(fault_of([] { commit_copies(); }), "[simt] commit_copies outside a kernel");
}

}  // namespace
}  // namespace primal::simt
