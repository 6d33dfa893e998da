// What is planned for making a map against what it takes, and how tiles are chosen.
#include "nn/unrolled_tv/map_plan.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

UnrolledTvOptions options_of(int64_t filters, int64_t blocks) {
  UnrolledTvOptions options;
  options.unet.filters = filters;
  options.unet.blocks = blocks;
  return options;
}

// The most that the pool held beyond z, the map and, where z is padded, the padded picture.
double measured_bytes(const UnrolledTv& model, const Shape& shape, int64_t tile) {
  const NoGrad no_grad;
  const Tensor z = Tensor::full(shape, 0.5);
  double peak = 0.0;
  for (int round = 0; round < 2; ++round) {  // the first may keep what lasts
    const auto before = static_cast<double>(host_pool().stats().live_bytes);
    host_pool().reset_peak();
    if (tile > 0) {
      model.map_in_tiles(z, tile);
    } else {
      model.map_of(z);
    }
    peak = static_cast<double>(host_pool().stats().peak_bytes) - before;
  }
  const bool padded = shape[3] % model.multiple()[1] + shape[4] % model.multiple()[2] > 0;
  return peak - 4.0 * static_cast<double>(shape.numel()) * ((tile > 0 ? 1 : 0) + (padded ? 1 : 0));
}

TEST(MapPlan, MemoryIsWhatTheNetworkTakes) {
  Initialiser init;
  const UnrolledTv thesis(options_of(32, 3), init), small(options_of(16, 2), init);
  const auto compare = [](const UnrolledTv& model, const Shape& z, int64_t tile) {
    const auto planned = static_cast<double>(plan_map(model, z, tile).bytes);
    EXPECT_NEAR(planned / measured_bytes(model, z, tile), 1.0, 0.1) << z.str() << " in tiles of " << tile;
  };
  compare(thesis, {1, 1, 1, 200, 200}, 0);
  compare(thesis, {1, 1, 1, 520, 264}, 264);
  compare(small, {2, 1, 1, 350, 331}, 0);
  compare(small, {1, 1, 1, 501, 700}, 350);
}

TEST(MapPlan, TilesAreChosenByMemory) {
  Initialiser init;
  const UnrolledTv model(options_of(32, 3), init);
  constexpr int64_t kLimit = int64_t{1} << 30;
  const MapPlan whole = plan_map_within(model, {1, 1, 1, 747, 1040}, kLimit);
  EXPECT_EQ(whole.tile, 0);
  EXPECT_EQ(whole.n_tiles, 1);
  EXPECT_EQ(whole.bytes, whole.whole_bytes);
  for (const Shape& z :
       {Shape{1, 1, 1, 4096, 4096}, Shape{1, 1, 1, 2500, 2049}, Shape{1, 1, 1, 300, 16384}}) {
    const MapPlan tiles = plan_map_within(model, z, kLimit);
    EXPECT_GT(tiles.tile, 512) << z.str();
    EXPECT_LE(tiles.bytes, kLimit) << z.str();
    EXPECT_GT(tiles.whole_bytes, kLimit) << z.str();
    EXPECT_GT(tiles.n_tiles, 1) << z.str();
  }
  // Where nothing keeps to the limit, the smallest tiles.
  EXPECT_EQ(plan_map_within(model, {1, 1, 1, 100, 100}, 1).tile, 64);
  EXPECT_EQ(plan_map_within(model, {1, 1, 1, 16, 16}, 1).n_tiles, 1);
  EXPECT_THROW(plan_map(model, {1, 1, 1, 16, 16}, -8), ConfigError);
}

}  // namespace
}  // namespace primal
