// primal denoise --colour opponent.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/preprocess/opponent.h"
#include "data/preprocess/preprocess.h"
#include "support/raster_files.h"
#include "support/text.h"
#include "support/train_cli.h"
#include "tensor/random.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::has;
using testing::Outcome;

constexpr int64_t kSide = 40;
constexpr size_t kPixels = 1600;

class OpponentCli : public testing::TrainCli {
 protected:
  // Three phantoms as the channels of pictures of 8 and 16 bit.
  void SetUp() override {
    for (const int depth : {8, 16}) {
      Image rgb(kSide, kSide, 3, depth);
      for (uint32_t c = 0; c < 3; ++c) {
        const Image grey = to_image(make_phantom(1, c, kSide), depth);
        for (size_t i = 0; i < kPixels; ++i) rgb.levels[3 * i + c] = grey.levels[i];
      }
      write_png(folder_ / (std::to_string(depth) + ".png"), rgb);
    }
  }

  Outcome denoise(const std::string& rest) const { return run("denoise --quiet --overwrite " + rest); }

  Image denoised(const std::string& rest, const std::string& out) const {
    const Outcome o = denoise(rest + " -o " + path(out));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return read_image(folder_ / out);
  }

  std::string model(const std::string& colour) const {
    const std::string name = "run_" + colour;
    EXPECT_EQ(
        train("--quiet --steps 3" + std::string(kTiny) + " --set data.colour=" + colour + " -o " + path(name))
            .exit_code,
        0);
    return path(name + "/last.safetensors") + " ";
  }

  // The three channels of a picture as float arrays of their own, denoised by `how`, and put together again.
  Tensor by_hand(const std::string& how, const std::string& picture) const {
    const Image rgb = read_image(folder_ / picture);
    const Tensor values = Tensor::empty({3, 1, 1, kSide, kSide});
    for (size_t i = 0; i < 3 * kPixels; ++i) {
      values.span<float>()[i % 3 * kPixels + i / 3] =
          static_cast<float>(rgb.levels[i]) / static_cast<float>(rgb.max_level());
    }
    const Tensor channels = to_opponent(values), result = Tensor::empty(channels.shape());
    for (int64_t c = 0; c < 3; ++c) {
      const std::span<const float> channel = channels.slice(c, c + 1).span<const float>();
      write_file_atomically(
          folder_ / "channel.npy",
          testing::make_npy("<f4", false, "40, 40",
                            testing::numbers(std::vector<float>(channel.begin(), channel.end()))));
      const Outcome o = denoise(how + path("channel.npy") + " --range 0:1 -o " + path("hand.npy"));
      EXPECT_EQ(o.exit_code, 0) << o.err;
      const Raster hand = read_raster(folder_ / "hand.npy");
      std::ranges::copy(hand.page<float>(0), result.slice(c, c + 1).span<float>().begin());
    }
    return from_opponent(result);
  }

  static void expect_levels(const Image& found, const Tensor& values, const std::string& what) {
    ASSERT_EQ(found.channels, 3) << what;
    for (size_t i = 0; i < 3 * kPixels; ++i) {
      const double value = values.span<const float>()[i % 3 * kPixels + i / 3];
      ASSERT_NEAR(found.levels[i], std::clamp(value, 0.0, 1.0) * found.max_level(),
                  0.5 + 2e-5 * found.max_level())
          << what << ", at " << i;
    }
  }

  static double scaled(double of_rgb) { return of_rgb / std::sqrt(3.0); }
};

TEST_F(OpponentCli, IsTheDenoisingOfTheChannelsDoneByHand) {
  const std::string trained = model("opponent");
  for (const std::string picture : {"8.png", "16.png"}) {
    const std::string with = path(picture) + " --colour opponent ";
    expect_levels(denoised("--lambda 0.15 " + with, "number.png"),
                  by_hand("--lambda " + std::to_string(scaled(0.15)) + " ", picture), "a number, " + picture);
    expect_levels(denoised("--lambda auto --sigma 0.1 " + with, "auto.png"),
                  by_hand("--lambda auto --sigma " + std::to_string(scaled(0.1)) + " ", picture),
                  "auto, " + picture);
    expect_levels(denoised(trained + with, "model.png"), by_hand(trained, picture), "a model, " + picture);
    EXPECT_EQ(read_image(folder_ / "model.png").bit_depth, picture == "8.png" ? 8 : 16);
  }
}

TEST_F(OpponentCli, IsTheDefaultOfLambdaAutoAndOfModelsThatHaveLearntIt) {
  const std::string learnt = model("opponent") + path("8.png"), other = model("channels") + path("8.png");
  EXPECT_EQ(denoised(learnt, "a.png").levels, denoised(learnt + " --colour opponent", "b.png").levels);
  EXPECT_NE(denoised(learnt, "a.png").levels, denoised(learnt + " --colour channels", "b.png").levels);
  EXPECT_EQ(denoised(other, "a.png").levels, denoised(other + " --colour channels", "b.png").levels);
  EXPECT_NE(denoised(other, "a.png").levels, denoised(other + " --colour opponent", "b.png").levels);
  const std::string chosen = "--lambda auto --sigma 0.1 " + path("8.png"),
                    scalar = "--lambda 0.1 " + path("8.png");
  EXPECT_EQ(denoised(chosen, "a.png").levels, denoised(chosen + " --colour opponent", "b.png").levels);
  EXPECT_NE(denoised(chosen, "a.png").levels, denoised(chosen + " --colour channels", "b.png").levels);
  EXPECT_EQ(denoised(scalar, "a.png").levels, denoised(scalar + " --colour channels", "b.png").levels);
}

