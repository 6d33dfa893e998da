// primal denoise and search with what people have: free edges, data of 12 bit, folders of all sorts, a name
// mistyped.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "support/cli.h"
#include "support/text.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;
using testing::text_of;

class OwnPictures : public testing::Cli {
 protected:
  std::string train_model(const std::string& more = "") const {
    const Outcome trained =
        run("train --quiet --steps 1 --set data.size=16 --set model.filters=2 --set model.blocks=1 --set "
            "model.iterations=40 --set data.n_train=2 --set data.n_validation=1 --overwrite -o " +
            path("model") + " " + more);
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    return path("model/last.safetensors");
  }
  void touch(const std::string& name) const { std::ofstream(folder_ / name) << "no picture"; }

  // 20 .. 230 over 256 pixels.
  void write_ramp(const std::string& name) const {
    Image ramp(256, 8, 1);
    for (int64_t y = 0; y < ramp.height; ++y) {
      for (int64_t x = 0; x < ramp.width; ++x) {
        ramp.at(x, y) = static_cast<uint16_t>(std::lround(20.0 + 210.0 * static_cast<double>(x) / 255.0));
      }
    }
    write_png(folder_ / name, ramp);
  }
};

TEST_F(OwnPictures, TheEdgesAreFreeUnlessPeriodicIsAskedFor) {
  write_ramp("ramp.png");
  const auto ends = [&](const std::string& options) {
    const Outcome o = run("denoise --lambda 0.3 --gap 1e-6 " + options + " --overwrite --json -o " +
                          path("x.png") + " " + path("ramp.png"));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    const Image x = read_image(folder_ / "x.png");
    return std::pair(int{x.at(0, 4)}, int{x.at(255, 4)});
  };
  // tests/solvers/boundary_test.cpp works these out.
  EXPECT_EQ(ends(""), std::pair(31, 219));
  EXPECT_EQ(ends("--boundary symmetric"), std::pair(31, 219));
  EXPECT_EQ(ends("--boundary periodic"), std::pair(35, 215));
  EXPECT_EQ(
      run("denoise --lambda 0.3 --boundary round -o " + path("y.png") + " " + path("ramp.png")).exit_code, 2);
}

TEST_F(OwnPictures, AModelKeepsTheBoundaryItWasTrainedWith) {
  write_phantom("a.png", 0, 16);
  const auto boundary = [&](const std::string& model, const std::string& options = "") {
    const Outcome o = run("denoise " + model + " " + path("a.png") + " --json --overwrite -o " +
                          path("x.png") + " " + options);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out).at("pictures").at(0).at("boundary").get<std::string>();
  };
  const std::string periodic = train_model();
  EXPECT_EQ(boundary(periodic), "periodic");
  const std::string before = text_of(folder_ / "x.png");
  EXPECT_EQ(boundary(periodic, "--boundary symmetric"), "symmetric");
  EXPECT_NE(text_of(folder_ / "x.png"), before);

  // A checkpoint from before there was a choice.
  const Safetensors file = Safetensors::read(periodic);
  Metadata metadata = file.metadata();
  json config = json::parse(metadata.at("config"));
  ASSERT_EQ(config.erase("model.boundary") + config.erase("data.range"), 2u);
  metadata["config"] = config.dump();
  fs::create_directories(folder_ / "old");
  write_safetensors(folder_ / "old/last.safetensors", file.tensors(), metadata);
  EXPECT_EQ(boundary(path("old/last.safetensors")), "periodic");
  // Training goes on from it as it was.
  const Outcome resumed = run("train --resume --quiet --steps 2 -o " + path("old"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(boundary(path("old/last.safetensors")), "periodic");
  const Outcome changed =
      run("train --resume --quiet --steps 3 --set model.boundary=symmetric -o " + path("old"));
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_TRUE(has(changed.err, "model.boundary")) << changed.err;

  EXPECT_EQ(boundary(train_model("--set model.boundary=symmetric")), "symmetric");
  const Outcome scored = run("evaluate " + path("model/last.safetensors") + " --data " + path("") +
                             " --size 16 --limit 1 --grid 0:0.1:2 --json --quiet");
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  EXPECT_EQ(json::parse(scored.out).at("settings").at("boundary"), "symmetric");
}

TEST_F(OwnPictures, SearchHasTheBoundaryOfDenoise) {
  write_phantom("a.png", 0);
  const auto best = [&](const std::string& options) {
    const Outcome o = run("search " + path("a.png") + " --noise 0.5 --grid 0.1:0.1:1 --json " + options);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out).at("grid").at(0).at("psnr").get<double>();
  };
  const auto denoised = [&](const std::string& options) {
    const Outcome o = run("denoise --lambda 0.1 " + path("a.png") + " --noise 0.5 --json " + options);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out).at("pictures").at(0).at("psnr").get<double>();
  };
  EXPECT_NEAR(best(""), denoised(""), 1e-4);
  EXPECT_NEAR(best("--boundary periodic"), denoised("--boundary periodic"), 1e-4);
  EXPECT_GT(std::abs(best("") - best("--boundary periodic")), 1e-3);
}

