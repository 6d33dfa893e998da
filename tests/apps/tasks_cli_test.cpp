// primal train for tasks other than denoising, and the commands that use their models: on generated pictures.
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "data/table/table.h"
#include "support/task_settings.h"
#include "support/train_cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::kCastings;
using testing::kClassify;
using testing::kDigits;
using testing::Outcome;
using testing::TrainCli;

class Tasks : public TrainCli {
 protected:
  // The tensors of last.safetensors, as bytes.
  std::map<std::string, std::string> weights(const std::string& folder) const {
    const Safetensors file = Safetensors::read(path(folder + "/last.safetensors"));
    std::map<std::string, std::string> all;
    for (const auto& [name, info] : file.entries()) {
      const Tensor t = file.tensor(name);
      all[name] =
          std::string(static_cast<const char*>(t.raw()), static_cast<size_t>(t.numel()) * size_of(t.dtype()));
    }
    return all;
  }
};

TEST_F(Tasks, AResumedTrainingHasTheSameBits) {
  for (const char* task : {kClassify, kDigits, kCastings}) {
    const std::string whole = path("whole"), parts = path("parts");
    ASSERT_EQ(train("-q --overwrite --steps 7 -o " + whole + task).exit_code, 0) << task;
    // Within an epoch and with a talkative start, which tries a step out.
    ASSERT_EQ(train("--progress none --overwrite --steps 4 -o " + parts + task).exit_code, 0) << task;
    const Outcome resumed = train("--progress none --resume --steps 7 -o " + parts);
    ASSERT_EQ(resumed.exit_code, 0) << task << resumed.err;
    EXPECT_EQ(column("whole", "loss"), column("parts", "loss")) << task;
    EXPECT_EQ(weights("whole"), weights("parts")) << task;
  }
}

TEST_F(Tasks, LearnAFewPicturesByHeart) {
  const std::string run = path("run");
  ASSERT_EQ(train("-q --overfit 2 --steps 400 -o " + run + kClassify +
                  " --set training.learning_rate=1e-2 --set classifier.dropout_1=0"
                  " --set classifier.dropout_2=0 --set training.validate_every=400")
                .exit_code,
            0);
  EXPECT_LT(std::stod(column("run", "loss").back()), 0.01);
  ASSERT_EQ(train("-q --overwrite --overfit 2 --steps 300 -o " + run + kDigits +
                  " --set training.learning_rate=1e-2 --set training.validate_every=300"
                  " --set noise.low=0 --set noise.high=0")
                .exit_code,
            0);
  const std::vector<std::string> losses = column("run", "loss");
  EXPECT_LT(std::stod(losses.back()), 0.1 * std::stod(losses.front()));
}

TEST_F(Tasks, ReportTheirOwnMetrics) {
  ASSERT_EQ(train("-q --steps 3 -o " + path("c") + kClassify).exit_code, 0);
  const double accuracy = std::stod(column("c", "validation_accuracy").back());
  EXPECT_TRUE(accuracy >= 0.0 && accuracy <= 1.0);
  EXPECT_EQ(column("c", "validation_recall").back(), column("c", "validation_accuracy").back());
  ASSERT_EQ(train("-q --steps 3 -o " + path("d") + kDigits).exit_code, 0);
  EXPECT_NEAR(std::stod(column("d", "validation_rmse").back()),
              std::sqrt(std::stod(column("d", "validation_mse").back())), 1e-6);
  EXPECT_FALSE(column("d", "training_r2").back().empty());
  ASSERT_EQ(train("-q --steps 3 -o " + path("e") + kCastings).exit_code, 0);
  EXPECT_GT(std::stod(column("e", "validation_psnr_db").back()), 0.0);
}

TEST_F(Tasks, SayWhatAStepNeedsBeforeIt) {
  for (const char* task : {kClassify, kDigits, kCastings}) {
    const Outcome dry = train(std::string("--dry-run --json -o ") + path("dry") + task);
    ASSERT_EQ(dry.exit_code, 0) << dry.err;
    const json plan = json::parse(dry.out);
    EXPECT_GT(plan.at("bytes").at("activations").get<int64_t>(), 0);
    EXPECT_GT(plan.at("flops").at("convolutions").get<double>(), 0.0);
    EXPECT_FALSE(exists("dry"));
  }
}

