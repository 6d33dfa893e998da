// primal train without clean pictures, from outside.
#include <nlohmann/json.hpp>

#include "data/noise/noise.h"
#include "support/train_cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::Outcome;
using testing::TrainCli;

class NoisyTrainingCli : public TrainCli {
 protected:
  // Noisy copies of phantoms: draw 0 in `folder`/a, draw 1 in `folder`/b, and the table of the pairs.
  void write_pairs() const {
    std::filesystem::create_directories(folder_ / "a");
    std::filesystem::create_directories(folder_ / "b");
    std::ofstream table(folder_ / "pairs.csv");
    table << "noisy,clean\n";
    for (uint32_t i = 0; i < 8; ++i) {
      for (const char* side : {"a", "b"}) {
        const NoiseKey key{1, *side == 'a' ? 0U : 1U, i};
        const Tensor z = add_noise(make_phantom(1, i, 24), NoiseKind::absolute, 0.06, key);
        write_png(folder_ / side / (std::to_string(i) + ".png"), to_image(z));
      }
      table << "a/" << i << ".png,b/" << i << ".png\n";
    }
  }
  static constexpr const char* kSure = " --set training.loss=sure --set noise.high=0";
};

TEST_F(NoisyTrainingCli, AFolderOfNoisyPicturesTrains) {
  write_pairs();
  const std::string settings = std::string(kTiny) + kSure + " --data " + path("a");
  const Outcome dry = train("--dry-run --json -o " + path("run") + settings);
  ASSERT_EQ(dry.exit_code, 0) << dry.err;
  const Outcome plain = train("--dry-run --json -o " + path("run") + kTiny + " --data " + path("a"));
  EXPECT_DOUBLE_EQ(json::parse(dry.out).at("flops").at("convolutions").get<double>(),
                   2.0 * json::parse(plain.out).at("flops").at("convolutions").get<double>());

  const Outcome done = train("--progress plain --steps 10 --log tensorboard -o " + path("run") + settings);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.err.find("note: there are no clean pictures"), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("validation sure_mse "), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("best scalar by SURE "), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("best: " + path("run/best.safetensors") + ", validation validation_sure_mse"),
            std::string::npos)
      << done.err;
  EXPECT_FALSE(column("run", "validation_sure_mse").back().empty());
  // There is nothing to evaluate against.
  EXPECT_NE(done.err.find("next: primal denoise " + path("run/best.safetensors")), std::string::npos)
      << done.err;
  EXPECT_EQ(done.err.find("primal evaluate"), std::string::npos) << done.err;

  const Outcome resumed = train("--resume -q --steps 12 -o " + path("run"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  const Outcome other = train("--resume -q --steps 14 --set training.loss=mse -o " + path("run"));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("training.loss: \"sure\" in the checkpoint, \"mse\" given (--set)"),
            std::string::npos)
      << other.err;

  const Outcome inspected = run("inspect " + path("run/last.safetensors"));
  EXPECT_EQ(inspected.err.find(" dB"), std::string::npos) << inspected.err;
  const Outcome curves = run("inspect " + path("run") + " --curves " + path("curves.png"));
  EXPECT_EQ(curves.exit_code, 0) << curves.err;
  EXPECT_EQ(run("denoise " + path("run") + " " + path("a/0.png") + " -o " + path("out")).exit_code, 0);
}

TEST_F(NoisyTrainingCli, PairsOfAManifestTrain) {
  write_pairs();
  const std::string settings = std::string(kTiny) + " --set data.manifest=" + path("pairs.csv");
  const Outcome pairs = train("-q --steps 10 --set training.loss=noise2noise -o " + path("n2n") + settings);
  ASSERT_EQ(pairs.exit_code, 0) << pairs.err;
  EXPECT_GT(std::stod(column("n2n", "validation_noise2noise_mse").back()), 0.0);
  // With clean pictures in that column SURE is scored by them.
  const Outcome sure = train("-q --steps 5 --set training.loss=sure -o " + path("sure") + settings);
  ASSERT_EQ(sure.exit_code, 0) << sure.err;
  EXPECT_FALSE(column("sure", "validation_psnr_db").back().empty());
}

TEST_F(NoisyTrainingCli, SureNeedsNoCleanColumn) {
  write_pairs();
  std::ofstream table(folder_ / "noisy.csv");
  table << "noisy\n";
  for (int i = 0; i < 8; ++i) table << "a/" << i << ".png\n";
  table.close();
  const std::string settings = std::string(kTiny) + " --set data.manifest=" + path("noisy.csv");
  const Outcome done = train("--steps 5 --set training.loss=sure -o " + path("run") + settings);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.err.find("note: there are no clean pictures"), std::string::npos) << done.err;
  EXPECT_EQ(done.err.find("primal evaluate"), std::string::npos) << done.err;
  EXPECT_FALSE(column("run", "validation_sure_mse").back().empty());
  EXPECT_EQ(train("--resume -q --steps 7 -o " + path("run")).exit_code, 0);
  // A column that is asked for has to be there, and the other losses need one.
  const Outcome named =
      train("-q --steps 5 --set training.loss=sure --set data.clean_column=other -o " + path("b") + settings);
  EXPECT_EQ(named.exit_code, 3);
  EXPECT_NE(named.err.find("other"), std::string::npos) << named.err;
  for (const char* loss : {"mse", "noise2noise"})
    EXPECT_EQ(train("-q --steps 5 --set training.loss=" + std::string(loss) + " -o " + path("c") + settings)
                  .exit_code,
              3)
        << loss;
}

TEST_F(NoisyTrainingCli, OverfitAndInitWork) {
  ASSERT_EQ(train("-q --steps 5 --overfit 2 --set training.loss=sure -o " + path("a") + kTiny).exit_code, 0);
  EXPECT_EQ(
      train("-q --steps 5 --init " + path("a") + " --set training.loss=noise2noise -o " + path("b") + kTiny)
          .exit_code,
      0);
}

TEST_F(NoisyTrainingCli, SettingsThatCannotWorkAreRefusedWithTheRepair) {
  const auto error_of = [&](const std::string& settings) {
    const Outcome outcome = train("-q --steps 1 -o " + path("run") + settings);
    EXPECT_EQ(outcome.exit_code, 2) << settings << outcome.err;
    EXPECT_FALSE(exists("run"));
    return outcome.err;
  };
  EXPECT_NE(error_of(" --set task.kind=classify --set training.loss=sure")
                .find("training.loss belongs to task.kind denoise, but this training has task.kind classify"),
            std::string::npos);
  EXPECT_NE(error_of(" --set training.loss=sure --set training.sigma=-0.1").find("0 to 10"),
            std::string::npos);
  EXPECT_NE(error_of(kSure).find("phantoms have no noise"), std::string::npos);
  EXPECT_NE(error_of(std::string(kSure) + " --data pictures --set data.size=8").find("too small"),
            std::string::npos);
  EXPECT_NE(error_of(" --set training.loss=noise2noise --set noise.high=0 --data pictures")
                .find("needs two noisy pictures of each thing"),
            std::string::npos);
  EXPECT_NE(error_of(" --set training.sigma=0.1").find("is for training.loss sure"), std::string::npos);
}

}  // namespace
}  // namespace primal