TEST_F(OwnPictures, WhatIsFarFromConvergedIsReported) {
  write_phantom("a.png", 0);
  write_phantom("b.png", 1);
  const std::string pictures = path("a.png") + " " + path("b.png") + " --overwrite -o " + path("out") + " ";
  const Outcome strong = run("denoise --lambda 100 " + pictures);
  EXPECT_EQ(strong.exit_code, 0);
  EXPECT_TRUE(has(strong.err, "a.png: far from convergence after 256 iterations, the primal-dual gap is 0."))
      << strong.err;
  EXPECT_TRUE(has(strong.err, "2 of 2 results are as far")) << strong.err;
  EXPECT_EQ(run("denoise --lambda 100 --quiet " + pictures).err, "");
  EXPECT_FALSE(has(run("denoise --lambda 0.05 " + pictures).err, "converged"));
  const std::string model = train_model();
  const Outcome few = run("denoise " + model + " --iterations 1 " + pictures);
  EXPECT_TRUE(has(few.err, "far from convergence after 1 iterations")) << few.err;
  // Its own T is what it was trained with.
  EXPECT_FALSE(has(run("denoise " + model + " " + pictures).err, "converged"));
}

TEST_F(OwnPictures, DataOfTwelveBitIsScaledForTheComputingAndBack) {
  write_phantom("full.png", 0, 16);
  const Image full = read_image(folder_ / "full.png");
  Image twelve = full;
  for (uint16_t& level : twelve.levels) level = static_cast<uint16_t>(level / 16);  // 0 .. 4095
  write_png(folder_ / "twelve.png", twelve);
  const auto denoise = [&](const std::string& name, const std::string& options) {
    const Outcome o =
        run("denoise --lambda 0.1 " + path(name) + " --overwrite -o " + path("x.png") + " " + options);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return std::pair(read_image(folder_ / "x.png"), o.err);
  };
  const auto [expected, no_remark] = denoise("full.png", "");
  EXPECT_FALSE(has(no_remark, "--range")) << no_remark;
  const auto [ruined, remark] = denoise("twelve.png", "");
  EXPECT_TRUE(has(remark, "% of the range of its 16 bit") && has(remark, "--range 0:4095")) << remark;
  for (const char* range : {"--range 0:4095", "--range auto"}) {
    const auto [x, err] = denoise("twelve.png", range);
    EXPECT_FALSE(has(err, "range of its 16 bit")) << err;
    ASSERT_EQ(x.levels.size(), expected.levels.size());
    for (size_t i = 0; i < x.levels.size(); ++i)
      ASSERT_NEAR(x.levels[i], expected.levels[i] / 16.0, 1.5) << range;
  }
  // Read as they stand, the same weight smooths nearly everything away.
  double worst = 0.0;
  for (size_t i = 0; i < ruined.levels.size(); ++i)
    worst = std::max(worst, std::abs(ruined.levels[i] - expected.levels[i] / 16.0));
  EXPECT_GT(worst, 200.0);

  for (const char* wrong : {"0", "5:5", "9:-1", "0:inf", "0:9x", ""}) {
    const Outcome o = run("denoise --lambda 0.1 " + path("full.png") + " -o " + path("y.png") + " --range='" +
                          std::string(wrong) + "'");
    EXPECT_EQ(o.exit_code, 2) << wrong;
  }
  EXPECT_EQ(
      run("denoise --lambda 0.1 " + path("full.png") + " -o " + path("y.png") + " --range=-1:9").exit_code,
      3);
  write_phantom("eight.png", 0);
  const Outcome beyond =
      run("denoise --lambda 0.1 " + path("eight.png") + " -o " + path("z.png") + " --range 0:4095");
  EXPECT_EQ(beyond.exit_code, 3);
  EXPECT_TRUE(has(beyond.err, "reaches beyond")) << beyond.err;
}

