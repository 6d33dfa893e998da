// primal study: from pictures to tables, stopped and gone on with, and what is refused.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "nn/lpips/lpips.h"
#include "support/train_cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::Outcome;
using testing::TrainCli;

constexpr const char* kSmallStudy =
    " --phantom 24 --size 36 --epochs-classifier 2 --epochs-denoiser 1 --epochs-unet 1 --threads 1 -o ";

class Study : public TrainCli {
 protected:
  Outcome study(const std::string& arguments) const { return run("study " + arguments); }

  // Numbered pictures of a class.
  void write_class(const std::string& folder, int n) const {
    std::filesystem::create_directories(path(folder));
    for (int i = 0; i < n; ++i)
      write_phantom(folder + "/cast_" + std::to_string(i) + ".png", static_cast<uint32_t>(i));
  }
};

TEST_F(Study, WritesTheAuthorsTablesBesideItsOwn) {
  const Outcome whole = study("-q" + std::string(kSmallStudy) + path("a"));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(whole.out, testing::text_of(path("a/study.md")));
  for (const char* part :
       {"their pictures, which are not ours", "0.8464", "26.07", "0.2754", "no weights given: --lpips",
        "divided at random", "Gain in accuracy by denoising", "truth \\ taken for", "T = 64"})
    EXPECT_NE(whole.out.find(part), std::string::npos) << part << "\n" << whole.out;
  const json result = json::parse(testing::text_of(path("a/study.json")));
  EXPECT_EQ(result.at("held_out").get<int>() + result.at("trained_on").get<int>(), 24);
  const json& tables = result.at("tables");
  EXPECT_EQ(tables.at("defect").at("authors").at("accuracy"), 0.764);
  const double before = tables.at("defect").at("noisy").at("accuracy").get<double>(),
               after = tables.at("defect_after_denoising").at("denoiser").at("accuracy").get<double>();
  EXPECT_NEAR(result.at("gain_in_accuracy").at("denoiser").at("mean").get<double>(), after - before, 1e-12);
  EXPECT_GT(tables.at("denoising").at("unet_pdhg").at("psnr_db").get<double>(), 0.0);
  EXPECT_TRUE(tables.at("denoising").at("noisy").at("lpips").is_null());
  EXPECT_NE(testing::text_of(path("a/study.csv")).find("denoising,unet_pdhg,ssim,0.719,"), std::string::npos);
  const Image samples = read_image(path("a/samples.png"));
  EXPECT_EQ(samples.width, 4 * 36 + 3 * 4);

  // A second run does nothing and reports the same.
  const auto written = std::filesystem::last_write_time(path("a/runs/unet_pdhg/last.safetensors"));
  const Outcome again = study("--json -q" + std::string(kSmallStudy) + path("a"));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, testing::text_of(path("a/study.json")));
  EXPECT_EQ(std::filesystem::last_write_time(path("a/runs/unet_pdhg/last.safetensors")), written);

  // A table that was removed comes back.
  std::filesystem::remove(path("a/study.md"));
  EXPECT_EQ(study("-q" + std::string(kSmallStudy) + path("a")).out, whole.out);

  // Weights of LPIPS that come later: the scores are computed again, the models are not.
  Initialiser init(3);
  write_safetensors(path("lpips.safetensors"), Lpips({}, init).state());
  const Outcome scored = study("--json -q --lpips " + path("lpips.safetensors") + kSmallStudy + path("a"));
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const json denoising = json::parse(scored.out).at("tables").at("denoising");
  EXPECT_GT(denoising.at("noisy").at("lpips").get<double>(), 0.0);
  EXPECT_EQ(denoising.at("denoiser").at("psnr_db"), tables.at("denoising").at("denoiser").at("psnr_db"));
  EXPECT_EQ(std::filesystem::last_write_time(path("a/runs/unet_pdhg/last.safetensors")), written);

  const Outcome other = study("-q --seed 7" + std::string(kSmallStudy) + path("a"));
  EXPECT_EQ(other.exit_code, 2) << other.err;
  EXPECT_NE(other.err.find("seed: 42 there, 7 now"), std::string::npos) << other.err;
}

TEST_F(Study, OneThatWasStoppedGivesTheSameTables) {
  ASSERT_EQ(study("-q" + std::string(kSmallStudy) + path("whole")).exit_code, 0);
  std::filesystem::create_directories(path("parts"));
  std::ofstream(path("parts/.settings.json.1.0.tmp")) << "{";  // killed while it wrote its settings
  // Killed again and again, each time a little later, until it comes through.
  bool done = false;
  int n_kills = 0;
  for (int i = 1; i <= 60 && !done; ++i) {
    const std::string command = fmt::format("timeout -s KILL {:.2f} {} study -q{}{} > /dev/null 2>&1",
                                            0.1 * i, PRIMAL_PROGRAM, kSmallStudy, path("parts"));
    const int status = std::system(command.c_str());
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!done) ++n_kills;
  }
  ASSERT_TRUE(done);
  EXPECT_GT(n_kills, 0);
  for (const char* file :
       {"study.md", "study.csv", "study.json", "samples.png", "confusion.png", "pictures/manifest.csv"})
    EXPECT_EQ(testing::text_of(path(std::string("parts/") + file)),
              testing::text_of(path(std::string("whole/") + file)))
        << file;
}

TEST_F(Study, DividesAtRandomWhereThatIsAskedFor) {
  const Outcome random = study("-q --split picture" + std::string(kSmallStudy) + path("a"));
  ASSERT_EQ(random.exit_code, 0) << random.err;
  EXPECT_NE(random.out.find("drawn at random"), std::string::npos) << random.out;
  EXPECT_FALSE(exists("a/runs/defect_by_picture"));
}

TEST_F(Study, RefusesPicturesThatItCannotDivide) {
  const auto refused = [&](const std::string& folder, const std::string& why, const std::string& more = "") {
    const Outcome outcome = study("-q --from " + path(folder) + more + " -o " + path("out"));
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_NE(outcome.err.find(why), std::string::npos) << outcome.err;
    EXPECT_FALSE(exists("out"));
  };
  write_class("one/def_front", 3);
  refused("one", "has 0 pictures of class ok");
  std::filesystem::create_directories(path("none/def_front"));
  refused("none", ".png .jpg .jpeg");
  write_class("odd/def_front", 3);
  write_class("odd/scratched", 3);
  refused("odd", "lies in no folder of a class");
  write_class("names/def_front", 3);
  write_class("names/ok_front", 3);
  std::filesystem::rename(path("names/ok_front/cast_1.png"), path("names/ok_front/cast.png"));
  refused("names", "has no number at the end of its name");
  write_class("good/def_front", 3);
  write_class("good/ok_front", 3);
  EXPECT_NE(study("-q --from " + path("good") + " -o " + path("good/out")).err.find("lies in the folder"),
            std::string::npos);
  refused("good", "either --from", " --phantom 20");
  refused("good", "none.safetensors", " --lpips " + path("none.safetensors"));
}

TEST_F(Study, RefusesAFolderOfOtherThings) {
  std::filesystem::create_directories(path("full"));
  std::ofstream(path("full/letter.txt")) << "dear reader";
  const Outcome outcome = study("-q" + std::string(kSmallStudy) + path("full"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("contains files, but no study"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace primal
