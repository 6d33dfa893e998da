// --refine of primal denoise, evaluate and export: maps corrected by an estimate of the error.
#include <nlohmann/json.hpp>

#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "data/safetensors/safetensors.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;
using testing::text_of;

class RefineCli : public testing::TrainCli {
 protected:
  void SetUp() override {
    ASSERT_EQ(train("--quiet --steps 3" + std::string(kTiny) + " -o " + path("run")).exit_code, 0);
    const Tensor z = add_noise(make_phantom(1, 0, 80), NoiseKind::absolute, 0.1, NoiseKey{});
    write_png(folder_ / "noisy.png", to_image(z, 8));
    model_ = path("run/last.safetensors");
  }

  // The row of one picture, with its map as x_lambda.safetensors.
  json denoised(const std::string& rest, const std::string& picture = "noisy.png") const {
    const Outcome o = run("denoise " + rest + " " + path(picture) + " -o " + path("x.png") +
                          " --map --map-format safetensors --overwrite --json");
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return o.exit_code == 0 ? json::parse(o.out).at("pictures").at(0) : json();
  }
  std::vector<double> map() const {
    return Safetensors::read(folder_ / "x_lambda.safetensors").tensors().begin()->second.to_doubles();
  }
  std::vector<double> map_of(const std::string& rest) const {
    denoised(rest);
    return map();
  }

  std::string model_;
};

TEST_F(RefineCli, TheMapIsCorrectedIfToldSo) {
  EXPECT_EQ(denoised(model_).at("refined"), false);
  const std::vector<double> proposed = map();
  EXPECT_EQ(denoised(model_ + " --refine on").at("refined"), true);
  const std::vector<double> refined = map();
  ASSERT_EQ(refined.size(), proposed.size());
  EXPECT_NE(refined, proposed);
  for (size_t i = 0; i < refined.size(); ++i) {
    ASSERT_GE(refined[i], 0.34 * proposed[i]);
    ASSERT_LE(refined[i], 1.41 * proposed[i]);
  }
  EXPECT_TRUE(has(text_of(folder_ / "x.png"), "refined for the noise found"));
  EXPECT_EQ(map_of(model_ + " --refine off"), proposed);
  EXPECT_EQ(map_of(model_ + " --refine on --threads 2"), refined);
  const Outcome said =
      run("denoise " + model_ + " --refine on " + path("noisy.png") + " -o " + path("y.png"));
  EXPECT_TRUE(has(said.err, "map refined for this noise")) << said.err;
}

TEST_F(RefineCli, AnExportedModelSaysWhatItsUsersGet) {
  ASSERT_EQ(run("export " + model_ + " --refine on -o " + path("on.safetensors")).exit_code, 0);
  ASSERT_EQ(run("export " + path("on.safetensors") + " --refine off -o " + path("off.safetensors")).exit_code,
            0);
  EXPECT_EQ(map_of(path("on.safetensors")), map_of(model_ + " --refine on"));
  EXPECT_EQ(map_of(path("off.safetensors")), map_of(model_));
  EXPECT_EQ(map_of(path("on.safetensors") + " --refine off"), map_of(model_));
}

TEST_F(RefineCli, TheDeviationOfTheNoiseCanBeGiven) {
  const std::vector<double> found = map_of(model_ + " --refine on");
  EXPECT_NE(map_of(model_ + " --refine on --sigma 0.2"), found);
  EXPECT_TRUE(has(text_of(folder_ / "x.png"), "refined for noise of deviation 0.2"));
  EXPECT_EQ(denoised(model_ + " --refine on --sigma 0").at("refined"), false);
  const Outcome none =
      run("denoise " + model_ + " --refine on --sigma 0 " + path("noisy.png") + " -o " + path("none.png"));
  EXPECT_TRUE(has(none.err, "--sigma 0 says that there is no noise, so the map is not refined")) << none.err;
  const Outcome useless =
      run("denoise " + model_ + " --sigma 0.1 " + path("noisy.png") + " -o " + path("y.png"));
  EXPECT_EQ(useless.exit_code, 2);
  EXPECT_TRUE(has(useless.err, "--refine on")) << useless.err;
}

TEST_F(RefineCli, ALambdaBecomesAMap) {
  EXPECT_EQ(denoised("--lambda 0.1 --refine on").at("refined"), true);
  const std::vector<double> weights = map();
  EXPECT_EQ(weights.size(), size_t{80 * 80});
  EXPECT_LT(*std::ranges::min_element(weights), *std::ranges::max_element(weights));
  EXPECT_EQ(denoised("--lambda auto --refine on").at("refined"), true);
  const Outcome plain = run("denoise --lambda 0.1 --map " + path("noisy.png") + " -o " + path("y.png"));
  EXPECT_EQ(plain.exit_code, 2);
  EXPECT_TRUE(has(plain.err, "--refine on makes it one")) << plain.err;
}

