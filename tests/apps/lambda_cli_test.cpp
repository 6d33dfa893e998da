// primal denoise --lambda auto, and the noise that denoise and inspect find.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/noise/noise.h"
#include "support/cli.h"
#include "support/text.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::has;
using testing::Outcome;

class LambdaCli : public testing::Cli {
 protected:
  // A phantom with noise of this deviation, as a file has it.
  void write_noisy(const std::string& name, double sigma, int64_t size = 96) const {
    const Tensor z = add_noise(make_phantom(1, 0, size), NoiseKind::absolute, sigma, NoiseKey{});
    write_png(folder_ / name, to_image(z));
  }
  void write_level(const std::string& name, int64_t width, int64_t height) const {
    Image image(width, height, 1);
    for (uint16_t& level : image.levels) level = 90;
    write_png(folder_ / name, image);
  }
  json denoised(const std::string& arguments) const {
    const Outcome o = run("denoise --json " + arguments);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out);
  }
};

TEST_F(LambdaCli, AutoChoosesALambdaThatIsNearlyTheBest) {
  write_phantom("a.png", 0, 8, 96);
  write_phantom("b.png", 1, 8, 96);
  const std::string pictures = path("a.png") + " " + path("b.png") + " --noise 0.5 --best ";
  const json report = denoised("--lambda auto " + pictures);
  for (const json& row : report.at("pictures")) {
    EXPECT_EQ(row.at("lambda_rule"), "sure");
    EXPECT_GT(row.at("lambda"), 0.0);
    EXPECT_EQ(row.at("sigma"), row.at("noise").at("sigma"));
    EXPECT_NEAR(row.at("noise").at("relative").get<double>(), 0.5, 0.05);
    EXPECT_LT(row.at("best_scalar").at("psnr").get<double>() - row.at("psnr").get<double>(), 0.3);
  }
  EXPECT_LT(report.at("mean").at("loss"), 0.2);
  // The alias, and the same again: every number is a function of the seed.
  EXPECT_EQ(denoised("--lambda sure " + pictures), report);
  const json other = denoised("--lambda discrepancy " + pictures);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_GT(other.at("pictures").at(i).at("lambda"), report.at("pictures").at(i).at("lambda"));
    EXPECT_EQ(other.at("pictures").at(i).at("lambda_rule"), "discrepancy");
  }
}

TEST_F(LambdaCli, TheLambdaChosenGivesWhatTheSameNumberGives) {
  write_noisy("a.png", 0.1);
  const json report = denoised("--lambda auto " + path("a.png") + " -o " + path("by_rule.png"));
  const double lambda = report.at("pictures").at(0).at("lambda");
  denoised(fmt::format("--lambda {} {} -o {}", lambda, path("a.png"), path("by_number.png")));
  EXPECT_EQ(read_image(folder_ / "by_rule.png"), read_image(folder_ / "by_number.png"));
  EXPECT_TRUE(has(testing::text_of(folder_ / "by_rule.png"), "Primal lambda rule"));
  // A deviation that is given replaces the estimate, and more noise means more smoothing.
  const json given = denoised("--lambda auto --sigma 0.2 " + path("a.png") + " -o " + path("given.png"));
  EXPECT_EQ(given.at("pictures").at(0).at("sigma"), 0.2);
  EXPECT_GT(given.at("pictures").at(0).at("lambda"), lambda);
}

TEST_F(LambdaCli, TheNoiseIsSaid) {
  write_noisy("a.png", 0.1, 128);
  const Outcome denoising = run("denoise --lambda auto " + path("a.png") + " -o " + path("out"));
  EXPECT_EQ(denoising.exit_code, 0) << denoising.err;
  EXPECT_TRUE(has(denoising.err, "grey levels") && has(denoising.err, "; lambda 0.")) << denoising.err;
  // With a range that is not all grey levels the noise is told in the file's own values.
  const Outcome ranged = run("denoise --lambda 0.1 --range 0:100 " + path("a.png") + " -o " + path("ranged"));
  ASSERT_TRUE(has(ranged.err, "in the file's values")) << ranged.err;
  const auto number_after = [&](const char* text) {
    return std::stod(ranged.err.substr(ranged.err.find(text) + std::string(text).size()));
  };
  EXPECT_NEAR(number_after(" ("), 100.0 * number_after("noise "), 0.1);
  const Outcome inspection = run("inspect " + path("a.png"));
  EXPECT_EQ(inspection.exit_code, 0) << inspection.err;
  EXPECT_TRUE(has(inspection.out, "128 x 128 pixels of 8 bit")) << inspection.out;
  EXPECT_TRUE(has(inspection.out, "of the deviation of the picture without it")) << inspection.out;
  const json contents = json::parse(run("inspect --json " + path("a.png")).out);
  const json& channel = contents.at("channels").at(0);
  EXPECT_EQ(channel.at("name"), "grey");
  EXPECT_NEAR(channel.at("noise").at("sigma").get<double>(), 0.1, 0.008);
  EXPECT_TRUE(channel.at("noise_line").at("a").is_number());
}

