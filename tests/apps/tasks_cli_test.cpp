// primal train for tasks other than denoising, and the commands that use their models: on generated pictures.
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/idx/idx.h"
#include "data/safetensors/safetensors.h"
#include "data/table/table.h"
#include "nn/lpips/lpips.h"
#include "support/train_cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::Outcome;
using testing::TrainCli;

constexpr const char* kClassify =
    " --set task.kind=classify --set classifier.size=32 --set classifier.filters=2 --set classifier.hidden=8"
    " --set data.n_train=12 --set data.n_validation=4 --set training.batch=5 --set "
    "training.learning_rate=1e-3";
constexpr const char* kDigits =
    " --set task.kind=reconstruct --set autoencoder.layout=mnist --set autoencoder.filters=2"
    " --set autoencoder.latent=8 --set data.n_train=12 --set data.n_validation=4 --set noise.kind=absolute"
    " --set training.batch=5 --set training.learning_rate=1e-3 --set adam.amsgrad=true";
constexpr const char* kCastings =
    " --set task.kind=reconstruct --set autoencoder.filters=2 --set data.size=36 --set data.n_train=7"
    " --set data.n_validation=2 --set noise.kind=absolute --set training.batch=3"
    " --set training.learning_rate=1e-3";

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
  // Weights so large that the second convolution overflows, after the first batch normalisation has seen the batch.
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

TEST_F(Tasks, AreEvaluated) {
  ASSERT_EQ(run("data noisy -q --phantom 6 --size 36 -o " + path("noisy")).exit_code, 0);
  ASSERT_EQ(train("-q --steps 2 -o " + path("c") + kClassify).exit_code, 0);
  const Outcome classes = run("evaluate --json " + path("c") + " --data " + path("noisy/manifest.csv") +
                              " -o " + path("classes"));
  ASSERT_EQ(classes.exit_code, 0) << classes.err;
  EXPECT_GT(read_image(folder_ / "classes/figures/confusion.png").width, 100);
  const json confusion = json::parse(classes.out).at("confusion");
  int n = 0;
  for (const json& row : confusion) {
    for (const json& count : row) n += count.get<int>();
  }
  EXPECT_EQ(n, 6);
  ASSERT_EQ(train("-q --steps 2 -o " + path("e") + kCastings).exit_code, 0);
  const Outcome pairs =
      run("evaluate " + path("e") + " --data " + path("noisy/manifest.csv") + " -o " + path("out"));
  ASSERT_EQ(pairs.exit_code, 0) << pairs.err;
  EXPECT_NE(pairs.out.find("mean of 6 pictures"), std::string::npos) << pairs.out;
  EXPECT_TRUE(exists("out/evaluation.csv"));
  EXPECT_TRUE(exists("out/figures/pictures.png"));
  EXPECT_FALSE(exists("out/figures/pca.png"));  // no latent vector
}

// A folder as MNIST's: n pictures of class i % 10, each a bright bar at another place.
void write_digits(const std::filesystem::path& folder, int64_t n) {
  std::filesystem::create_directories(folder);
  IdxArray pictures{{n, 28, 28}, std::vector<uint8_t>(static_cast<size_t>(n * 28 * 28), 0)}, labels{{n}, {}};
  for (int64_t i = 0; i < n; ++i) {
    labels.values.push_back(static_cast<uint8_t>(i % 10));
    for (int64_t y = 4; y < 24; ++y)
      pictures.values[static_cast<size_t>((i * 28 + y) * 28 + 3 + i % 10 * 2)] =
          static_cast<uint8_t>(100 + i);
  }
  for (const char* set : {"train", "t10k"}) {
    write_file_atomically(folder / fmt::format("{}-images-idx3-ubyte", set), encode_idx(pictures));
    write_file_atomically(folder / fmt::format("{}-labels-idx1-ubyte", set), encode_idx(labels));
  }
}

TEST_F(Tasks, AnAutoencoderIsShownInFigures) {
  write_digits(folder_ / "digits", 40);
  ASSERT_EQ(train("-q --steps 2 -o " + path("d") + kDigits + " --data " + path("digits")).exit_code, 0);
  const std::string evaluate = "evaluate -q " + path("d") + " --data " + path("digits") +
                               " --tsne 30 --perplexity 5 --figure-data -o " + path("out");
  const Outcome first = run(evaluate);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  for (const char* name : {"pictures", "pixel_values", "classes", "latent_vectors", "pca", "tsne"})
    EXPECT_GT(read_image(folder_ / fmt::format("out/figures/{}.png", name)).width, 100) << name;
  const auto rows_of = [&](const char* name, const std::string& kind) {
    const std::string csv = testing::text_of(path(fmt::format("out/figures/{}.csv", name)));
    int64_t n = 0;
    for (size_t at = csv.find(kind); at != std::string::npos; at = csv.find(kind, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(rows_of("tsne", ",point,"), 30) << testing::text_of(path("out/figures/tsne.csv"));
  EXPECT_EQ(rows_of("pca", ",point,"), 80);
  EXPECT_EQ(rows_of("classes", ",bar,"), 10) << testing::text_of(path("out/figures/classes.csv"));
  const Outcome again = run(evaluate);
  EXPECT_NE(again.err.find("give --overwrite"), std::string::npos) << again.err;
  EXPECT_EQ(run("evaluate -q --overwrite --tsne 0 " + path("d") + " --data " + path("digits") + " -o " +
                path("none"))
                .exit_code,
            0);
  EXPECT_FALSE(exists("none/figures/tsne.png"));
}

TEST_F(Tasks, AreEvaluatedWithLpipsWhereWeightsAreGiven) {
  ASSERT_EQ(run("data noisy -q --phantom 2 --size 36 -o " + path("noisy")).exit_code, 0);
  ASSERT_EQ(train("-q --steps 2 -o " + path("e") + kCastings).exit_code, 0);
  const std::string evaluate = "evaluate " + path("e") + " --data " + path("noisy/manifest.csv");
  const Outcome without = run(evaluate);
  EXPECT_NE(without.out.find("no weights given: --lpips"), std::string::npos) << without.out;
  Initialiser init(3);
  TensorMap weights = Lpips({}, init).state();
  write_safetensors(path("lpips.safetensors"), weights);
  const Outcome with = run(evaluate + " --json --lpips " + path("lpips.safetensors"));
  ASSERT_EQ(with.exit_code, 0) << with.err;
  EXPECT_GT(json::parse(with.out).at("denoised").at("lpips").get<double>(), 0.0);
  weights.erase("lin3.weight");
  write_safetensors(path("lpips.safetensors"), weights);
  const Outcome broken = run(evaluate + " --lpips " + path("lpips.safetensors"));
  EXPECT_EQ(broken.exit_code, 3) << broken.err;
  EXPECT_NE(broken.err.find("lin3.weight is missing"), std::string::npos) << broken.err;
  ASSERT_EQ(train("-q --steps 2 -o " + path("c") + kClassify).exit_code, 0);
  const Outcome classes =
      run("evaluate " + path("c") + " --data " + path("noisy/manifest.csv") + " --lpips x.safetensors");
  EXPECT_NE(classes.err.find("--lpips is for models of task reconstruct"), std::string::npos) << classes.err;
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