TEST_F(OpponentCli, TheRecordNamesTheModeAndItsChannels) {
  const json report =
      json::parse(denoise("--lambda auto " + path("8.png") + " --noise 0.3 --colour opponent --json").out);
  const json& row = report.at("pictures").at(0);
  EXPECT_EQ(row.at("colour"), "opponent");
  ASSERT_EQ(row.at("channels").size(), 3u);
  EXPECT_EQ(row.at("channels").at(0).at("channel"), "luminance");
  EXPECT_EQ(row.at("channels").at(2).at("channel"), "chroma 2");
  EXPECT_EQ(row.at("channels").at(0).at("lambda"), row.at("lambda"));
  EXPECT_GT(row.at("psnr").get<double>(), row.at("psnr_noisy").get<double>());
  const json given = json::parse(
      denoise("--lambda auto --sigma 0.1 " + path("8.png") + " --colour opponent --json -o " + path("x.png"))
          .out);
  for (const json& channel : given.at("pictures").at(0).at("channels"))
    EXPECT_NEAR(channel.at("sigma").get<double>(), scaled(0.1), 1e-12);
  EXPECT_TRUE(has(testing::text_of(folder_ / "x.png"), "Primal colour"));
}

// Noise that is the same in all three channels is in the luminance alone, and so is what is found of it.
TEST_F(OpponentCli, FindsTheNoiseOfEachChannel) {
  Image rgb(120, 120, 3);
  const Tensor noise = Tensor::empty({1, 1, 1, 120, 120});
  RandomStream(3, RandomPurpose::noise, 0, 0).fill_normal(noise);
  for (size_t i = 0; i < rgb.levels.size(); ++i) {
    const auto tint = static_cast<double>(40 * (i % 3));
    rgb.levels[i] = static_cast<uint16_t>(std::lround(80.0 + tint + 15.0 * noise.span<const float>()[i / 3]));
  }
  write_png(folder_ / "same.png", rgb);
  const json report = json::parse(
      denoise("--lambda auto " + path("same.png") + " --colour opponent --json -o " + path("x.png")).out);
  const json& channels = report.at("pictures").at(0).at("channels");
  EXPECT_NEAR(channels.at(0).at("sigma").get<double>(), 15.0 / 255.0, 0.05 * 15.0 / 255.0);
  EXPECT_LT(channels.at(1).at("sigma").get<double>(), 1.0 / 255.0);
  EXPECT_LT(channels.at(2).at("sigma").get<double>(), 1.0 / 255.0);
}

TEST_F(OpponentCli, GreyPicturesStayAsTheyWere) {
  const Image grey = to_image(make_phantom(1, 0, kSide), 8);
  Image stored(kSide, kSide, 3);
  for (size_t i = 0; i < stored.levels.size(); ++i) stored.levels[i] = grey.levels[i / 3];
  write_png(folder_ / "grey.png", grey);
  write_png(folder_ / "stored.png", stored);
  const std::string trained = model("opponent");
  for (const std::string& how : {std::string("--lambda 0.1 "), std::string("--lambda auto "), trained}) {
    for (const std::string picture : {"grey.png", "stored.png"}) {
      EXPECT_EQ(denoised(how + path(picture) + " --colour opponent", "a.png").levels,
                denoised(how + path(picture) + " --colour channels", "b.png").levels)
          << how << picture;
    }
  }
}

TEST_F(OpponentCli, TilesGiveTheWhole) {
  const std::string with = model("opponent") + path("8.png") + " --colour opponent --tile ";
  EXPECT_EQ(denoised(with + "16", "tiles.png").levels, denoised(with + "off", "whole.png").levels);
}

TEST_F(OpponentCli, FoldersAndTransparencyWorkAsWithTheOtherModes) {
  Raster raster{.width = 20, .height = 16, .channels = 3, .white = 255.0};
  allocate(raster);
  for (size_t i = 0; i < raster.samples.size(); ++i) raster.samples[i] = static_cast<uint8_t>(i * 7);
  for (size_t i = 0; i < 320; ++i) raster.alpha.push_back(static_cast<uint8_t>(i % 251));
  std::filesystem::create_directories(folder_ / "pictures");
  write_file_atomically(folder_ / "pictures/clear.png", encode_raster(raster, PictureFormat::png));
  std::filesystem::copy_file(folder_ / "8.png", folder_ / "pictures/8.png");
  const Outcome o = denoise("--lambda 0.1 --colour opponent " + path("pictures") + " -o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(read_image(folder_ / "out/8.png").levels,
            denoised("--lambda 0.1 --colour opponent " + path("8.png"), "one.png").levels);
  const Raster kept = read_raster(folder_ / "out/clear.png");
  EXPECT_EQ(kept.alpha, raster.alpha);
  EXPECT_NE(kept.samples, raster.samples);
}

TEST_F(OpponentCli, RefusesOtherNames) {
  const Outcome o = denoise("--lambda 0.1 " + path("8.png") + " --colour oponent -o " + path("x.png"));
  EXPECT_EQ(o.exit_code, 2);
  EXPECT_TRUE(has(o.err, "opponent")) << o.err;
  EXPECT_FALSE(exists("x.png"));
}

}  // namespace
}  // namespace primal
