// primal denoise from outside: what it takes, what it writes and where, and what it refuses before any work.
#include <cmath>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "data/file/file.h"
#include "data/metrics/metrics.h"
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

class DenoiseCli : public testing::Cli {
 protected:
  // A tiny model, trained for two steps.
  std::string train_model() const {
    const Outcome trained =
        run("train --quiet --steps 2 --set data.size=16 --set model.filters=2 --set model.blocks=1 --set "
            "model.iterations=8 --set data.n_train=2 --set data.n_validation=1 -o " +
            path("model"));
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    return path("model/last.safetensors");
  }
  std::string run_scalar(const std::string& rest) const { return "denoise --lambda 0.1 " + rest; }
};

TEST_F(DenoiseCli, FoldersKeepTheirTreeAndPatternsTheirPartAfterTheLastPlainFolder) {
  for (const char* folder : {"in/A", "in/B"}) fs::create_directories(folder_ / folder);
  write_phantom("in/A/x.png", 0);
  write_phantom("in/B/x.png", 1);
  write_phantom("in/B/y.png", 2);
  ASSERT_EQ(run(run_scalar(path("in") + " -o " + path("tree"))).exit_code, 0);
  for (const char* file : {"tree/A/x.png", "tree/B/x.png", "tree/B/y.png"}) {
    EXPECT_TRUE(fs::exists(folder_ / file)) << file;
  }
  ASSERT_EQ(run(run_scalar("'" + path("in/*/x.png") + "' -o " + path("matched"))).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "matched/A/x.png"));
  EXPECT_TRUE(fs::exists(folder_ / "matched/B/x.png"));
  EXPECT_FALSE(fs::exists(folder_ / "matched/B/y.png"));
  ASSERT_EQ(run(run_scalar("'" + path("in/[B]") + "' -o " + path("folders"))).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "folders/B/y.png"));
  const Outcome none = run(run_scalar("'" + path("in/*.jpg") + "' -o " + path("none")));
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(has(none.err, "in/*.jpg' matches nothing")) << none.err;
  // A file whose name has such signs is found by its name.
  write_phantom("a[1].png", 3);
  EXPECT_EQ(run(run_scalar("'" + path("a[1].png") + "' -o " + path("signs"))).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "signs/a[1].png"));
}

TEST_F(DenoiseCli, StandardInputAndOutputCarryOnlyThePicture) {
  write_phantom("a.png", 0, 16);
  ASSERT_EQ(run(run_scalar(path("a.png") + " -o " + path("file.png"))).exit_code, 0);
  const Outcome piped = run("denoise --lambda 0.1 - -o - < " + path("a.png"));
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(piped.out, text_of(folder_ / "file.png"));
  const Outcome scored = run("denoise --lambda 0.1 - --noise 0.3 -o - < " + path("a.png"));
  ASSERT_EQ(scored.exit_code, 0);
  EXPECT_TRUE(scored.out.starts_with("\x89PNG"));
  EXPECT_TRUE(has(scored.err, "mean of 1")) << scored.err;
  EXPECT_EQ(run(run_scalar("- -o - --json < " + path("a.png"))).exit_code, 2);
  EXPECT_EQ(run(run_scalar("- - -o " + path("out") + " < " + path("a.png"))).exit_code, 2);
  const Outcome empty = run(run_scalar("- -o - < /dev/null"));
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_TRUE(has(empty.err, "standard input is empty")) << empty.err;
}

TEST_F(DenoiseCli, EveryResultIsCheckedBeforeTheFirstIsWritten) {
  write_phantom("a.png", 0);
  write_phantom("b.png", 1);
  fs::create_directories(folder_ / "out");
  write_phantom("out/b.png", 2);
  const std::string before = text_of(folder_ / "out/b.png");
  const std::string command = run_scalar(path("a.png") + " " + path("b.png") + " -o " + path("out"));
  const Outcome refused = run(command);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_TRUE(has(refused.err, "out/b.png exists; give --overwrite")) << refused.err;
  EXPECT_FALSE(fs::exists(folder_ / "out/a.png"));
  EXPECT_EQ(text_of(folder_ / "out/b.png"), before);
  EXPECT_EQ(run(command + " --overwrite").exit_code, 0);
  EXPECT_NE(text_of(folder_ / "out/b.png"), before);
}