TEST_F(OwnPictures, TheScaleDoesNotChangeScores) {
  write_phantom("full.png", 0, 16);
  Image twelve = read_image(folder_ / "full.png");
  for (uint16_t& level : twelve.levels) level = static_cast<uint16_t>(level / 16);
  fs::create_directories(folder_ / "twelve");
  write_png(folder_ / "twelve/a.png", twelve);
  write_png(folder_ / "twelve/b.png", twelve);
  const auto psnr = [&](const std::string& command) {
    const Outcome o = run(command + " --json --quiet");
    EXPECT_EQ(o.exit_code, 0) << o.err;
    const json report = json::parse(o.out);
    return report.contains("grid") ? report.at("grid").at(0).at("psnr").get<double>()
                                   : report.at("pictures").at(0).at("psnr").get<double>();
  };
  const std::string denoise = "denoise --lambda 0.1 --noise 0.5 ",
                    search = "search --noise 0.5 --grid 0.1:0.1:1 ";
  EXPECT_NEAR(psnr(denoise + path("twelve/a.png") + " --range auto"), psnr(denoise + path("full.png")), 0.05);
  EXPECT_NEAR(psnr(search + path("twelve/a.png") + " --range auto"), psnr(search + path("full.png")), 0.05);
  // A model that was trained on such data takes it without being told.
  const std::string model =
      train_model("--data " + path("twelve") +
                  " --set data.range=0:4095 --set data.n_train=1 --overfit 1 --set data.size=32");
  const auto mean = [&](const std::string& options) {
    const Outcome o = run("denoise " + model + " " + path("twelve/a.png") + " --overwrite --quiet -o " +
                          path("m.png") + options);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return text_of(folder_ / "m.png");
  };
  EXPECT_EQ(mean(""), mean(" --range 0:4095"));
  EXPECT_NE(mean(""), mean(" --range full"));
}