TEST_F(Tasks, AStepThatIsNotFiniteIsRepeatedAndLeavesTheStateBeforeIt) {
  ASSERT_EQ(train("-q --steps 1 -o " + path("fine") + kDigits).exit_code, 0);
  // Weights so large that the second convolution overflows, after the first batch normalisation has seen the
  // batch.
  TensorMap weights;
  for (const auto& [name, tensor] : Safetensors::read(path("fine/last.safetensors")).tensors()) {
    if (name.starts_with("adam.")) continue;
    weights[name] = tensor;
    if (name == "encoder.conv2.weight") tensor.fill(3e38);
  }
  write_safetensors(path("huge.safetensors"), weights);
  const Outcome failed =
      train("-q --steps 3 -o " + path("run") + kDigits + " --init " + path("huge.safetensors"));
  EXPECT_EQ(failed.exit_code, 5) << failed.err;
  const Outcome again = train("--reproduce " + path("run/nan_step_1.safetensors"));
  EXPECT_EQ(again.exit_code, 5) << again.err;
  const Safetensors before = Safetensors::read(path("huge.safetensors")),
                    left = Safetensors::read(path("run/last.safetensors"));
  for (const char* name : {"encoder.norm1.running_mean", "encoder.norm2.running_var"})
    EXPECT_EQ(left.tensor(name).to_doubles(), before.tensor(name).to_doubles()) << name;
}

TEST_F(Tasks, RefuseKeysOfOtherTasks) {
  const Outcome denoise = train("--steps 1 --set classifier.hidden=3 -o " + path("x"));
  EXPECT_NE(denoise.exit_code, 0);
  EXPECT_NE(denoise.err.find("classifier.hidden belongs to task.kind classify"), std::string::npos)
      << denoise.err;
  const Outcome classify = train("--steps 1 --set model.filters=3 -o " + path("x") + kClassify);
  EXPECT_NE(classify.err.find("this training has task.kind classify"), std::string::npos) << classify.err;
}

TEST_F(Tasks, ACheckpointOfAnotherTaskIsNamedWithTheTaskThatIsExpected) {
  ASSERT_EQ(train("-q --steps 1 -o " + path("c") + kClassify).exit_code, 0);
  ASSERT_EQ(train("-q --steps 1 -o " + path("d") + kDigits).exit_code, 0);
  std::ofstream(path("a.png")) << "no picture";
  const Outcome denoise = run("denoise " + path("c") + " " + path("a.png") + " -o " + path("out"));
  EXPECT_NE(denoise.exit_code, 0);
  EXPECT_NE(denoise.err.find("classify (casting_classifier), expected denoise (unrolled_tv)"),
            std::string::npos)
      << denoise.err;
  const Outcome classify = run("classify " + path("d") + " " + path("a.png"));
  EXPECT_NE(classify.err.find("reconstruct (mnist_autoencoder), expected classify (casting_classifier)"),
            std::string::npos)
      << classify.err;
  const Outcome init = train("--steps 1 --init " + path("d") + " -o " + path("x") + kClassify);
  EXPECT_NE(init.exit_code, 0);
  EXPECT_NE(init.err.find("expected classify (casting_classifier)"), std::string::npos) << init.err;
}

TEST_F(Tasks, AnswerWithTheirModels) {
  ASSERT_EQ(run("data noisy -q --phantom 2 --size 36 -o " + path("noisy")).exit_code, 0);
  ASSERT_EQ(train("-q --steps 2 -o " + path("c") + kClassify).exit_code, 0);
  const Outcome classified = run("classify --json " + path("c") + " " + path("noisy/noisy"));
  ASSERT_EQ(classified.exit_code, 0) << classified.err;
  const json answer = json::parse(classified.out);
  ASSERT_EQ(answer.at("pictures").size(), 2u);
  const json& p = answer.at("pictures").at(0).at("probabilities");
  EXPECT_NEAR(p.at("defect").get<double>() + p.at("ok").get<double>(), 1.0, 1e-6);
  ASSERT_EQ(train("-q --steps 2 -o " + path("e") + kCastings).exit_code, 0);
  const Outcome denoised =
      run("denoise --json " + path("e") + " " + path("noisy/noisy") + " -o " + path("out"));
  ASSERT_EQ(denoised.exit_code, 0) << denoised.err;
  EXPECT_EQ(json::parse(denoised.out).at("pictures").size(), 2u);
}

