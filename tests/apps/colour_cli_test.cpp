// primal denoise on pictures in colour.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/metrics/metrics.h"
#include "data/safetensors/safetensors.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;

class ColourCli : public testing::TrainCli {
 protected:
  // Three phantoms as the channels of one picture, and each of them as a grey one.
  void SetUp() override {
    rgb_ = Image(40, 40, 3);
    for (uint32_t c = 0; c < 3; ++c) {
      const Image grey = to_image(make_phantom(1, c, 40), 8);
      write_png(folder_ / ("channel" + std::to_string(c) + ".png"), grey);
      for (size_t i = 0; i < grey.levels.size(); ++i) rgb_.levels[3 * i + c] = grey.levels[i];
    }
    write_png(folder_ / "rgb.png", rgb_);
  }

  Image denoised(const std::string& rest, const std::string& out) {
    const Outcome o = run("denoise " + rest + " -o " + path(out));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return read_image(folder_ / out);
  }

  static Image channel(const Image& rgb, size_t c) {
    Image grey(rgb.width, rgb.height, 1, rgb.bit_depth);
    for (size_t i = 0; i < grey.levels.size(); ++i) grey.levels[i] = rgb.levels[3 * i + c];
    return grey;
  }

  Image rgb_;
};

TEST_F(ColourCli, EachChannelIsAPictureOfItsOwn) {
  ASSERT_EQ(train("--quiet --steps 3" + std::string(kTiny) + " -o " + path("run")).exit_code, 0);
  for (const std::string how : {"--lambda 0.1", "--lambda auto", "--lambda discrepancy", "MODEL"}) {
    const std::string with = how == "MODEL" ? path("run/last.safetensors") : how;
    const Image colour =
        denoised(with + " --colour channels " + path("rgb.png") + " --overwrite", "colour.png");
    ASSERT_EQ(colour.channels, 3) << how;
    for (size_t c = 0; c < 3; ++c) {
      const std::string file = "channel" + std::to_string(c) + ".png";
      EXPECT_EQ(channel(colour, c).levels,
                denoised(with + " " + path(file) + " --overwrite", "grey.png").levels)
          << how << ", channel " << c;
    }
  }
}

TEST_F(ColourCli, AFigureOfTheRiskChangesNothing) {
  const std::string with = "--lambda auto " + path("rgb.png");
  const Image plain = denoised(with, "plain.png"),
              drawn = denoised(with + " --figure " + path("risk.svg"), "drawn.png");
  EXPECT_EQ(drawn.channels, 3);
  EXPECT_EQ(drawn.levels, plain.levels);
  EXPECT_TRUE(has(testing::text_of(folder_ / "risk.svg"), "<svg"));
}

TEST_F(ColourCli, SigmaIsThatOfEachChannelAndTheLuminanceHasLess) {
  const std::string with = "denoise --lambda auto --sigma 0.05 --json --overwrite " + path("rgb.png") +
                           " -o " + path("out.png") + " --colour ";
  for (const auto& [mode, sigma] : std::map<std::string, double>{{"channels", 0.05},
                                                                 {"opponent", 0.05 / std::sqrt(3.0)},
                                                                 {"joint", 0.05 * 0.66855},
                                                                 {"luminance", 0.05 * 0.66855}}) {
    const Outcome o = run(with + mode);
    ASSERT_EQ(o.exit_code, 0) << o.err;
    EXPECT_NEAR(json::parse(o.out).at("pictures").at(0).at("sigma").get<double>(), sigma, 1e-6) << mode;
  }
}