TEST_F(DenoiseCli, ABrokenPictureStopsNoOther) {
  fs::create_directories(folder_ / "in");
  for (const char* name : {"in/a.png", "in/b.png", "in/c.png", "in/d.png"}) write_phantom(name, 0);
  const std::string whole = text_of(folder_ / "in/b.png");
  write_file_atomically(folder_ / "in/b.png",
                        {reinterpret_cast<const uint8_t*>(whole.data()), whole.size() / 2});
  const std::string command = run_scalar(path("in") + " --noise 0.3 --json -o " + path("out"));
  const Outcome o = run(command);
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, path("in/b.png") + " is truncated") && has(o.err, "1 of 4 pictures")) << o.err;
  const json report = json::parse(o.out);
  ASSERT_EQ(report.at("pictures").size(), 3u);
  ASSERT_EQ(report.at("errors").size(), 1u);
  EXPECT_EQ(report.at("errors").at(0).at("picture"), path("in/b.png"));
  EXPECT_TRUE(has(report.at("errors").at(0).at("error").get<std::string>(), "truncated"));
  EXPECT_TRUE(report.contains("mean"));
  for (const char* done : {"out/a.png", "out/c.png", "out/d.png"}) EXPECT_TRUE(fs::exists(folder_ / done));

  // Mended, and one result lost: only what is missing is made, with the noise it had.
  write_phantom("in/b.png", 0);
  const std::string last = text_of(folder_ / "out/d.png");
  fs::remove(folder_ / "out/d.png");
  write_phantom("out/a.png", 1);
  const std::string kept = text_of(folder_ / "out/a.png");
  const Outcome refused = run(command);
  EXPECT_TRUE(has(refused.err, "exists; give --overwrite")) << refused.err;
  const Outcome rest = run(command + " --skip-existing");
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(json::parse(rest.out).at("skipped"), 2);
  EXPECT_EQ(json::parse(rest.out).at("pictures").size(), 2u);
  EXPECT_EQ(text_of(folder_ / "out/a.png"), kept);
  EXPECT_EQ(text_of(folder_ / "out/d.png"), last);
  EXPECT_TRUE(fs::exists(folder_ / "out/b.png"));
  // If a picture has only some of its files, those that are there stay.
  fs::remove(folder_ / "out/c.png");
  EXPECT_EQ(run(command + " --skip-existing --compare --quiet").exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "out/c.png") && fs::exists(folder_ / "out/a_compare.png"));
  EXPECT_EQ(text_of(folder_ / "out/a.png"), kept);
  const Outcome nothing = run(command + " --skip-existing --compare");
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_TRUE(has(nothing.err, "4 of 4 pictures are skipped")) << nothing.err;
  EXPECT_EQ(run(command + " --skip-existing --overwrite").exit_code, 2);
  EXPECT_EQ(run(run_scalar(path("in") + " --noise 0.3 --skip-existing")).exit_code, 2);
}

TEST_F(DenoiseCli, OptionsThatCannotDoAnythingAreRefused) {
  write_phantom("a.png", 0);
  const Outcome model = run(run_scalar("best.safetensors " + path("a.png") + " -o " + path("out")));
  EXPECT_EQ(model.exit_code, 2);
  EXPECT_TRUE(has(model.err, "--lambda does not take a model: leave out best.safetensors")) << model.err;
  const Outcome format =
      run("denoise m.safetensors " + path("a.png") + " --map-format raw -o " + path("out"));
  EXPECT_EQ(format.exit_code, 2);
  EXPECT_TRUE(has(format.err, "--map-format requires --map")) << format.err;
}

