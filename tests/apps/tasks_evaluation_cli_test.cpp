// primal evaluate for tasks other than denoising, on generated pictures.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/idx/idx.h"
#include "data/safetensors/safetensors.h"
#include "nn/lpips/lpips.h"
#include "support/task_settings.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::has;
using testing::kCastings;
using testing::kClassify;
using testing::kDigits;
using testing::Outcome;
using testing::text_of;

class TasksEvaluation : public testing::TrainCli {
 protected:
  // Sends SIGINT to an evaluation as soon as it catches that signal. Returns its exit code.
  int stop_evaluation(const std::string& arguments) const {
    // A shell's background processes ignore SIGINT, unless it has job control. Signal 2 is the second bit of
    // the mask.
    const std::string command = fmt::format(
        "bash -c 'set -m; {} evaluate {} > {} 2> {} & p=$!; until grep -q \"^SigCgt:.*[2367abef]$\" "
        "/proc/$p/status; do kill -0 $p || break; sleep 0.01; done; sleep 0.1; kill -INT $p; wait $p' 2> "
        "/dev/null",
        PRIMAL_PROGRAM, arguments, path("out.txt"), path("err.txt"));
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

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

TEST_F(TasksEvaluation, AreEvaluated) {
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

TEST_F(TasksEvaluation, AnAutoencoderIsShownInFigures) {
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

TEST_F(TasksEvaluation, AreEvaluatedWithLpipsWhereWeightsAreGiven) {
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

// The pictures scored so far are reported. (None may have been: then there is nothing to write.)
TEST_F(TasksEvaluation, CtrlCStopsAfterTheCurrentPictures) {
  write_digits(folder_ / "digits", 20'000);
  ASSERT_EQ(train("-q --steps 1 -o " + path("d") + kDigits).exit_code, 0);
  EXPECT_EQ(stop_evaluation(path("d") + " --tsne 0 --data " + path("digits") + " -o " + path("out")), 130)
      << text_of(folder_ / "err.txt");
  if (exists("out/summary.json")) {
    const json summary = json::parse(text_of(folder_ / "out/summary.json"));
    EXPECT_EQ(summary.at("complete"), false);
    EXPECT_LT(summary.at("pictures"), 20'000);
    EXPECT_TRUE(has(text_of(folder_ / "out/report.html"), "The evaluation was stopped"));
    EXPECT_TRUE(has(text_of(folder_ / "out.txt"), "mean of"));
  } else {
    EXPECT_TRUE(has(text_of(folder_ / "err.txt"), "signal 2")) << text_of(folder_ / "err.txt");
  }
}

TEST_F(TasksEvaluation, OptionsOfOtherModelsAreRefused) {
  ASSERT_EQ(run("data noisy -q --phantom 2 --size 36 -o " + path("noisy")).exit_code, 0);
  ASSERT_EQ(train("-q --steps 1 -o " + path("e") + kCastings).exit_code, 0);
  ASSERT_EQ(train("-q --steps 1 -o " + path("c") + kClassify).exit_code, 0);
  const std::string data = " --data " + path("noisy/manifest.csv");
  for (const char* option :
       {"--figure 1", "--iterations 8", "--shard 1/1", "--merge x", "--grid 0:1:2", "--tile 64"}) {
    const Outcome o = run("evaluate " + path("e") + data + " -o " + path("out") + " " + option);
    EXPECT_EQ(o.exit_code, 2) << option << o.err;
    EXPECT_TRUE(
        has(o.err, std::string(option, std::string(option).find(' ')) + " is for maps of unrolled TV"))
        << o.err;
  }
  for (const char* option : {"--size 36", "--scalar-iterations 8"}) {
    const std::string flag(option, std::string(option).find(' '));
    for (const char* model : {"e", "c"}) {
      const Outcome o = run("evaluate " + path(model) + data + " " + option);
      EXPECT_EQ(o.exit_code, 2) << option << o.err;
      EXPECT_TRUE(has(o.err, flag + " is for sequences")) << o.err;
    }
  }
  for (const char* option : {"--noise 0.3", "--noise-kind relative"}) {
    const Outcome o = run("evaluate " + path("c") + data + " " + option);
    EXPECT_EQ(o.exit_code, 2) << option << o.err;
    EXPECT_TRUE(has(o.err, "is for models that denoise")) << o.err;
  }
  const Outcome classes = run("evaluate " + path("c") + data + " --range auto");
  EXPECT_EQ(classes.exit_code, 2);
  EXPECT_TRUE(has(classes.err, "--range")) << classes.err;
  const Outcome manifest = run("evaluate " + path("e") + data + " --range auto");
  EXPECT_EQ(manifest.exit_code, 2);
  EXPECT_TRUE(has(manifest.err, "is a manifest, whose pictures are taken as they are")) << manifest.err;
}

// It is reported and left out, the others are scored, and the exit code is 3. Where none is left, that is an
// error too.
TEST_F(TasksEvaluation, APictureThatCannotBeReadIsLeftOut) {
  ASSERT_EQ(run("data noisy -q --phantom 4 --size 36 -o " + path("noisy")).exit_code, 0);
  ASSERT_EQ(train("-q --steps 1 -o " + path("e") + kCastings).exit_code, 0);
  ASSERT_EQ(train("-q --steps 1 -o " + path("c") + kClassify).exit_code, 0);
  std::vector<std::filesystem::path> pictures;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "noisy")) {
    if (entry.path().extension() == ".png" && !has(entry.path().string(), "/clean/"))
      pictures.push_back(entry.path());
  }
  ASSERT_GE(pictures.size(), 4u);
  const auto cut = [](const std::filesystem::path& picture) {
    std::filesystem::resize_file(picture, std::filesystem::file_size(picture) / 2);
  };
  std::ranges::sort(pictures);
  cut(pictures[1]);
  for (const char* model : {"e", "c"}) {
    const Outcome o = run("evaluate --json " + path(model) + " --data " + path("noisy/manifest.csv") +
                          " -o " + path(std::string("out_") + model));
    EXPECT_EQ(o.exit_code, 3) << o.err;
    EXPECT_TRUE(has(o.err, pictures[1].filename().string())) << o.err;
    EXPECT_TRUE(has(o.err, "1 picture could not be used")) << o.err;
    const json report = json::parse(o.out);
    EXPECT_EQ(report.at("pictures"), 3) << o.out;
    EXPECT_EQ(report.at("complete"), false);
    ASSERT_EQ(report.at("errors").size(), 1u);
    EXPECT_TRUE(has(report.at("errors")[0].at("error"), "truncated")) << o.out;
    EXPECT_TRUE(
        has(text_of(folder_ / (std::string("out_") + model) / "report.html"), "1 picture could not be used"));
  }
  for (const std::filesystem::path& picture : pictures) cut(picture);
  for (const char* model : {"e", "c"}) {
    const Outcome o = run("evaluate " + path(model) + " --data " + path("noisy/manifest.csv"));
    EXPECT_EQ(o.exit_code, 3) << o.err;
    EXPECT_TRUE(has(o.err, "none of 4 pictures could be read")) << o.err;
  }
}

// With the levels 51 to 102 as black and white, the noise relative to the deviation of a picture is larger.
TEST_F(TasksEvaluation, TakeTheRangeOfTheOptionOrOfTheTraining) {
  std::filesystem::create_directories(folder_ / "data/test");
  for (uint32_t i = 0; i < 3; ++i) write_phantom("data/test/p" + std::to_string(i) + ".png", i);
  const auto train_with = [&](const std::string& run_folder, const std::string& range) {
    ASSERT_EQ(train("-q --steps 1 -o " + path(run_folder) + kCastings + " --set noise.kind=relative" + range)
                  .exit_code,
              0);
  };
  train_with("full", "");
  train_with("ranged", " --set data.range=51:102");
  const auto psnr = [&](const std::string& model, const std::string& range = "") {
    const Outcome o = run("evaluate --json -q " + path(model) + " --data " + path("data") + range);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return json::parse(o.out).at("noisy").at("psnr_db").get<double>();
  };
  const double ranged = psnr("full", " --range 51:102");
  EXPECT_GT(std::abs(ranged - psnr("full")), 1.0);
  EXPECT_EQ(psnr("ranged"), ranged);
  EXPECT_EQ(psnr("ranged", " --range full"), psnr("full"));
}

}  // namespace
}  // namespace primal
