// Noise from draws in memory: the bits of add_noise.
#include "data/noise/drawn_noise.h"

#include <gtest/gtest.h>
#include <vector>

#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"

namespace primal {
namespace {

constexpr NoiseKey kKeys[] = {{.seed = 7, .epoch = 3, .sample = 11},
                              {.seed = 7, .epoch = 3, .sample = 4294967295}};
constexpr double kLevels[] = {0.31, 0.17};

Tensor pictures(int64_t side) {
  const Tensor all = Tensor::empty({2, 1, 1, side, side});
  RandomStream(1, RandomPurpose::test).fill_uniform(all, 0.0, 1.0);
  return all;
}
Tensor draws() {
  const Tensor all = Tensor::empty({2, 5}, DType::f64);
  for (int64_t i = 0; i < 2; ++i) all.slice(i, i + 1).copy_from(noise_draw(kLevels[i], kKeys[i]));
  return all;
}

TEST(DrawnNoise, HasTheBitsOfAddNoiseOnTheCpuAndOnSimt) {
  for (const int64_t side : {5, 16, 67}) {  // 67: several blocks and an odd end
    const Tensor x = pictures(side);
    for (const Device device : {Device{}, Device::simt()}) {
      for (const NoiseKind kind : {NoiseKind::relative, NoiseKind::absolute, NoiseKind::unclipped}) {
        const Tensor there = x.to(device);
        const simt::Recording recording;
        const std::vector<double> z = add_drawn_noise(there, kind, draws().to(device)).to_doubles();
        simt::require_no_races(recording.launches());
        std::vector<double> expected;
        for (int64_t i = 0; i < 2; ++i) {
          for (const double v : add_noise(there.slice(i, i + 1), kind, kLevels[i], kKeys[i]).to_doubles())
            expected.push_back(v);
        }
        EXPECT_EQ(z, expected) << side << " " << device.str() << " " << name_of(kind);
      }
    }
  }
}

TEST(DrawnNoise, RefusesWhatIsNoDraw) {
  const Tensor x = pictures(8);
  EXPECT_THROW(add_drawn_noise(x, NoiseKind::relative, noise_draw(0.1, kKeys[0])), ShapeError);
  EXPECT_THROW(add_drawn_noise(x, NoiseKind::relative, Tensor::zeros({2, 5})), ShapeError);
  EXPECT_THROW(add_drawn_noise(x, NoiseKind::relative, draws().to(Device::simt())), DeviceError);
  EXPECT_NE(testing::message_of<ConfigError>([] { noise_draw(-0.5, kKeys[0]); }).find("got -0.5"),
            std::string::npos);
}

}  // namespace
}  // namespace primal