TEST_F(DenoiseCli, TwoResultsOfOneNameAreRefused) {
  write_phantom("a.png", 0);
  fs::create_directories(folder_ / "other");
  fs::copy_file(folder_ / "a.png", folder_ / "other/a.png");
  const Outcome same = run(run_scalar(path("a.png") + " " + path("other/a.png") + " -o " + path("out")));
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_TRUE(has(same.err, "a.png and") && has(same.err, "other/a.png would both be written to"))
      << same.err;
  // The comparison of one picture is the result of another.
  fs::copy_file(folder_ / "a.png", folder_ / "a_compare.png");
  EXPECT_EQ(
      run(run_scalar(path("a.png") + " " + path("a_compare.png") + " --compare -o " + path("out"))).exit_code,
      2);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  EXPECT_EQ(run(run_scalar(path("a.png") + " " + path("a_compare.png") + " -o " + path("x.png"))).exit_code,
            2);
  for (const char* other : {"x.jpg", "x.PNG", "x.bmp"}) {
    const Outcome refused = run(run_scalar(path("a.png") + " -o " + path(other)));
    EXPECT_EQ(refused.exit_code, 2) << other;
    EXPECT_TRUE(has(refused.err, "WebP or DICOM: give " + path("x.png"))) << refused.err;
  }
}

TEST_F(DenoiseCli, LambdaMustBeANumberOfAtLeastZero) {
  write_phantom("a.png", 0);
  for (const char* lambda : {"nan", "-0.1", "inf", "1e9", "x", ""}) {
    const Outcome wrong =
        run("denoise --lambda='" + std::string(lambda) + "' " + path("a.png") + " -o " + path("out"));
    EXPECT_EQ(wrong.exit_code, 2) << lambda;
    EXPECT_TRUE(has(wrong.err, "--lambda")) << wrong.err;
  }
  // An implementation takes one value; what follows is a picture.
  EXPECT_EQ(
      run("denoise --lambda 0.1 --impl pdhg=reference " + path("a.png") + " -o " + path("forced")).exit_code,
      0);
  // Lambda = 0 keeps the picture.
  ASSERT_EQ(run("denoise --lambda 0 " + path("a.png") + " -o " + path("zero")).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "zero/a.png"), read_image(folder_ / "a.png"));
}

TEST_F(DenoiseCli, IteratesToTheGapAsked) {
  write_phantom("a.png", 0);
  const auto run_gap = [&](const std::string& rest) {
    const Outcome o = run(run_scalar(path("a.png") + " --noise 0.4 --json " + rest));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return std::pair(json::parse(o.out).at("pictures").at(0), o.err);
  };
  const auto [loose, loose_err] = run_gap("--gap 1e-2");
  const auto [tight, tight_err] = run_gap("--gap 1e-4");
  EXPECT_LE(loose.at("relative_gap").get<double>(), 1e-2);
  EXPECT_LE(tight.at("relative_gap").get<double>(), 1e-4);
  EXPECT_LT(loose.at("iterations").get<int>(), tight.at("iterations").get<int>());
  EXPECT_TRUE(has(tight_err, "relative gap")) << tight_err;
  const auto [few, few_err] = run_gap("--gap 1e-4 --iterations 5");
  EXPECT_EQ(few.at("iterations"), 5);
  EXPECT_TRUE(has(few_err, "not reached")) << few_err;
  EXPECT_GT(run_gap("--iterations 5").first.at("relative_gap"), tight.at("relative_gap"));
}