TEST_F(RefineCli, APictureThatIsTooSmallKeepsItsMap) {
  write_png(folder_ / "small.png", Image(40, 10, 1));
  EXPECT_EQ(denoised(model_ + " --refine on", "small.png").at("refined"), false);
  // There is a map to write all the same, of one number and of a picture without noise too.
  EXPECT_EQ(denoised("--lambda 0.1 --refine on", "small.png").at("refined"), false);
  EXPECT_EQ(map(), std::vector<double>(40 * 10, static_cast<double>(0.1F)));
  write_png(folder_ / "clean.png", Image(80, 80, 1));
  EXPECT_EQ(denoised("--lambda auto --refine on", "clean.png").at("refined"), false);
  EXPECT_EQ(denoised(model_ + " --refine on --sigma 1e-30").at("refined"), false);
}

TEST_F(RefineCli, EachChannelOfAPictureInColourIsRefined) {
  Image rgb(80, 80, 3);
  for (uint32_t c = 0; c < 3; ++c) {
    const Image grey =
        to_image(add_noise(make_phantom(1, c, 80), NoiseKind::absolute, 0.1, NoiseKey{.sample = c}), 8);
    for (size_t i = 0; i < grey.levels.size(); ++i) rgb.levels[3 * i + c] = grey.levels[i];
  }
  write_png(folder_ / "rgb.png", rgb);
  for (const char* colour : {"channels", "opponent"}) {
    const json row = denoised(model_ + " --refine on --colour " + colour, "rgb.png");
    ASSERT_EQ(row.at("channels").size(), 3u);
    for (const json& channel : row.at("channels")) EXPECT_EQ(channel.at("refined"), true) << colour;
  }
  for (const char* colour : {"joint", "luminance", "grey"})
    EXPECT_EQ(denoised(model_ + " --refine on --colour " + colour, "rgb.png").at("refined"), true) << colour;
  const Outcome joint =
      run("denoise --lambda 0.1 --refine on --colour joint " + path("rgb.png") + " -o " + path("y.png"));
  EXPECT_EQ(joint.exit_code, 2);
  EXPECT_TRUE(has(joint.err, "--colour joint with --lambda")) << joint.err;
}

TEST_F(RefineCli, AnEvaluationScoresWhatDenoiseGives) {
  fs::create_directories(folder_ / "data/test");
  for (uint32_t i = 0; i < 3; ++i)
    write_png(folder_ / ("data/test/p" + std::to_string(i) + ".png"), to_image(make_phantom(1, i, 80), 8));
  ASSERT_EQ(run("export " + model_ + " --refine on -o " + path("on.safetensors")).exit_code, 0);
  const auto evaluated = [&](const std::string& rest) {
    const Outcome o = run("evaluate " + rest + " --data " + path("data") +
                          " --size 80 --noise 0.3 --grid 0.05:0.1:2 --iterations 4 --json --quiet");
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out);
  };
  const json by_model = evaluated(path("on.safetensors")), told = evaluated(model_ + " --refine on"),
             plain = evaluated(model_);
  const Outcome d = run("denoise " + path("on.safetensors") + " " + path("data/test") +
                        " --size 80 --noise 0.3 --json --quiet");
  ASSERT_EQ(d.exit_code, 0) << d.err;
  const json denoised = json::parse(d.out);
  for (size_t i = 0; i < 3; ++i) {
    const json& score = by_model.at("pictures").at(i).at("map").at("psnr");
    EXPECT_EQ(score, told.at("pictures").at(i).at("map").at("psnr"));
    EXPECT_EQ(score, denoised.at("pictures").at(i).at("psnr"));
    EXPECT_NE(score, plain.at("pictures").at(i).at("map").at("psnr"));
  }
  EXPECT_EQ(by_model.at("settings").at("refine"), json::array({true}));
  EXPECT_EQ(plain.at("settings").at("refine"), json::array({false}));
  // T = 4 is the model's own.
  double sum = 0.0;
  for (const json& row : by_model.at("pictures")) sum += row.at("map").at("psnr").get<double>();
  EXPECT_NEAR(by_model.at("iterations").at(0).at("map").at("psnr").get<double>(), sum / 3.0, 1e-9);
}

TEST_F(RefineCli, WhatHasNoMapOfAPictureIsRefused) {
  const Outcome sequence =
      run("denoise --lambda 0.1,0.1 --refine on --sequence " + path("frames.tif") + " -o " + path("y.tif"));
  EXPECT_EQ(sequence.exit_code, 2);
  EXPECT_TRUE(has(sequence.err, "--refine is for pictures")) << sequence.err;
  EXPECT_EQ(
      run("denoise " + model_ + " --refine maybe " + path("noisy.png") + " -o " + path("y.png")).exit_code,
      2);
}

}  // namespace
}  // namespace primal