TEST_F(ColourCli, JointIsOneLambdaForAllAndLuminanceKeepsTheColours) {
  const std::string with = "--lambda 0.1 " + path("rgb.png") + " --overwrite --colour ";
  EXPECT_EQ(denoised(with + "joint", "joint.png").levels, denoised(with + "channels", "channels.png").levels);
  const Image luminance = denoised(with + "luminance", "luminance.png");
  // What changes is the same in each channel, but where a value is clipped.
  for (size_t i = 0; i < luminance.levels.size(); i += 3) {
    const auto change = [&](size_t c) { return luminance.levels[i + c] - rgb_.levels[i + c]; };
    const auto clipped = [&](size_t c) {
      return luminance.levels[i + c] == 0 || luminance.levels[i + c] == 255;
    };
    for (size_t c = 1; c < 3; ++c) {
      if (clipped(0) || clipped(c)) continue;
      ASSERT_LE(std::abs(change(c) - change(0)), 1) << i;
    }
  }
  EXPECT_EQ(denoised(with + "grey", "grey.png").channels, 1);
  // A model's joint map is that of the luminance, the picture that --colour grey denoises.
  ASSERT_EQ(train("--quiet --steps 3" + std::string(kTiny) + " -o " + path("run")).exit_code, 0);
  const std::string model =
      path("run/last.safetensors") + " " + path("rgb.png") + " --map --map-format safetensors --colour ";
  denoised(model + "joint", "m_joint.png");
  denoised(model + "grey", "m_grey.png");
  const Tensor joint = Safetensors::read(folder_ / "m_joint_lambda.safetensors").tensors().begin()->second,
               grey = Safetensors::read(folder_ / "m_grey_lambda.safetensors").tensors().begin()->second;
  ASSERT_EQ(joint.numel(), grey.numel());
  // Up to the factor between the noise of a channel and that of the luminance; the grey picture is rounded to
  // 8 bit.
  const double factor =
      joint.to(DType::f64).span<const double>()[0] / grey.to(DType::f64).span<const double>()[0];
  EXPECT_GE(factor, 0.99);
  EXPECT_LE(factor, 2.01);
  for (int64_t i = 0; i < joint.numel(); ++i) {
    const auto k = static_cast<size_t>(i);
    EXPECT_NEAR(joint.span<const float>()[k], factor * grey.span<const float>()[k], 2e-3) << i;
  }
}

TEST_F(ColourCli, ScoresAreThoseOfAllChannels) {
  const json report =
      json::parse(run("denoise --lambda 0.05 " + path("rgb.png") + " --noise 0.3 --json --quiet").out);
  const json& row = report.at("pictures").at(0);
  ASSERT_EQ(row.at("channels").size(), 3u);
  EXPECT_EQ(row.at("channels").at(2).at("channel"), "blue");
  EXPECT_EQ(row.at("read").at("channels"), 3);
  // z = x + 0.3 std(x) n, std of all values of the three channels: the noise has this PSNR, but for chance.
  double sum = 0.0, squares = 0.0;
  for (const uint16_t level : rgb_.levels) {
    sum += level / 255.0;
    squares += level / 255.0 * level / 255.0;
  }
  const auto n = static_cast<double>(rgb_.levels.size());
  const double deviation = std::sqrt(squares / n - sum / n * sum / n);
  EXPECT_NEAR(row.at("psnr_noisy").get<double>(), -20.0 * std::log10(0.3 * deviation), 0.2);
  EXPECT_GT(row.at("psnr").get<double>(), row.at("psnr_noisy").get<double>());
  // A picture against itself.
  const json same = json::parse(
      run("denoise --lambda 0 " + path("rgb.png") + " --clean " + path("rgb.png") + " --json --quiet").out);
  EXPECT_EQ(same.at("infinite").at("psnr"), 1);
}

TEST_F(ColourCli, OtherFormatsKeepTheirColour) {
  for (const std::string name : {"a.tif", "a.ppm", "a.webp", "a.pfm", "a.npy", "a.npz"}) {
    const Outcome o = run("denoise --lambda 0.1 " + path("rgb.png") + " -o " + path(name));
    if (has(o.err, "built without")) continue;
    ASSERT_EQ(o.exit_code, 0) << o.err;
    EXPECT_EQ(read_raster(folder_ / name).channels, 3) << name;
    ASSERT_EQ(run("denoise --lambda 0.1 " + path(name) + " -o " + path("again_" + name)).exit_code, 0)
        << name;
    EXPECT_EQ(read_raster(folder_ / ("again_" + name)).channels, 3) << name;
  }
  const Outcome volume = run("denoise --lambda 0.1 " + path("rgb.png") + " -o " + path("a.nii"));
  EXPECT_EQ(volume.exit_code, 3);
  EXPECT_TRUE(has(volume.err, "--colour grey")) << volume.err;
  EXPECT_FALSE(fs::exists(folder_ / "a.nii"));
}