TEST_F(DenoiseCli, MapsForPeopleAndForPrograms) {
  const std::string model = train_model();
  write_phantom("a.png", 0, 8, 21);  // odd: the network pads, the map is cropped
  const std::string command = "denoise " + model + " " + path("a.png") + " --map ";
  ASSERT_EQ(run(command + "-o " + path("figure")).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "figure/a_lambda.png").channels, 3);
  const std::string vectors = command + "--compare --figure-format pdf --figure-data -o " + path("pdf");
  ASSERT_EQ(run(vectors).exit_code, 0);
  for (const char* name : {"pdf/a_lambda.pdf", "pdf/a_compare.pdf"})
    EXPECT_TRUE(text_of(folder_ / name).starts_with("%PDF")) << name;
  const std::string data = text_of(folder_ / "pdf/a_lambda.csv");
  EXPECT_EQ(std::ranges::count(data, '\n'), 1 + 21 * 21);
  EXPECT_TRUE(fs::exists(folder_ / "pdf/a_compare.csv"));
  EXPECT_EQ(run(vectors).exit_code, 3) << "all of them exist";
  ASSERT_EQ(run(command + "--map-format raw -o " + path("raw")).exit_code, 0);
  ASSERT_EQ(run(command + "--map-format safetensors -o " + path("st")).exit_code, 0);
  const Tensor map = Safetensors::read(folder_ / "st/a_lambda.safetensors").tensor("lambda");
  EXPECT_EQ(map.shape(), (Shape{1, 1, 21, 21}));
  // The scale as a reader of the raw map finds it: after the keyword and its zero, up to the next chunk's
  // checksum.
  const Image raw = read_image(folder_ / "raw/a_lambda.png");
  ASSERT_EQ(raw.bit_depth, 16);
  const std::string bytes = text_of(folder_ / "raw/a_lambda.png");
  const size_t at = bytes.find(std::string("Lambda scale\0", 13));
  ASSERT_NE(at, std::string::npos);
  const double scale = std::strtod(bytes.c_str() + at + 13, nullptr);
  const std::vector<double> values = map.to_doubles();
  double largest = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(raw.levels[i] * scale, values[i], 0.51 * scale) << i;
    largest = std::max(largest, values[i]);
  }
  EXPECT_NEAR(scale * 65535, largest, 1e-6 * largest);
  EXPECT_EQ(run("denoise --lambda 0.1 --map " + path("a.png") + " -o " + path("x")).exit_code, 2);
}

TEST_F(DenoiseCli, TilesGiveThePictureAndMapOfTheWhole) {
  const std::string model = train_model();
  write_phantom("a.png", 0, 16, 133);
  const auto denoise = [&](const std::string& options, const std::string& name) {
    return run("denoise " + model + " " + path("a.png") + " --map --map-format safetensors -o " + path(name) +
               " " + options);
  };
  const std::string blocked = " --impl conv3d=blocked";  // adds in the same order wherever a pixel lies
  const Outcome whole = denoise("--tile off" + blocked, "whole");
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_FALSE(has(whole.err, "tiles")) << whole.err;
  EXPECT_EQ(whole.out, path("a.png") + " -> " + path("whole/a.png") + "\n");
  ASSERT_EQ(denoise("" + blocked, "auto").exit_code, 0);
  const Outcome tiles = denoise("--tile 64 --json" + blocked, "tiles");
  ASSERT_EQ(tiles.exit_code, 0) << tiles.err;
  EXPECT_TRUE(has(tiles.err, "133 x 133 pixels, the network works in 9 tiles of at most 64 x 64 pixels"))
      << tiles.err;
  EXPECT_EQ(json::parse(tiles.out).at("pictures").at(0).at("tiles"), 9);
  for (const char* file : {"a.png", "a_lambda.safetensors"}) {
    EXPECT_EQ(text_of(folder_ / "tiles" / file), text_of(folder_ / "whole" / file)) << file;
    EXPECT_EQ(text_of(folder_ / "auto" / file), text_of(folder_ / "whole" / file)) << file;
  }
  EXPECT_EQ(denoise("--tile 64 --iterations 8" + blocked, "iterations").exit_code, 0);
  EXPECT_EQ(text_of(folder_ / "iterations/a.png"), text_of(folder_ / "whole/a.png"));

  for (const char* wrong : {"7", "big", "-64", "nan", ""}) {
    const Outcome refused = denoise("--tile='" + std::string(wrong) + "'", "wrong");
    EXPECT_EQ(refused.exit_code, 2) << wrong;
    EXPECT_TRUE(has(refused.err, "--tile")) << refused.err;
  }
  const Outcome scalar = run(run_scalar(path("a.png") + " --tile 64 -o " + path("scalar")));
  EXPECT_EQ(scalar.exit_code, 2);
  EXPECT_TRUE(has(scalar.err, "without a model there is no network")) << scalar.err;
}

