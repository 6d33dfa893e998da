// Windows of a U-Net's result from a part of its input, and maps in tiles, against the whole.
#include "nn/unet/unet_windows.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string_view>

#include "nn/pad3d/pad3d.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

Tensor noise(const Shape& shape, DType dtype = DType::f32) {
  const Tensor z = Tensor::empty(shape, dtype);
  RandomStream(1, RandomPurpose::test).fill_normal(z);
  return z;
}

Tensor part_of(const Tensor& y, const CellBox& box) {
  Crop3dParams crop;
  for (size_t a = 0; a < 3; ++a) {
    crop.low[a] = box[a].begin;
    crop.high[a] = y.size(static_cast<int>(a) + 2) - box[a].end;
  }
  return crop3d(y, crop).value();
}

// The largest difference over the largest value.
double difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double most = 0.0, scale = 0.0;
  for (size_t i = 0; i < u.size(); ++i) {
    most = std::max(most, std::abs(u[i] - v[i]));
    scale = std::max(scale, std::abs(v[i]));
  }
  return most / scale;
}

struct Net {
  UNetOptions options;
  Shape z;
  std::vector<CellBox> windows;
};

std::vector<Net> nets() {
  return {
      // One cell, borders and corners, the middle, and everything.
      {{.filters = 2, .blocks = 3},
       {2, 1, 1, 160, 136},
       {{{{0, 1}, {80, 81}, {70, 71}}},
        {{{0, 1}, {0, 24}, {0, 17}}},
        {{{0, 1}, {151, 160}, {100, 136}}},
        {{{0, 1}, {67, 91}, {0, 136}}},
        {{{0, 1}, {0, 160}, {0, 136}}}}},
      {{.filters = 3, .blocks = 0}, {1, 1, 1, 23, 19}, {{{{0, 1}, {5, 6}, {7, 13}}}}},
      {{.filters = 2, .blocks = 1}, {1, 1, 1, 26, 22}, {{{{0, 1}, {9, 11}, {6, 13}}}}},
      {{.filters = 2, .blocks = 2, .kernel = {1, 5, 1}}, {1, 1, 1, 72, 24}, {{{{0, 1}, {33, 40}, {7, 9}}}}},
      {{.filters = 2, .blocks = 2, .kernel = {3, 3, 3}, .pool = {2, 3, 2}},
       {1, 1, 28, 99, 28},
       {{{{13, 15}, {48, 50}, {12, 16}}}, {{{20, 28}, {0, 6}, {3, 4}}}}},
  };
}

TEST(UNetTiles, WindowsHaveTheBitsOfTheWholeWhereSumsAreTheSame) {
  for (const char* conv : {"reference", "blocked"}) {
    const ImplementationScope forced("conv3d", conv);
    for (const Net& net : nets()) {
      // Volumes are not for `blocked`: Winograd's tiles would compute them.
      if (net.options.kernel[0] != 1 && std::string_view(conv) == "blocked") continue;
      Initialiser init(7);
      const UNet unet(net.options, init);
      const NoGrad no_grad;
      const Tensor z = noise(net.z), whole = unet.forward(z).value();
      for (const CellBox& box : net.windows) {
        EXPECT_EQ(difference(unet.forward(z, box).value(), part_of(whole, box)), 0.0)
            << conv << " " << z.str() << " rows from " << box[1].begin;
      }
    }
  }
}

TEST(UNetTiles, WindowsAreTheWholeToRoundingWithWinograd) {
  for (const Net& net : nets()) {
    const ImplementationScope forced("conv3d", net.options.kernel[0] == 1 ? "winograd" : "winograd_volume");
    Initialiser init(7);
    const UNet unet(net.options, init);
    const NoGrad no_grad;
    const Tensor z = noise(net.z), whole = unet.forward(z).value();
    for (const CellBox& box : net.windows) {
      EXPECT_LT(difference(unet.forward(z, box).value(), part_of(whole, box)), 1e-5) << z.str();
    }
  }
}

TEST(UNetTiles, WindowsHaveTheBitsOfTheWholeOnADevice) {
  Initialiser init(7, DType::f32, Device::simt());
  UnrolledTvOptions options;
  options.unet = {.filters = 2, .blocks = 1};
  const UnrolledTv model(options, init);
  const NoGrad no_grad;
  const Tensor z = noise({1, 1, 1, 37, 30}).to(Device::simt());
  EXPECT_EQ(difference(model.map_in_tiles(z, 16).to(Device{}), model.map_of(z).value().to(Device{})), 0.0);
}

