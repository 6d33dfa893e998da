// `primal watch` from outside: the same results as `primal denoise`, pictures that are reduced or
// cut, and what it refuses.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/text.h"
#include "support/train_cli.h"
#include "support/watch_page.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::image_of_uri;
using testing::Outcome;
using testing::text_of;
using testing::watch_data;

class Watch : public testing::TrainCli {
 protected:
  json page(const std::string& name) const { return watch_data(text_of(folder_ / name)); }

  // The page `name` that these arguments make.
  json watched(const std::string& arguments, const std::string& name = "page.html") const {
    const Outcome o = run("watch " + arguments + " --overwrite -o " + path(name));
    EXPECT_EQ(o.exit_code, 0) << arguments << "\n" << o.err;
    return page(name);
  }

  void refused(const std::string& arguments, int code, const std::string& part) const {
    const Outcome o = run("watch " + arguments);
    EXPECT_EQ(o.exit_code, code) << arguments << "\n" << o.err;
    EXPECT_TRUE(has(o.err, part)) << arguments << "\n" << o.err;
  }

  Image last_picture(const json& data) const { return image_of_uri(data.at("frames").back().at("x")); }
};

TEST_F(Watch, TheLastFrameIsWhatDenoiseWrites) {
  write_phantom("a.png", 0);
  for (const std::string options : {"--lambda 0.1", "--lambda 0.1 --iterations 37 --boundary periodic",
                                    "--lambda 0.05 --noise 0.4 --seed 3 --noise-kind absolute",
                                    "--lambda 0.1 --noise 0.5 --iterations 300"}) {
    const Outcome o =
        run("denoise " + options + " " + path("a.png") + " --overwrite -q -o " + path("denoised.png"));
    ASSERT_EQ(o.exit_code, 0) << o.err;
    const json data = watched(path("a.png") + " " + options);
    EXPECT_EQ(last_picture(data), read_image(folder_ / "denoised.png")) << options;
    EXPECT_EQ(data.at("clean").is_null(), !has(options, "--noise ")) << options;
  }
}

TEST_F(Watch, AModelsLastFrameToo) {
  write_phantom("a.png", 0);
  ASSERT_EQ(train("-o " + path("run") + " --quiet --steps 2" + kTiny).exit_code, 0);
  for (const std::string options : {"", " --iterations 20 --boundary symmetric", " --noise 0.3"}) {
    const Outcome o = run("denoise " + path("run") + " " + path("a.png") + options + " --overwrite -q -o " +
                          path("denoised.png"));
    ASSERT_EQ(o.exit_code, 0) << o.err;
    const json data = watched(path("a.png") + " " + path("run") + options);
    EXPECT_EQ(last_picture(data), read_image(folder_ / "denoised.png")) << options;
    EXPECT_EQ(data.at("iterations"), has(options, "iterations") ? 20 : 4) << "T of the model: " << options;
    EXPECT_TRUE(data.at("lambda").at("picture").is_string()) << "Lambda is a map";
  }
}

