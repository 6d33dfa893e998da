// Data sets that are not as one would wish: pictures without variation, broken files, flat folders, links.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

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
using testing::TrainCli;

class AwkwardData : public TrainCli {
 protected:
  static constexpr const char* kModel =
      " --set data.size=16 --set model.filters=2 --set model.blocks=1 --set model.iterations=4"
      " --set training.learning_rate=1e-3 ";

  void SetUp() override {
    fs::create_directories(folder_ / "set/train");
    fs::create_directories(folder_ / "set/val");
    for (uint32_t i = 0; i < 5; ++i) write_phantom("set/train/" + std::to_string(i) + ".png", i, 8, 24);
    for (uint32_t i = 0; i < 2; ++i) write_phantom("set/val/v" + std::to_string(i) + ".png", 10 + i, 8, 24);
  }
  // A picture of one level: relative noise leaves it as it is.
  void write_constant(const std::string& name, uint16_t level) const {
    Image image(24, 24, 1);
    std::ranges::fill(image.levels, level);
    write_png(folder_ / name, image);
  }
  void cut(const std::string& name) const {
    fs::resize_file(folder_ / name, fs::file_size(folder_ / name) / 2);
  }
  // A byte inside the compressed pixels: nothing that the header tells.
  void damage(const std::string& name) const {
    std::string bytes = text_of(folder_ / name);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  std::string on_set(const std::string& output) const {
    return "--data " + path("set") + kModel + " -o " + path(output) + " ";
  }
  std::vector<json> events(const std::string& folder, const std::string& kind) const {
    std::ifstream lines(folder_ / (folder + "/events.jsonl"));
    std::vector<json> some;
    for (std::string line; std::getline(lines, line);) {
      const json event = json::parse(line);  // throws for `inf` and `nan`
      if (event.at("event") == kind) some.push_back(event);
    }
    return some;
  }
};

TEST_F(AwkwardData, ABlackValidationPictureLeavesAMeanThatMovesAndPatience) {
  write_constant("set/val/black.png", 0);
  const Outcome o =
      train(on_set("run") + "--epochs 6 --set training.patience=3 --set training.min_delta=0.0");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const std::vector<json> validations = events("run", "validation");
  ASSERT_GE(validations.size(), 2u);
  for (const json& v : validations) {
    EXPECT_TRUE(v.at("validation_psnr_db").is_number()) << v;
    EXPECT_EQ(v.at("validation_psnr_db_infinite"), 1) << v;
  }
  EXPECT_NE(validations[0].at("validation_psnr_db"), validations[1].at("validation_psnr_db"));
  for (const std::string& cell : column("run", "validation_psnr_db"))
    EXPECT_TRUE(cell.empty() || std::isfinite(std::stod(cell))) << cell;
  // The best is the best of the means.
  double best = 0.0;
  int64_t step = 0;
  for (const json& v : validations) {
    if (v.at("validation_psnr_db").get<double>() <= best) continue;
    best = v.at("validation_psnr_db").get<double>();
    step = v.at("step").get<int64_t>();
  }
  EXPECT_EQ(Safetensors::read(folder_ / "run/best.safetensors").metadata().at("step"), std::to_string(step));
  EXPECT_TRUE(has(o.err, "noisy: 1 of 3 infinite")) << o.err;
  EXPECT_TRUE(has(o.err, "PSNR of 2 of 3")) << o.err;

  ASSERT_EQ(run("inspect " + path("run") + " --curves " + path("c.png")).exit_code, 0);
  const Outcome report = run("inspect --json " + path("run"));
  EXPECT_TRUE(json::parse(report.out).at("baselines").at("noisy").at("validation_psnr_db").is_number());
}

TEST_F(AwkwardData, OnlyBlackValidationPicturesEndNothing) {
  for (const char* name : {"set/val/v0.png", "set/val/v1.png"}) write_constant(name, 0);
  const Outcome o = train(on_set("run") + "--epochs 4 --set training.patience=2");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(column("run", "step").size(), 20u) << "nothing was better, but nothing worse either";
  EXPECT_TRUE(events("run", "validation").front().at("validation_psnr_db").is_null());
  EXPECT_EQ(column("run", "validation_psnr_db").back(), "");
  EXPECT_TRUE(has(o.err, "so there is no mean: nothing tells a better model")) << o.err;
  EXPECT_EQ(run("inspect " + path("run") + " --curves " + path("c.png")).exit_code, 0);
}

TEST_F(AwkwardData, CurvesOfAnOldLogWithInfiniteValuesAreDrawn) {
  fs::create_directories(folder_ / "old");
  std::ofstream(folder_ / "old/metrics.csv")
      << "step,epoch,loss,mean_loss,learning_rate,step_ms,validation_psnr_db,validation_ssim\n"
      << "1,0,0.5,0.5,0.1,1,inf,0.5\n2,0,0.25,0.3,0.1,1,inf,0.6\n";
  const Outcome o =
      run("inspect " + path("old") + " --curves " + path("c.png") + " --figure-data " + path("c.csv"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  const std::string data = text_of(folder_ / "c.csv");
  EXPECT_TRUE(has(data, "\n1.2,SSIM") && !has(data, "\n1.3,")) << "the loss and the SSIM: " << data;
}

TEST_F(AwkwardData, MeansOfDenoiseAndEvaluateAreOverFinitePictures) {
  write_constant("set/val/black.png", 0);
  ASSERT_EQ(train("-q --steps 2 " + on_set("model") + "--set training.baselines=false").exit_code, 0);
  const std::string denoise = "denoise --lambda 0.05 " + path("set/val") + " --noise 0.5 ";
  const Outcome table = run(denoise);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_FALSE(has(table.out.substr(table.out.find("mean of 3")), "inf")) << table.out;
  EXPECT_TRUE(has(table.err, "black.png is the same everywhere")) << table.err;
  EXPECT_TRUE(has(table.err, "noisy PSNR: 1 of 3 infinite (equal pictures), the mean is over 2"))
      << table.err;
  const json denoised = json::parse(run(denoise + "--json -q").out);
  EXPECT_TRUE(denoised.at("mean").at("psnr_noisy").is_number());
  EXPECT_EQ(denoised.at("infinite").at("psnr_noisy"), 1);
  double sum = 0.0;
  for (const json& row : denoised.at("pictures")) {
    if (row.at("psnr_noisy").is_number()) sum += row.at("psnr_noisy").get<double>();
  }
  EXPECT_NEAR(denoised.at("mean").at("psnr_noisy").get<double>(), sum / 2.0, 1e-9);

  const Outcome o = run("evaluate " + path("model/last.safetensors") + " --data " + path("set/val") +
                        " --grid 0:0.2:3 --noise 0.5 -o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "black.png is the same everywhere")) << o.err;
  EXPECT_TRUE(has(o.err, "PSNR, noisy: 1 of 3 infinite")) << o.err;
  const json summary = json::parse(text_of(folder_ / "out/summary.json"));
  EXPECT_TRUE(summary.at("noisy").at("psnr").at("mean").is_number()) << summary;
  EXPECT_EQ(summary.at("noisy").at("psnr").at("infinite"), 1);
  EXPECT_TRUE(summary.at("gain").at("psnr").at("interval_95").at(0).is_number());
}

TEST_F(AwkwardData, AConstantPictureCanBeSearched) {
  for (const uint16_t level : std::initializer_list<uint16_t>{0, 77, 255}) {
    write_constant("constant.png", level);
    const Outcome o =
        run("search " + path("constant.png") + " --noise 0.5 --grid 0:.2:3 --overwrite --figure " +
            path("f.png") + " --csv " + path("f.csv"));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_TRUE(has(o.err, "constant.png is the same everywhere")) << o.err;
    EXPECT_GE(read_image(path("f.png")).width, 520);
    EXPECT_FALSE(has(text_of(folder_ / "f.csv"), "nan"));
  }
  EXPECT_FALSE(has(run("search " + path("set/val/v0.png") + " --noise 0.5 --grid 0:.2:3").err, "everywhere"));
}

TEST_F(AwkwardData, OnePictureHasNoDeviationAndNoInterval) {
  ASSERT_EQ(train("-q --steps 2 " + on_set("model")).exit_code, 0);
  const std::string evaluate = "evaluate " + path("model/last.safetensors") + " --data " + path("set/val") +
                               " --grid 0:0.2:3 --limit 1 ";
  const Outcome table = run(evaluate);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_FALSE(has(table.out, "0.000 ") || has(table.out, "..")) << table.out;
  const json report = json::parse(run(evaluate + "--json -q").out);
  EXPECT_TRUE(report.at("map").at("psnr").at("deviation").is_null());
  EXPECT_EQ(report.at("gain").at("psnr").at("interval_95").dump(), "[null,null]");
}

TEST_F(AwkwardData, BrokenPicturesAreFoundBeforeTheFirstStep) {
  cut("set/train/2.png");
  std::ofstream(folder_ / "set/val/v1.png") << "no picture";
  for (const char* dry : {"--dry-run ", ""}) {
    const Outcome o = train(on_set("run") + "--steps 20 " + dry);
    EXPECT_EQ(o.exit_code, 3) << o.err;
    EXPECT_TRUE(has(o.err, "2 of 7 pictures cannot be read") && has(o.err, "set/train/2.png is truncated") &&
                has(o.err, "set/val/v1.png is a text, expected PNG, JPEG") &&
                has(o.err, "data.skip_broken=true"))
        << o.err;
    EXPECT_FALSE(exists("run"));
  }
  const Outcome skipped = train(on_set("run") + "--epochs 2 --set data.skip_broken=true");
  ASSERT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_TRUE(has(skipped.err, "2 of 7 pictures cannot be read and are left out") &&
              has(skipped.err, "set/train/2.png is truncated"))
      << skipped.err;
  EXPECT_EQ(column("run", "step").size(), 8u);  // four pictures, twice
  for (const char* name : {"set/train/0.png", "set/train/1.png", "set/train/3.png", "set/train/4.png"})
    cut(name);
  const Outcome none = train(on_set("none") + "--epochs 2 --set data.skip_broken=true");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(has(none.err, "no training picture")) << none.err;
}

TEST_F(AwkwardData, DamagedPixelsAreFoundByCheckDataOrSaveWhatWasComputed) {
  damage("set/train/2.png");
  const Outcome checked = train(on_set("run") + "--steps 20 --check-data --dry-run");
  EXPECT_EQ(checked.exit_code, 3);
  EXPECT_TRUE(has(checked.err, "set/train/2.png is corrupt")) << checked.err;

  const Outcome broken = train("-q " + on_set("run") + "--steps 20");
  EXPECT_EQ(broken.exit_code, 3) << broken.err;
  const size_t done = column("run", "step").size();
  EXPECT_LT(done, 5u);
  const auto saved = Safetensors::read(folder_ / "run/last.safetensors").metadata().at("step");
  EXPECT_EQ(saved, std::to_string(done));
  ASSERT_EQ(events("run", "stop").size(), 1u);
  EXPECT_TRUE(has(events("run", "stop").front().at("reason").get<std::string>(), "2.png is corrupt"));
  // It goes on without the picture.
  const Outcome resumed = train("--resume --set data.skip_broken=true -o " + path("run"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(column("run", "step").size(), 20u);
}

TEST_F(AwkwardData, AValidationThatFailsLeavesItsStepToBeCompleted) {
  ASSERT_EQ(train("-q " + on_set("whole") + "--steps 12").exit_code, 0);
  const std::string intact = text_of(folder_ / "set/val/v1.png");
  damage("set/val/v1.png");
  EXPECT_EQ(train("-q " + on_set("run") + "--steps 12 --set training.baselines=false").exit_code, 3);
  EXPECT_EQ(column("run", "step").size(), 4u);  // the row of step 5 waits for its validation
  EXPECT_EQ(Safetensors::read(folder_ / "run/last.safetensors").metadata().at("step"), "5");
  std::ofstream(folder_ / "set/val/v1.png", std::ios::binary) << intact;
  ASSERT_EQ(train("-q --resume -o " + path("run")).exit_code, 0);
  for (const char* name : {"step", "loss", "mean_loss", "validation_psnr_db", "validation_ssim"})
    EXPECT_EQ(column("run", name), column("whole", name)) << name;
}

TEST_F(AwkwardData, FlatFoldersWithFewTrainingPicturesAreRemarkedOn) {
  fs::create_directories(folder_ / "flat");
  for (uint32_t i = 0; i < 9; ++i) write_phantom("flat/" + std::to_string(i) + ".png", i, 8, 24);
  const std::string on_flat = "--data " + path("flat") + kModel;
  const Outcome o = train("--dry-run " + on_flat + "-o " + path("run"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "1 training picture, 8 kept for validation")) << o.err;
  ASSERT_EQ(train("-q --steps 2 " + on_flat + "--set data.n_validation=2 -o " + path("model")).exit_code, 0);
  const Outcome evaluated =
      run("evaluate " + path("model/last.safetensors") + " --data " + path("flat") + " --grid 0:0.2:2");
  EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_TRUE(has(evaluated.err, "the model was trained on pictures of " + path("flat"))) << evaluated.err;
  fs::rename(folder_ / "flat", folder_ / "moved");
  EXPECT_TRUE(has(
      run("evaluate " + path("model/last.safetensors") + " --data " + path("moved") + " --grid 0:0.2:2").err,
      "has no folder test"));
  EXPECT_TRUE(has(
      run("evaluate " + path("model/last.safetensors") + " --data " + path("set/train") + " --grid 0:0.2:2")
          .err,
      "training pictures"));

  const Outcome few = train("--data " + path("set/val") + kModel + "-o " + path("run"));
  EXPECT_EQ(few.exit_code, 3);
  EXPECT_TRUE(has(few.err, "--set data.n_validation=1")) << few.err;
}

TEST_F(AwkwardData, SmallPicturesAreEnlargedWithARemark) {
  write_phantom("set/train/small.png", 3, 8, 12);
  const Outcome o = train("--dry-run " + on_set("run"));
  EXPECT_TRUE(has(o.err, "1 of 6 training pictures are smaller than 16 x 16") &&
              has(o.err, "small.png with 12 x 12"))
      << o.err;
}

TEST_F(AwkwardData, LinkedFoldersAreFollowedOnceAndCyclesEnd) {
  fs::create_directories(folder_ / "elsewhere/deep");
  write_phantom("elsewhere/x.png", 20, 8, 24);
  write_phantom("elsewhere/deep/y.png", 21, 8, 24);
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "set/train/linked");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "set/train/again");
  fs::create_directory_symlink(folder_ / "set/train", folder_ / "elsewhere/deep/cycle");
  const Outcome o = train("--dry-run --json -q " + on_set("run"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(json::parse(o.out).at("pictures"), 7);
  EXPECT_EQ(json::parse(o.out).at("validation_pictures"), 2);
}

// It is a broken picture, not one that is passed over.
TEST_F(AwkwardData, ALinkToAPictureThatIsNotThereIsReported) {
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "set/train/gone.png");
  const Outcome o = train("--dry-run " + on_set("run"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "gone.png")) << o.err;
  const Outcome without = train("--dry-run --json -q --set data.skip_broken=true " + on_set("run"));
  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_EQ(json::parse(without.out).at("pictures"), 5);
  const Outcome denoised = run("denoise --lambda 0.1 " + path("set/train") + " -o " + path("out"));
  EXPECT_EQ(denoised.exit_code, 3) << denoised.err;
  EXPECT_TRUE(has(denoised.err, "gone.png") && has(denoised.err, "1 of 6 pictures")) << denoised.err;
}

// As where a disk is not mounted. A link to a note is none of our business.
TEST_F(AwkwardData, ALinkToAFolderThatIsNotThereIsReported) {
  fs::create_symlink(folder_ / "nowhere.txt", folder_ / "set/train/README.txt");
  EXPECT_EQ(train("--dry-run " + on_set("run")).exit_code, 0);
  fs::create_directory_symlink(folder_ / "nowhere", folder_ / "set/train/more");
  const Outcome o = train("--dry-run " + on_set("run"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "set/train/more")) << o.err;
  const Outcome denoised = run("denoise --lambda 0.1 " + path("set/train") + " -o " + path("out"));
  EXPECT_EQ(denoised.exit_code, 3) << denoised.err;
  EXPECT_TRUE(has(denoised.err, "set/train/more") && has(denoised.err, "1 of 6 pictures")) << denoised.err;
  const Outcome matched = run("denoise --lambda 0.1 '" + path("set/train/*") + "' -o " + path("matched"));
  EXPECT_EQ(matched.exit_code, 3) << matched.err;
  EXPECT_TRUE(has(matched.err, "set/train/more")) << matched.err;
  const Outcome frames =
      run("denoise --lambda 0.1,0.1 --sequence " + path("set/train") + " -o " + path("frames"));
  EXPECT_EQ(frames.exit_code, 3) << frames.err;
  EXPECT_TRUE(has(frames.err, "set/train/more")) << frames.err;
}

// As where a disk is not mounted: the pictures beside it are other ones.
TEST_F(AwkwardData, ASplitThatIsALinkToNothingIsReported) {
  fs::rename(folder_ / "set/train", folder_ / "moved");
  fs::create_directory_symlink(folder_ / "nowhere", folder_ / "set/train");
  const Outcome o = train("--dry-run " + on_set("run"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "is a link to a folder that does not exist")) << o.err;
}

}  // namespace
}  // namespace primal