TEST_F(OwnPictures, AMistypedNameStopsNoOther) {
  write_phantom("a.png", 0);
  write_phantom("b.png", 1);
  const Outcome o = run("denoise --lambda 0.1 " + path("a.png") + " " + path("nosuch.png") + " " +
                        path("b.png") + " '" + path("*.tif") + "' --json -o " + path("out"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "there is no file or folder " + path("nosuch.png"))) << o.err;
  EXPECT_TRUE(has(o.err, "matches nothing") && has(o.err, "2 of 4 pictures")) << o.err;
  EXPECT_TRUE(fs::exists(folder_ / "out/a.png") && fs::exists(folder_ / "out/b.png"));
  const json report = json::parse(o.out);
  EXPECT_EQ(report.at("pictures").size(), 2u);
  EXPECT_EQ(report.at("errors").at(0).at("picture"), path("nosuch.png"));
  EXPECT_EQ(run("denoise --lambda 0.1 nosuch.png -o " + path("none")).exit_code, 3);
  EXPECT_EQ(run("denoise --lambda 0.1 nosuch.png nosuch2.png -o " + path("none")).exit_code, 3);
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(OwnPictures, FilesOfOtherFormatsAreCountedAndNamedOnce) {
  fs::create_directories(folder_ / "in/below");
  write_phantom("in/a.png", 0);
  for (const char* other : {"in/scan.bmp", "in/below/scan.gif", "in/notes.txt", "in/z.csv", "in/.hidden"})
    touch(other);
  const Outcome o = run("denoise --lambda 0.1 " + path("in") + " -o " + path("out"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(
      has(o.err, "4 files have no ending of a picture and are left out: scan.gif, notes.txt, scan.bmp, ..."))
      << o.err;
  EXPECT_EQ(run("denoise --lambda 0.1 --quiet --overwrite " + path("in") + " -o " + path("out")).err, "");
}

TEST_F(OwnPictures, PicturesThatDifferInTheirEndingGetResultsOfTheirOwn) {
  fs::create_directories(folder_ / "in");
  write_phantom("in/XRAY.PNG", 0);
  const std::string in_place = "denoise --lambda 0.1 " + path("in") + " -o " + path("in");
  const Outcome first = run(in_place);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, path("in/XRAY.PNG") + " -> " + path("in/XRAY.png") + "\n");
  const std::string result = text_of(folder_ / "in/XRAY.png");
  // The result is a picture of that folder now, and is not replaced.
  EXPECT_TRUE(has(run(in_place).err, "XRAY.png exists; give --overwrite"));
  EXPECT_EQ(run(in_place + " --skip-existing").exit_code, 0);
  EXPECT_EQ(text_of(folder_ / "in/XRAY.png"), result);
  EXPECT_EQ(text_of(folder_ / "in/XRAY_PNG.png"), result);

  fs::create_directories(folder_ / "two");
  for (const char* name : {"two/a.png", "two/a.jpg", "two/a.JPG", "two/a_jpg.png"}) {
    fs::copy_file(folder_ / "in/XRAY.PNG", folder_ / name);
  }
  const Outcome both = run("denoise --lambda 0.1 " + path("two") + " -o " + path("out"));
  ASSERT_EQ(both.exit_code, 0) << both.err;
  for (const char* file : {"out/a.png", "out/a_jpg.png", "out/a_jpg_2.png", "out/a_JPG.png"}) {
    EXPECT_TRUE(fs::exists(folder_ / file)) << file << "\n" << both.out;
  }
}

TEST_F(OwnPictures, ResultsKeepThePixelSpacingAndSayHowTheyCameAbout) {
  Image image(24, 20, 1);
  for (size_t i = 0; i < image.levels.size(); ++i) image.levels[i] = static_cast<uint16_t>(i % 251);
  image.density = {11811, 5906};  // 300 and 150 dots per inch
  write_png(folder_ / "a.png", image);
  const auto denoise = [&](const std::string& what, const std::string& name) {
    const Outcome o = run("denoise " + what + " " + path("a.png") + " -o " + path(name));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return std::pair(read_image(folder_ / name), text_of(folder_ / name));
  };
  const auto [x, bytes] = denoise("--lambda 0.07 --iterations 100 --noise 0", "x.png");
  EXPECT_EQ(x.density, image.density);
  const auto chunk = [](const std::string& key, const std::string& value) {
    return "tEXt" + key + '\0' + value;
  };
  EXPECT_TRUE(has(bytes, chunk("Primal lambda", "0.07")));
  EXPECT_TRUE(has(bytes, chunk("Primal iterations", "100")));
  EXPECT_TRUE(has(bytes, chunk("Primal boundary", "symmetric")));
  EXPECT_TRUE(has(bytes, chunk("Software", "primal ")));
  // Other pixels have another spacing.
  const auto [small, of_small] = denoise("--lambda 0.07 --size 16 --gap 0.001 --range 0:200", "small.png");
  EXPECT_EQ(small.density, PixelDensity{});
  for (const auto& [key, value] : {std::pair{"Primal size", "16"}, std::pair{"Primal gap", "0.001"},
                                   std::pair{"Primal level range", "0:200"}})
    EXPECT_TRUE(has(of_small, chunk(key, value))) << key;
  const std::string model = train_model();
  const auto [y, of_model] = denoise(model, "y.png");
  EXPECT_TRUE(has(of_model, chunk("Primal model", "last.safetensors")));
  EXPECT_TRUE(has(of_model, chunk("Primal model CRC-32", Safetensors::read(model).metadata().at("crc32"))));
  EXPECT_FALSE(has(of_model, "Primal lambda"));
}

}  // namespace
}  // namespace primal