TEST_F(ColourCli, AnArrayOfThreeChannelsIsThePictureThatItShows) {
  const Raster rgb = raster_of(rgb_, PictureFormat::npy);
  write_file_atomically(folder_ / "rgb.npy", encode_raster(rgb, PictureFormat::npy));
  for (const std::string mode : {"channels", "opponent", "joint", "luminance", "grey"}) {
    const std::string how = "denoise --overwrite --lambda 0.1 --colour " + mode + " ";
    ASSERT_EQ(run(how + path("rgb.png") + " -o " + path("from_png.png")).exit_code, 0) << mode;
    const Outcome o = run(how + path("rgb.npy") + " -o " + path("from_npy.npy") + " --json");
    ASSERT_EQ(o.exit_code, 0) << o.err;
    EXPECT_EQ(json::parse(o.out).at("pictures").at(0).at("read").at("channels"), 3) << mode;
    const Raster result = read_raster(folder_ / "from_npy.npy");
    EXPECT_EQ(result.pages, 1) << mode;
    EXPECT_EQ(result.channels, mode == "grey" ? 1 : 3);
    EXPECT_EQ(result.samples, read_raster(folder_ / "from_png.png").samples) << mode;
  }
  const json seen = json::parse(run("inspect --json " + path("rgb.npy")).out);
  EXPECT_EQ(seen.at("pages"), 1);
  EXPECT_EQ(seen.at("width"), 40);
  ASSERT_EQ(seen.at("channels").size(), 3u);
  EXPECT_EQ(seen.at("channels").at(2).at("name"), "blue");
  // Other commands make it grey, as they do with a file of any other format.
  const std::string search = "search --noise 0.3 --grid 0.05:0.1:2 --json ";
  const Outcome array = run(search + path("rgb.npy")), png = run(search + path("rgb.png"));
  ASSERT_EQ(array.exit_code, 0) << array.err;
  EXPECT_EQ(json::parse(array.out).at("grid"), json::parse(png.out).at("grid"));
}

TEST_F(ColourCli, AnArrayWithAlphaIsRefused) {
  Raster rgba{.format = PictureFormat::npy, .width = 4, .height = 20, .pages = 16};
  allocate(rgba);
  write_file_atomically(folder_ / "rgba.npy", encode_raster(rgba, PictureFormat::npy));
  const Outcome o = run("denoise --lambda 0.1 " + path("rgba.npy") + " -o " + path("out.npy"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "(16, 20, 4)") && has(o.err, "array[:, :, :3]")) << o.err;
  EXPECT_FALSE(fs::exists(folder_ / "out.npy"));
}

TEST_F(ColourCli, SaysWhatDoesNotFit) {
  const Outcome best = run("denoise --lambda 0.1 " + path("rgb.png") + " --noise 0.3 --best");
  EXPECT_EQ(best.exit_code, 3);
  EXPECT_TRUE(has(best.err, "--best is for grey pictures")) << best.err;
  EXPECT_EQ(run("denoise --lambda 0.1 " + path("rgb.png") + " --noise 0.3 --best --colour grey").exit_code,
            0);
  const Outcome pgm = run("denoise --lambda 0.1 " + path("rgb.png") + " -o " + path("x.pgm"));
  EXPECT_EQ(pgm.exit_code, 3);
  EXPECT_TRUE(has(pgm.err, "is in colour, and a .pgm file is grey: give -o " + path("x.ppm"))) << pgm.err;
  EXPECT_FALSE(fs::exists(folder_ / "x.pgm"));
  EXPECT_EQ(run("denoise --lambda 0.1 " + path("rgb.png") + " --colour grey -o " + path("x.pgm")).exit_code,
            0);
  const Outcome o = run("denoise --lambda 0.1 " + path("rgb.png") + " --clean " + path("channel0.png"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "only one of") && has(o.err, "--colour grey")) << o.err;
  EXPECT_EQ(run("denoise --lambda 0.1 " + path("rgb.png") + " --colour red -o " + path("x.png")).exit_code,
            2);
}

}  // namespace
}  // namespace primal