TEST_F(Watch, SaysItsNumbersAsJson) {
  write_phantom("a.png", 0);
  const Outcome o =
      run("watch " + path("a.png") + " --noise 0.5 --lambda 0.1 --json -o " + path("page.html"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json said = json::parse(o.out), data = page("page.html");
  EXPECT_EQ(said.at("bytes"), fs::file_size(folder_ / "page.html"));
  ASSERT_EQ(said.at("frames").size(), 60u);
  for (size_t i = 0; i < 60; ++i) {
    const json &row = said.at("frames").at(i), &frame = data.at("frames").at(i);
    EXPECT_EQ(row.at("k"), frame.at("k"));
    EXPECT_EQ(row.at("objective"), frame.at("energy"));
    EXPECT_EQ(row.at("gap"), frame.at("gap"));
    EXPECT_EQ(row.at("psnr"), frame.at("psnr"));
  }
}

TEST_F(Watch, SaysWhichLambdaItTakesWithoutOne) {
  write_phantom("a.png", 0);
  const Outcome o = run("watch " + path("a.png") + " --iterations 3 -o " + path("page.html"));
  EXPECT_EQ(o.exit_code, 0);
  EXPECT_TRUE(has(o.err, "neither --lambda nor a model is given: lambda = 0.07")) << o.err;
  EXPECT_TRUE(has(text_of(folder_ / "page.html"), "0.07, which is this page&#39;s default"));
  const json with = watched(path("a.png") + " --iterations 3 --lambda 0.07", "with.html");
  EXPECT_EQ(page("page.html"), with);
}

TEST_F(Watch, ReducesOrCutsLargerPictures) {
  Image wide(300, 100, 1);
  for (int64_t x = 0; x < 300; ++x) {
    for (int64_t y = 0; y < 100; ++y) wide.at(x, y) = static_cast<uint16_t>((x + y) % 256);
  }
  write_png(folder_ / "wide.png", wide);
  const std::string base = path("wide.png") + " --lambda 0 --iterations 1";
  const json reduced = watched(base);
  EXPECT_EQ(reduced.at("width"), 256);
  EXPECT_EQ(reduced.at("height"), 85);
  EXPECT_TRUE(has(text_of(folder_ / "page.html"), "256 x 85 pixels here, reduced from 300 x 100"));
  const json cut = watched(base + " --crop --size 64");
  EXPECT_EQ(cut.at("width"), 64);
  EXPECT_EQ(cut.at("height"), 64);
  const Image first = image_of_uri(cut.at("frames").at(0).at("x"));
  EXPECT_EQ(first.at(0, 0), wide.at(118, 18));
  EXPECT_EQ(first.at(63, 63), wide.at(181, 81));
  const json small = watched(base + " --size 512");
  EXPECT_EQ(small.at("width"), 300) << "nothing is made larger";
}

TEST_F(Watch, BadInputIsRefusedBeforeAnythingIsWritten) {
  write_phantom("a.png", 0);
  write_png(folder_ / "one.png", Image(1, 1, 1));
  write_png(folder_ / "row.png", Image(30, 1, 1));
  const std::string out = " -o " + path("page.html");
  refused(path("none.png") + out, 3, "none.png");
  refused(path("one.png") + out, 3, "1 x 1 pixels, expected 2 x 2 at least");
  refused(path("row.png") + out, 3, "30 x 1 pixels");
  refused(path("a.png") + out + " --iterations 0", 2, "--iterations: expected a whole number from 1");
  refused(path("a.png") + out + " --lambda nan", 2, "--lambda: expected a number from 0 to 100, found 'nan'");
  refused(path("a.png") + out + " --lambda -0.1", 2, "--lambda");
  refused(path("a.png") + out + " --size 1", 2, "--size");
  refused(path("a.png"), 2, "--output is required");
  refused(path("a.png") + " -o " + path("page.png"), 2, "ends in .html");
  refused(path("a.png") + " " + path("a.png") + out, 3, "expected a model");
  refused(path("a.png") + " " + path("no_model.safetensors") + out, 3, "no_model.safetensors");
  refused("x.safetensors " + path("a.png") + out, 2, "PICTURE and then MODEL");
  refused(path("a.png") + " model.safetensors --lambda 0.1" + out, 2, "leave out the other");
  fs::create_directories(folder_ / "two");
  write_phantom("two/a.png", 0);
  write_phantom("two/b.png", 1);
  refused(path("two") + out, 2, "2 pictures, expected one");
  EXPECT_FALSE(exists("page.html"));
}

TEST_F(Watch, AModelOfAnotherTaskIsNamed) {
  write_phantom("a.png", 0);
  const Outcome trained = train(
      "-o " + path("mnist") +
      " --quiet --steps 1 --set task.kind=reconstruct --set autoencoder.layout=mnist --set "
      "autoencoder.filters=2"
      " --set autoencoder.latent=8 --set data.n_train=12 --set data.n_validation=4 --set noise.kind=absolute"
      " --set training.batch=5");
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  refused(path("a.png") + " " + path("mnist") + " -o " + path("page.html"), 3,
          "a model for the task reconstruct");
  EXPECT_FALSE(exists("page.html"));
}

TEST_F(Watch, APageThatExistsStaysWithoutOverwrite) {
  write_phantom("a.png", 0);
  std::ofstream(path("page.html")) << "mine";
  refused(path("a.png") + " -o " + path("page.html"), 3, "exists; give --overwrite");
  EXPECT_EQ(text_of(folder_ / "page.html"), "mine");
  watched(path("a.png") + " --iterations 2");
}

TEST_F(Watch, AnyNameAndSizeOfPictureMakesAPage) {
  const std::string name = "a'<b> & \xc3\xa9.png";
  write_phantom(name, 0, 16, 24);
  const Outcome o = run("watch \"" + path(name) + "\" --iterations 2 --lambda 0.1 -o " + path("page.html"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const std::string text = text_of(folder_ / "page.html");
  EXPECT_TRUE(has(text, "a&#39;&lt;b&gt; &amp; \xc3\xa9.png"));
  EXPECT_FALSE(has(text, "<b>"));
  write_png(folder_ / "tiny.png", Image(2, 2, 1));
  EXPECT_EQ(watched(path("tiny.png") + " --iterations 1").at("frames").size(), 2u);
  write_png(folder_ / "flat.png", Image(5, 3, 1));
  const json flat = watched(path("flat.png") + " --noise 0.5 --iterations 2");
  EXPECT_TRUE(flat.at("frames").back().at("psnr").is_null()) << "infinite: nothing to add noise to";
}

}  // namespace
}  // namespace primal