TEST_F(LambdaCli, TheNoiseOfColourIsToldInTheFilesValuesToo) {
  Image colour(64, 64, 3, 16);
  const Tensor noise = Tensor::empty({3 * 64 * 64}, DType::f64);
  RandomStream(1, RandomPurpose::test).fill_normal(noise);
  for (size_t i = 0; i < colour.levels.size(); ++i)
    colour.levels[i] = static_cast<uint16_t>(std::lround(32000.0 + 2000.0 * noise.data<double>()[i]));
  write_png(folder_ / "colour.png", colour);
  for (const char* mode : {"channels", "luminance"}) {
    const Outcome o =
        run(fmt::format("denoise --lambda 0.1 --colour {} {} -o {}", mode, path("colour.png"), path(mode)));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_TRUE(has(o.err, "in the file's values") && !has(o.err, "grey levels")) << o.err;
  }
}

TEST_F(LambdaCli, InspectTellsChannelsApart) {
  Image colour(64, 64, 3);
  const Tensor noise = Tensor::empty({3, 64, 64}, DType::f64);
  RandomStream(1, RandomPurpose::test).fill_normal(noise);
  for (int c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < 64 * 64; ++i) {
      const double level = 128.0 + 10.0 * (c + 1) * noise.data<double>()[c * 64 * 64 + i];
      colour.levels[static_cast<size_t>(3 * i + c)] = static_cast<uint16_t>(std::clamp(level, 1.0, 254.0));
    }
  }
  write_png(folder_ / "colour.png", colour);
  const json contents = json::parse(run("inspect --json " + path("colour.png")).out);
  ASSERT_EQ(contents.at("channels").size(), 3u);
  for (size_t c = 0; c < 3; ++c) {
    const double sigma = contents.at("channels").at(c).at("noise").at("sigma");
    EXPECT_NEAR(255.0 * sigma, 10.0 * static_cast<double>(c + 1), 1.5 * static_cast<double>(c + 1)) << c;
  }
}

TEST_F(LambdaCli, PicturesWithoutNoiseOrTooSmallHaveADefinedAnswer) {
  write_level("level.png", 40, 40);
  const Outcome level = run("denoise --lambda auto " + path("level.png") + " -o " + path("same.png"));
  EXPECT_EQ(level.exit_code, 0) << level.err;
  EXPECT_TRUE(has(level.err, "no noise is found")) << level.err;
  EXPECT_EQ(read_image(folder_ / "same.png").levels, read_image(folder_ / "level.png").levels);
  EXPECT_TRUE(has(run("inspect " + path("level.png")).out, "no noise"));
  write_level("small.png", 10, 40);
  const Outcome small = run("denoise --lambda auto " + path("small.png") + " -o " + path("small_out.png"));
  EXPECT_EQ(small.exit_code, 3);
  EXPECT_TRUE(has(small.err, "10 x 40") && has(small.err, "--sigma")) << small.err;
  EXPECT_EQ(run("denoise --lambda auto --sigma 0.1 " + path("small.png") + " -o " + path("small_out.png"))
                .exit_code,
            0);
  EXPECT_EQ(run("denoise --lambda 0.1 " + path("small.png") + " -o " + path("small_number.png")).exit_code,
            0);
  EXPECT_EQ(run("inspect " + path("small.png")).exit_code, 0);
}

TEST_F(LambdaCli, NoNoiseIsSaidOnlyWhereItIsKnown) {
  // Black and white alone: whatever noise there was has been clipped.
  Image halves(40, 40, 1);
  for (size_t i = 0; i < halves.levels.size(); ++i) halves.levels[i] = i % 3 == 0 ? 255 : 0;
  write_png(folder_ / "halves.png", halves);
  const Outcome clipped = run("denoise --lambda auto " + path("halves.png") + " -o " + path("a.png"));
  EXPECT_EQ(clipped.exit_code, 0) << clipped.err;
  EXPECT_TRUE(has(clipped.err, "without an estimate of the noise")) << clipped.err;
  EXPECT_FALSE(has(clipped.err, "no noise is found")) << clipped.err;
  const std::string inspected = run("inspect " + path("halves.png")).out;
  EXPECT_TRUE(has(inspected, "its noise cannot be estimated") && has(inspected, "at an end of the range"))
      << inspected;
  EXPECT_FALSE(has(inspected, "no noise")) << inspected;
  // Nobody estimates where the deviation is given.
  write_level("level.png", 40, 40);
  const Outcome given = run("denoise --lambda auto --sigma 0 " + path("level.png") + " -o " + path("b.png"));
  EXPECT_EQ(given.exit_code, 0) << given.err;
  EXPECT_TRUE(has(given.err, "--sigma 0 says that there is no noise")) << given.err;
  EXPECT_FALSE(has(given.err, "no noise is found")) << given.err;
}