TEST_F(DenoiseCli, ScoresNoisyPicturesAgainstTheirCleanOnes) {
  for (const char* folder : {"clean", "noisy", "lone"}) fs::create_directories(folder_ / folder);
  write_phantom("clean/a.png", 0);
  write_phantom("clean/b.png", 1);
  ASSERT_EQ(run("denoise --lambda 0.3 " + path("clean") + " -o " + path("noisy") + " --overwrite").exit_code,
            0);
  const Outcome scored = run(run_scalar(path("noisy") + " --clean " + path("clean") + " --json"));
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const double expected =
      psnr(to_tensor(read_image(folder_ / "noisy/b.png")), to_tensor(read_image(folder_ / "clean/b.png")));
  EXPECT_NEAR(json::parse(scored.out).at("pictures").at(1).at("psnr_noisy").get<double>(), expected, 1e-9);
  const std::string one = run_scalar(path("noisy/a.png"));
  EXPECT_EQ(run(one + " --clean " + path("clean/a.png")).exit_code, 0);
  EXPECT_EQ(run(one + " --clean " + path("none.png")).exit_code, 3);
  EXPECT_EQ(run(one + " --clean " + path("clean/a.png") + " --noise 0.1").exit_code, 2);
  EXPECT_EQ(run(run_scalar(path("noisy") + " --clean " + path("clean/a.png"))).exit_code, 2);
  write_phantom("lone/a.png", 0);
  const Outcome missing = run(run_scalar(path("noisy") + " --clean " + path("lone")));
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_TRUE(has(missing.err, "no picture of the name b")) << missing.err;
  write_phantom("large.png", 0, 8, 48);
  const Outcome sizes = run(one + " --clean " + path("large.png"));
  EXPECT_EQ(sizes.exit_code, 3);
  EXPECT_TRUE(has(sizes.err, "40 x 40") && has(sizes.err, "48 x 48")) << sizes.err;
  EXPECT_EQ(run(one + " --clean " + path("large.png") + " --size 32").exit_code, 0);
  write_png(folder_ / "tiny.png", Image(5, 5, 1));
  EXPECT_EQ(run(run_scalar(path("tiny.png") + " --noise 0.1")).exit_code, 3);
  EXPECT_EQ(run(run_scalar(path("tiny.png") + " -o " + path("tiny"))).exit_code, 0);
}

TEST_F(DenoiseCli, ColourBecomesGreyWhereAskedAndSaysSo) {
  Image colour(12, 12, 3), grey(12, 12, 3);
  for (size_t i = 0; i < colour.levels.size(); ++i) {
    colour.levels[i] = static_cast<uint16_t>(i % 251);
    grey.levels[i] = static_cast<uint16_t>(i / 3 % 251);
  }
  write_png(folder_ / "colour.png", colour);
  write_png(folder_ / "grey.png", grey);
  const Outcome o = run(run_scalar("--colour grey " + path("colour.png") + " -o " + path("out")));
  EXPECT_TRUE(has(o.err, "colour.png is in colour: it is converted to grey")) << o.err;
  EXPECT_EQ(read_image(folder_ / "out/colour.png").channels, 1);
  EXPECT_FALSE(has(run(run_scalar(path("grey.png") + " -o " + path("out"))).err, "in colour"));
}

}  // namespace
}  // namespace primal