TEST_F(Tasks, TrainOnThePicturesThatAColumnNames) {
  ASSERT_EQ(run("data noisy -q --phantom 12 --size 36 -o " + path("noisy")).exit_code, 0);
  Table table = read_table(path("noisy/manifest.csv"));
  table.columns.emplace_back("half");
  for (size_t i = 0; i < table.rows.size(); ++i)
    table.rows[i].cells.emplace_back(i % 4 == 0 ? "val" : "train");
  write_table(path("noisy/manifest.csv"), table);
  const std::string data = " --set data.split_column=half --set data.manifest=" + path("noisy/manifest.csv");
  const std::string denoise =
      " --set data.size=36 --set model.filters=2 --set model.iterations=4 --set data.n_train=0";
  const Outcome pairs = train("--progress none --steps 2 -o " + path("e") + kCastings + data);
  EXPECT_EQ(pairs.exit_code, 0) << pairs.err;
  EXPECT_NE(pairs.err.find("validate"), std::string::npos) << pairs.err;
  const Outcome map = train("--progress none --epochs 1 -o " + path("m") + denoise + data);
  EXPECT_EQ(map.exit_code, 0) << map.err;
  EXPECT_NE(map.err.find("9 pairs train, 3 validate"), std::string::npos) << map.err;
  EXPECT_EQ(column("m", "loss").size(), 9u);
  for (size_t i = 0; i < table.rows.size(); ++i) table.rows[i].cells.back() = Cell("train");
  write_table(path("noisy/manifest.csv"), table);
  const Outcome none = train("--progress none --epochs 1 -o " + path("n") + denoise + data);
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("says val of none of them"), std::string::npos) << none.err;
}

TEST_F(Tasks, AClassThatIsALinkToNothingIsReported) {
  for (const char* split : {"train", "val"}) {
    for (const char* label : {"def_front", "ok_front"}) {
      std::filesystem::create_directories(folder_ / "set" / split / label);
      for (uint32_t i = 0; i < 3; ++i)
        write_phantom(fmt::format("set/{}/{}/{}.png", split, label, i), i, 8, 24);
    }
  }
  const std::string on_set = "--dry-run -o " + path("run") + kClassify + " --data " + path("set");
  EXPECT_EQ(train(on_set).exit_code, 0) << train(on_set).err;
  std::filesystem::create_directory_symlink(folder_ / "nowhere", folder_ / "set/train/third");
  const Outcome o = train(on_set);
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_NE(o.err.find("third is a link to a folder that does not exist"), std::string::npos) << o.err;
}

TEST_F(Tasks, AClassWithoutPicturesIsNamed) {
  for (const char* label : {"def_front", "ok_front"})
    std::filesystem::create_directories(folder_ / "set" / label);
  for (uint32_t i = 0; i < 4; ++i) write_phantom(fmt::format("set/def_front/{}.png", i), i, 8, 24);
  const auto error = [&](const std::string& more) {
    const Outcome o = train("--dry-run -o " + path("run") + kClassify +
                            " --set classifier.labels=defect,ok --data " + path("set") + more);
    EXPECT_EQ(o.exit_code, 3) << o.err;
    return o.err;
  };
  const std::string none = error("");
  EXPECT_NE(none.find("has no picture of the class 'ok'"), std::string::npos) << none;
  for (uint32_t i = 0; i < 4; ++i) write_phantom(fmt::format("set/ok_front/{}.png", i), i, 8, 24);
  const std::string too_many = error(" --set data.n_validation=8");
  EXPECT_NE(too_many.find("takes 4 of 4 pictures of the class 'defect'"), std::string::npos) << too_many;
}

TEST_F(Tasks, TrainOnAManifest) {
  ASSERT_EQ(run("data noisy -q --phantom 12 --size 36 -o " + path("noisy")).exit_code, 0);
  const std::string manifest = " --set data.manifest=" + path("noisy/manifest.csv");
  const Outcome labels = train("--progress none --steps 2 -o " + path("c") + kClassify + manifest);
  ASSERT_EQ(labels.exit_code, 0) << labels.err;
  EXPECT_NE(labels.err.find("note: training: 4 defect, 4 ok; validation: 2 defect, 2 ok"), std::string::npos)
      << labels.err;
  const Outcome types =
      train("--progress none --steps 2 --set data.target=noise -o " + path("t") + kClassify + manifest);
  ASSERT_EQ(types.exit_code, 0) << types.err;
  EXPECT_NE(types.err.find("salt_pepper"), std::string::npos) << types.err;
  const Outcome pairs = train("--progress none --steps 2 -o " + path("e") + kCastings + manifest);
  EXPECT_EQ(pairs.exit_code, 0) << pairs.err;
  const Outcome wrong =
      train("--steps 1 --set classifier.labels=ok,broken -o " + path("w") + kClassify + manifest);
  EXPECT_NE(wrong.exit_code, 0);
}

}  // namespace
}  // namespace primal