// A ramp of floats: its second differences are the rounding to 24 bits, and nothing else.
TEST_F(LambdaCli, WhatAFileCannotResolveIsNoNoise) {
  std::ofstream ramp(folder_ / "ramp.pfm", std::ios::binary);
  ramp << "Pf\n64 64\n-1\n";
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const float value = 0.1F + 0.011F * static_cast<float>(x) + 0.0007F * static_cast<float>(y);
      ramp.write(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  ramp.close();
  const Outcome text = run("inspect " + path("ramp.pfm"));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(has(text.out, "no noise")) << text.out;
  const json channel = json::parse(run("inspect --json " + path("ramp.pfm")).out).at("channels").at(0);
  EXPECT_EQ(channel.at("noise").at("sigma"), 0.0);
}

TEST_F(LambdaCli, DrawsTheRiskOfOnePicture) {
  write_phantom("a.png", 0, 8, 64);
  const std::string command = "denoise --lambda auto " + path("a.png") + " --figure " + path("risk.svg");
  ASSERT_EQ(run(command + " --noise 0.5").exit_code, 0);
  const std::string both = testing::text_of(folder_ / "risk.svg");
  EXPECT_TRUE(has(both, "<svg"));
  EXPECT_TRUE(has(run(command).err, "exists; give --overwrite"));
  EXPECT_EQ(run(command + " --overwrite").exit_code, 0);  // without a clean picture, for the figure alone
  EXPECT_NE(testing::text_of(folder_ / "risk.svg"), both);
  write_phantom("b.png", 1, 8, 64);
  EXPECT_EQ(
      run("denoise --lambda auto " + path("a.png") + " " + path("b.png") + " --figure " + path("two.svg"))
          .exit_code,
      2);
}

TEST_F(LambdaCli, AModelWarnsOfNoiseThatItWasNotTrainedFor) {
  const Outcome trained =
      run("train --quiet --steps 2 --set data.size=16 --set model.filters=2 --set model.blocks=1 --set "
          "model.iterations=8 --set data.n_train=2 --set data.n_validation=1 --set noise.low=0.2 --set "
          "noise.high=0.4 -o " +
          path("model"));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  write_phantom("a.png", 0, 8, 96);
  write_phantom("b.png", 1, 8, 96);
  const auto warning = [&](const std::string& noise) {
    const Outcome o = run("denoise " + path("model/last.safetensors") + " " + path("a.png") + " " +
                          path("b.png") + " --noise-kind relative --noise " + noise);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return o.err;
  };
  EXPECT_FALSE(has(warning("0.3"), "trained for")) << warning("0.3");
  const std::string more = warning("0.8"), less = warning("0.05");
  EXPECT_TRUE(has(more, "is more than the 0.2 to 0.4") && has(more, "--set noise.high=")) << more;
  EXPECT_TRUE(has(more, "2 of 2 pictures")) << more;
  EXPECT_TRUE(has(less, "is less than the 0.2 to 0.4") && has(less, "--set noise.low=")) << less;
  EXPECT_TRUE(has(less, "--lambda auto")) << less;
}

TEST_F(LambdaCli, RefusesOptionsThatContradictEachOther) {
  write_phantom("a.png", 0);
  const auto refused = [&](const std::string& arguments, const std::string& part) {
    const Outcome o = run("denoise " + arguments + " " + path("a.png") + " -o " + path("out"));
    EXPECT_EQ(o.exit_code, 2) << arguments;
    EXPECT_TRUE(has(o.err, part)) << o.err;
  };
  refused("--lambda best", "auto, sure or discrepancy, found 'best'");
  refused("--lambda -1", "expected a number from 0 to 100");
  refused("--lambda nan", "expected a number from 0 to 100");
  refused("--lambda 0.1 --sigma 0.1", "--lambda auto, --lambda discrepancy and --refine on");
  refused("--lambda 0.1 --figure " + path("x.png"), "--figure belongs to --lambda auto");
  refused("--lambda auto --sigma -1", "--sigma");
  refused("--lambda auto --best", "--best needs --lambda, and the clean pictures");
  refused("--lambda auto --map", "one lambda for all pixels is not a map");
}

}  // namespace
}  // namespace primal