TEST(UNetTiles, TheThesisModelReads56CellsAroundATile) {
  const UNetOptions thesis;
  const int64_t n = 1024;
  int64_t above = 0, below = 0;
  for (int64_t row = 0; row < n; row += 8) {
    const CellRange tile{row, row + 8};
    const UNetWindows windows = unet_windows(thesis, {1, n, n}, {{{0, 1}, tile, {0, n}}});
    const CellRange rows = windows.encoder[0][1];
    EXPECT_TRUE(rows.begin % 8 == 0 && rows.end % 8 == 0);
    above = std::max(above, row - rows.begin);
    below = std::max(below, rows.end - tile.end);
    EXPECT_EQ(windows.encoder[0][2], (CellRange{0, n}));
    EXPECT_EQ(windows.decoder[0][1], (CellRange{std::max<int64_t>(row - 2, 0), std::min(row + 10, n)}));
  }
  EXPECT_EQ(above, 56);
  EXPECT_EQ(below, 56);
}

TEST(UNetTiles, GradientsFlowThroughWindows) {
  Initialiser init(3, DType::f64);
  const UNet unet({.filters = 2, .blocks = 1}, init);
  const Shape shape{1, 1, 1, 24, 24};
  const CellBox box{{{0, 1}, {11, 14}, {0, 5}}};
  const auto gradient = [&](bool window) {
    const Variable z(noise(shape, DType::f64), true);
    const Variable y =
        window ? unet.forward(z, box) : crop3d(unet.forward(z), {.low = {0, 11, 0}, .high = {0, 10, 19}});
    y.backward(noise(y.shape(), DType::f64));
    return z.grad();
  };
  EXPECT_LT(difference(gradient(true), gradient(false)), 1e-13);
}

TEST(UNetTiles, RefusesWindowsOutsideOfThePicture) {
  Initialiser init;
  const UNet unet({.filters = 2, .blocks = 1}, init);
  const Tensor z = noise({1, 1, 1, 8, 8});
  EXPECT_THROW(unet.forward(z, {{{0, 1}, {0, 9}, {0, 8}}}), ShapeError);
  EXPECT_THROW(unet.forward(z, {{{0, 1}, {-1, 8}, {0, 8}}}), ShapeError);
  EXPECT_THROW(unet.forward(z, {{{0, 1}, {4, 4}, {0, 8}}}), ShapeError);
}

UnrolledTvOptions small_model() {
  UnrolledTvOptions options;
  options.unet = {.filters = 2, .blocks = 3};
  return options;
}

TEST(UNetTiles, AMapInTilesIsTheMap) {
  Initialiser init(7);
  const UnrolledTv model(small_model(), init);
  const NoGrad no_grad;
  for (const Shape& shape : {Shape{1, 1, 1, 203, 149}, Shape{2, 1, 1, 24, 160}, Shape{1, 1, 1, 5, 31}}) {
    const Tensor z = noise(shape);
    for (const char* conv : {"blocked", "winograd"}) {
      const ImplementationScope forced("conv3d", conv);
      const Tensor whole = model.map_of(z).value();
      for (const int64_t tile : {1, 50, 64, 120, 1000}) {
        if (tile == 1 && shape[3] > 5) continue;  // hundreds of tiles
        EXPECT_LE(difference(model.map_in_tiles(z, tile), whole), conv[0] == 'b' ? 0.0 : 1e-5)
            << z.str() << " in tiles of " << tile << ", " << conv;
      }
    }
  }
  EXPECT_THROW(model.map_in_tiles(noise({1, 1, 1, 8, 8}), 0), ConfigError);
  EXPECT_THROW(model.map_in_tiles(noise({8, 8}), 8), ShapeError);
}

TEST(UNetTiles, AMapInTilesTakesTheMemoryOfATile) {
  Initialiser init(7);
  const UnrolledTv model(small_model(), init);
  const Tensor z = noise({1, 1, 1, 384, 384});
  const auto peak = [&](const auto& compute) {
    host_pool().reset_peak();
    const auto before = static_cast<double>(host_pool().stats().live_bytes);
    compute();
    return static_cast<double>(host_pool().stats().peak_bytes) - before;
  };
  const NoGrad no_grad;
  const double whole = peak([&] { model.map_of(z); }), tiles = peak([&] { model.map_in_tiles(z, 64); });
  // 176 x 176 cells for a tile inside, and the map itself.
  EXPECT_LT(tiles, 0.5 * whole) << whole << " bytes whole, " << tiles << " in tiles";
}

}  // namespace
}  // namespace primal
