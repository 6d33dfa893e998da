// The kernels that add the gradients of ranks on a device.
#include <gtest/gtest.h>
#include <vector>

#include "apps/distributed/nccl_exchange.h"
#include "support/test_device.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

class RankSum : public ::testing::Test {
 protected:
  void SetUp() override { PRIMAL_SKIP_WITHOUT_DEVICE(); }

  static const RankSumKernels& kernels() { return rank_sum_kernels_on(testing::kTestDevice); }
  static Exec exec() { return exec_on(testing::kTestDevice); }
  static Tensor on_device(const std::vector<float>& values) {
    return Tensor::from(Shape{static_cast<int64_t>(values.size())}, values).to(testing::kTestDevice);
  }
  // Where there are more than two ranks, the last two have large values that cancel. What they leave of the
  // sum before them is rounded, so the order of additions shows.
  static std::vector<float> values_of(size_t n, size_t rank, size_t n_ranks) {
    const bool is_large = n_ranks > 2 && rank + 2 >= n_ranks;
    const double scale = !is_large ? 1e-3 : rank == n_ranks - 1 ? -1e12 : 1e12;
    const RandomStream stream(3, RandomPurpose::test, 0, static_cast<uint32_t>(is_large ? n_ranks : rank));
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(stream.normal(i) * scale);
    return values;
  }
  static std::vector<float> back(const Tensor& tensor) {
    const Tensor here = tensor.to(Device{});
    return {here.span<const float>().begin(), here.span<const float>().end()};
  }
};

TEST_F(RankSum, AddsInTheOrderOfRanksInDoubleAndRoundsOnce) {
  for (const size_t n_ranks : {1U, 2U, 3U, 4U, 8U}) {
    for (const size_t n : {1U, 4U, 255U, 256U, 1000U}) {
      const size_t own = n_ranks / 2;
      std::vector<float> all;
      std::vector<double> sums(n, 0.0);
      for (size_t r = 0; r < n_ranks; ++r) {
        const std::vector<float> values = values_of(n, r, n_ranks);
        for (size_t i = 0; i < n; ++i) sums[i] += static_cast<double>(values[i]);
        all.insert(all.end(), values.begin(), values.end());
      }
      const std::vector<float> expected(sums.begin(), sums.end());
      std::vector<float> received = all;  // but for what nothing has arrived in
      std::fill_n(received.begin() + static_cast<std::ptrdiff_t>(own * n), n, 1e30F);
      const Tensor pieces = on_device(received), sum = on_device(values_of(n, own, n_ranks));
      kernels().add(exec(), pieces.device_span<const float>(), static_cast<int>(n_ranks),
                    static_cast<int>(own), sum.device_span<float>());
      EXPECT_EQ(back(sum), expected) << n_ranks << " ranks, " << n << " values";
    }
  }
}

TEST_F(RankSum, PacksAndUnpacksTensorsOfAnySizeAndNumber) {
  const std::vector<std::vector<size_t>> cases{
      {1}, {5, 2048, 1}, {4097, 3}, std::vector<size_t>(64, 2), std::vector<size_t>(131, 3)};
  for (const std::vector<size_t>& sizes : cases) {
    std::vector<Tensor> from, to;
    std::vector<std::span<const float>> tensors;
    std::vector<std::span<float>> places;
    std::vector<float> expected;
    for (const size_t n : sizes) {
      const std::vector<float> values = values_of(n, from.size(), sizes.size());
      expected.insert(expected.end(), values.begin(), values.end());
      from.push_back(on_device(values));
      to.push_back(on_device(std::vector<float>(n, -1.0F)));
      tensors.push_back(from.back().device_span<const float>());
      places.push_back(to.back().device_span<float>());
    }
    const size_t n_all = expected.size();
    expected.insert(expected.end(), 3, 7.0F);  // what is behind them stays
    const Tensor buffer = on_device(std::vector<float>(n_all + 3, 7.0F));
    kernels().pack(exec(), tensors, buffer.device_span<float>());
    EXPECT_EQ(back(buffer), expected);
    kernels().unpack(exec(), buffer.device_span<const float>(), places);
    for (size_t k = 0; k < from.size(); ++k) EXPECT_EQ(back(to[k]), back(from[k])) << k;
  }
}

}  // namespace
}  // namespace primal
