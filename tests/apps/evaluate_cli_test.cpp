// primal evaluate from outside.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/cli.h"
#include "support/text.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::has;
using testing::Outcome;
using testing::text_of;

class EvaluateCli : public testing::Cli {
 protected:
  // A tiny model of 24 x 24 pictures with absolute noise, and five test pictures.
  void SetUp() override {
    const Outcome trained = run(
        "train --quiet --steps 2 --set data.size=24 --set model.filters=2 --set model.blocks=1 --set "
        "model.iterations=8 --set data.n_train=2 --set data.n_validation=1 --set noise.kind=absolute -o " +
        path("model"));
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    fs::create_directories(folder_ / "data/test/B");
    for (uint32_t i = 0; i < 4; ++i) write_phantom("data/test/p" + std::to_string(i) + ".png", i);
    write_phantom("data/test/B/q.png", 4);
  }
  std::string evaluate(const std::string& rest) const {
    return "evaluate " + path("model/last.safetensors") + " --data " + path("data") +
           " --grid 0:0.4:5 --scalar-iterations 16 --noise 0.2 " + rest;
  }
};

TEST_F(EvaluateCli, WritesRowsSummaryAndFigures) {
  const Outcome o = run(evaluate("-o " + path("out")));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.out, "mean of 5") && has(o.out, "95 % of the mean")) << o.out;
  const std::string csv = text_of(folder_ / "out/evaluation.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 6);
  EXPECT_TRUE(has(csv, "\nB/q.png,")) << csv;
  const json summary = json::parse(text_of(folder_ / "out/summary.json"));
  EXPECT_EQ(summary.at("n_pictures"), 5);
  EXPECT_EQ(summary.at("complete"), true);
  EXPECT_EQ(summary.at("settings").at("size"), 24);                // as the model was trained
  EXPECT_EQ(summary.at("settings").at("noise_kind"), "absolute");  // so too
  // The first picture, and two or one more.
  EXPECT_GT(read_image(folder_ / "out/figures/B/q.png").width, 5 * 256);
  for (const char* name :
       {"scores/boxes.png", "scores/gains.png", "search/B/q.png", "lambda/B/q.png", "summary.txt"})
    EXPECT_TRUE(fs::exists(folder_ / "out" / name)) << name;
  const Outcome again = run(evaluate("-o " + path("out")));
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_TRUE(has(again.err, "evaluation.csv exists; give --overwrite")) << again.err;
  EXPECT_EQ(run(evaluate("-o " + path("out") + " --overwrite --quiet")).exit_code, 0);
  EXPECT_EQ(text_of(folder_ / "out/evaluation.csv"), csv);
}

TEST_F(EvaluateCli, TwoModelsAreComparedPictureByPicture) {
  ASSERT_EQ(run("train --quiet --steps 9 --set training.learning_rate=0.05 --set data.size=24 --set "
                "model.filters=2 --set model.blocks=1 --set model.iterations=8 --set data.n_train=2 --set "
                "data.n_validation=1 --set noise.kind=absolute -o " +
                path("other"))
                .exit_code,
            0);
  const std::string rest = " --data " + path("data") + " --grid 0:0.4:5 --scalar-iterations 16 --noise 0.2 ";
  const std::string a = path("model/last.safetensors"), b = path("other/last.safetensors");
  const Outcome o = run("evaluate " + a + " " + b + rest + "-o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.out, "map of model") && has(o.out, "other - model")) << o.out;
  const json both = json::parse(run("evaluate " + a + " " + b + rest + "--json -q").out);
  const json alone = json::parse(run("evaluate " + b + rest + "--json -q").out);
  double sum = 0.0;
  for (size_t i = 0; i < 5; ++i) {
    const json& row = both.at("pictures").at(i);
    EXPECT_EQ(row.at("map_2"), alone.at("pictures").at(i).at("map"));
    sum += row.at("map_2").at("psnr").get<double>() - row.at("map").at("psnr").get<double>();
  }
  EXPECT_NEAR(both.at("comparisons").at(0).at("psnr").at("mean").get<double>(), sum / 5.0, 1e-9);
  EXPECT_TRUE(has(text_of(folder_ / "out/evaluation.csv"), "ssim_map,psnr_map_2,ssim_map_2\n"));
}

TEST_F(EvaluateCli, TilesGiveTheSameScores) {
  const auto rows = [&](const std::string& options) {
    const Outcome o = run(evaluate("--impl conv3d=blocked --json " + options));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_EQ(has(o.err, "the network works in 4 tiles"), options != "--tile off") << o.err;
    return json::parse(o.out).at("pictures");
  };
  EXPECT_EQ(rows("--tile 16"), rows("--tile off"));
}

TEST_F(EvaluateCli, AgreesWithDenoiseAndSearch) {
  const Outcome o = run(evaluate("--json --quiet"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json evaluated = json::parse(o.out);
  const Outcome d = run("denoise " + path("model/last.safetensors") + " " + path("data/test") +
                        " --size 24 --noise 0.2 --json --quiet");
  ASSERT_EQ(d.exit_code, 0) << d.err;
  const json denoised = json::parse(d.out);
  for (size_t i = 0; i < 5; ++i) {
    const json &a = evaluated.at("pictures").at(i), &b = denoised.at("pictures").at(i);
    EXPECT_EQ(a.at("noisy").at("psnr"), b.at("psnr_noisy")) << i;
    EXPECT_EQ(a.at("map").at("psnr"), b.at("psnr")) << i;
    EXPECT_EQ(a.at("map").at("ssim"), b.at("ssim")) << i;
  }
  const Outcome s = run("search " + path("data/test/B/q.png") +
                        " --size 24 --noise 0.2 --noise-kind absolute --grid 0:0.4:5 --iterations 16 "
                        "--boundary periodic --json");
  ASSERT_EQ(s.exit_code, 0) << s.err;
  const json searched = json::parse(s.out);
  EXPECT_EQ(searched.at("best_by_psnr"), evaluated.at("pictures").at(0).at("best_scalar_by_psnr"));
  EXPECT_EQ(searched.at("best_by_ssim"), evaluated.at("pictures").at(0).at("best_scalar_by_ssim"));
  EXPECT_EQ(searched.at("grid").size(), 5u);

  // A folder has the noise of an evaluation, picture by picture.
  const Outcome f = run("search " + path("data/test") +
                        " --size 24 --noise 0.2 --noise-kind absolute --grid 0:0.4:5 --iterations 16 "
                        "--boundary periodic --json");
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const json folder = json::parse(f.out);
  for (size_t i = 0; i < 5; ++i) {
    const json &a = evaluated.at("pictures").at(i), &b = folder.at("pictures").at(i);
    EXPECT_EQ(a.at("best_scalar_by_psnr"), b.at("best_by_psnr")) << i;
    EXPECT_EQ(a.at("best_scalar_by_ssim"), b.at("best_by_ssim")) << i;
  }
}

TEST_F(EvaluateCli, ShowsTheFiguresAskedFor) {
  ASSERT_EQ(run(evaluate("--limit 3 --figure p0 --figure 3 -o " + path("out"))).exit_code, 0);
  const std::string model_last = "evaluate --data " + path("data") + " --limit 1 --grid 0:0.4:2 -o " +
                                 path("last") + " --figure 1 " + path("model/last.safetensors");
  EXPECT_EQ(run(model_last).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "out/figures/p0.png"));
  EXPECT_TRUE(fs::exists(folder_ / "out/figures/p1.png"));
  EXPECT_FALSE(fs::exists(folder_ / "out/figures/B"));
  for (const char* wrong : {"nobody", "0", "4"}) {
    const Outcome o = run(evaluate("--limit 3 -o " + path("other") + " --figure " + wrong));
    EXPECT_EQ(o.exit_code, 2) << wrong;
    EXPECT_TRUE(has(o.err, "B/q.png")) << o.err;
    EXPECT_FALSE(fs::exists(folder_ / "other"));
  }
  EXPECT_EQ(run(evaluate("--figure 1")).exit_code, 2);
}

TEST_F(EvaluateCli, ABrokenPictureStopsNoOther) {
  std::ofstream(folder_ / "data/test/B/q.png") << "no picture";  // the first by name
  write_png(folder_ / "data/test/p2.png", Image(5, 7, 1));
  const Outcome o = run(evaluate("-o " + path("out")));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "B/q.png is a text, expected PNG, JPEG") && has(o.err, "1 of 5 pictures")) << o.err;
  EXPECT_TRUE(has(o.err, "p2.png has 5 x 7 pixels: enlarged to 24 x 24")) << o.err;
  EXPECT_TRUE(has(o.out, "mean of 4")) << o.out;
  const json summary = json::parse(text_of(folder_ / "out/summary.json"));
  EXPECT_EQ(summary.at("n_pictures"), 4);
  EXPECT_EQ(summary.at("complete"), false);
  EXPECT_EQ(summary.at("errors").at(0).at("picture"), "B/q.png");
  EXPECT_EQ(std::ranges::count(text_of(folder_ / "out/evaluation.csv"), '\n'), 5);
  EXPECT_TRUE(fs::exists(folder_ / "out/figures/p0.png"));
  const Outcome none = run(evaluate("--limit 1"));
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(has(none.err, "primal: [image]")) << none.err;
}

TEST_F(EvaluateCli, AStopKeepsTheRowsSoFar) {
  for (uint32_t i = 0; i < 400; ++i) write_phantom("data/test/r" + std::to_string(i) + ".png", i);
  // In the background; stopped as soon as a picture is in the file.
  const std::string script = std::string(PRIMAL_PROGRAM) + " " + evaluate("-o " + path("out")) + " > " +
                             path("o.txt") + " 2> " + path("e.txt") +
                             " & p=$!; while kill -0 $p && [ \"$(wc -l < " + path("out/evaluation.csv") +
                             " || echo 0)\" -lt 2 ]; do sleep 0.02; done; kill -TERM $p; wait $p";
  const int status = std::system(("bash -c '" + script + "' 2> /dev/null").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143) << text_of(folder_ / "e.txt");
  const json summary = json::parse(text_of(folder_ / "out/summary.json"));
  EXPECT_EQ(summary.at("complete"), false);
  const std::string csv = text_of(folder_ / "out/evaluation.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), summary.at("n_pictures").get<int>() + 1);
  EXPECT_TRUE(has(text_of(folder_ / "o.txt"), "map - best scalar"));
}

// The model's own T gives the scores of the evaluation itself, and so does each T of denoise and search.
TEST_F(EvaluateCli, SeveralIterationsAtTestTime) {
  const Outcome o = run(evaluate("--iterations 32,8,2 --json --quiet -o " + path("out")));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json report = json::parse(o.out), rows = report.at("iterations");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows.at(0).at("iterations"), 2);
  EXPECT_EQ(rows.at(2).at("iterations"), 32);
  EXPECT_NEAR(rows.at(1).at("map").at("psnr").get<double>(),
              report.at("map").at("psnr").at("mean").get<double>(), 1e-9);
  const json denoised =
      json::parse(run("denoise " + path("model/last.safetensors") + " " + path("data/test") +
                      " --size 24 --noise 0.2 --iterations 32 --json --quiet")
                      .out);
  EXPECT_NEAR(rows.at(2).at("map").at("psnr").get<double>(), denoised.at("mean").at("psnr").get<double>(),
              1e-9);
  EXPECT_NE(rows.at(0).at("map").at("psnr"), rows.at(2).at("map").at("psnr"));
  const json with_32 =
      json::parse(run("evaluate " + path("model/last.safetensors") + " --data " + path("data") +
                      " --grid 0:0.4:5 --scalar-iterations 32 --noise 0.2 --json --quiet")
                      .out);
  EXPECT_NEAR(rows.at(2).at("best_scalar").at("psnr").get<double>(),
              with_32.at("best_scalar_by_psnr").at("psnr").at("mean").get<double>(), 1e-9);
  EXPECT_EQ(std::ranges::count(text_of(folder_ / "out/iterations.csv"), '\n'), 4);
  EXPECT_TRUE(has(text_of(folder_ / "out/summary.txt"), "iterations T"));
  EXPECT_GT(read_image(folder_ / "out/scores/iterations.png").width, 600);
  for (const char* bad : {"0", "8,8", "8,", "x", "1.5", "99999999999"})
    EXPECT_EQ(run(evaluate(std::string("--iterations ") + bad)).exit_code, 2) << bad;
}

TEST_F(EvaluateCli, TheTableIsThereAsCsv) {
  ASSERT_EQ(run(evaluate("--quiet -o " + path("out"))).exit_code, 0);
  const std::string csv = text_of(folder_ / "out/summary.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 6) << csv;
  const json summary = json::parse(text_of(folder_ / "out/summary.json"));
  EXPECT_TRUE(has(csv, "\nmap,5," + summary.at("map").at("psnr").at("mean").dump())) << csv;
  EXPECT_TRUE(has(csv, "\nmap - best scalar,5,")) << csv;
}

TEST_F(EvaluateCli, SaysWhatIsWrong) {
  const std::string model = path("model/last.safetensors");
  EXPECT_EQ(run("evaluate " + path("none.safetensors") + " --data " + path("data")).exit_code, 3);
  EXPECT_EQ(run("evaluate " + model + " --data " + path("none")).exit_code, 3);
  fs::create_directories(folder_ / "empty/test");
  EXPECT_EQ(run("evaluate " + model + " --data " + path("empty")).exit_code, 3);
  fs::create_directories(folder_ / "split/train");
  const Outcome no_test = run("evaluate " + model + " --data " + path("split"));
  EXPECT_EQ(no_test.exit_code, 3);
  EXPECT_TRUE(has(no_test.err, "no folder test")) << no_test.err;
  EXPECT_EQ(run("evaluate " + model).exit_code, 2);
  EXPECT_EQ(run(evaluate("--grid 5")).exit_code, 2);
  EXPECT_EQ(run(evaluate("--noise nan")).exit_code, 2);
}

TEST_F(EvaluateCli, PartsMergeToTheTableOfOneProcess) {
  ASSERT_EQ(run(evaluate("-o " + path("whole"))).exit_code, 0);
  for (const char* part : {"1", "2", "3"}) {
    const Outcome o =
        run(evaluate("--shard " + std::string(part) + "/3 -o " + path("part" + std::string(part))));
    ASSERT_EQ(o.exit_code, 0) << o.err;
    EXPECT_TRUE(has(o.err, "part " + std::string(part) + "/3 of 5 pictures")) << o.err;
  }
  EXPECT_EQ(json::parse(text_of(folder_ / "part2/summary.json")).at("complete"), false);
  const std::string parts = " --merge " + path("part1") + " " + path("part2") + " " + path("part3");
  const Outcome merged = run(evaluate("-o " + path("merged") + parts));
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_TRUE(has(merged.err, "5 of 5 pictures are scored in the parts")) << merged.err;
  for (const char* file : {"evaluation.csv", "summary.txt", "summary.csv", "settings.json"})
    EXPECT_EQ(text_of(folder_ / "merged" / file), text_of(folder_ / "whole" / file)) << file;
  EXPECT_EQ(text_of(folder_ / "merged/figures/B/q.png"), text_of(folder_ / "whole/figures/B/q.png"));

  // A part that was lost is computed here.
  const Outcome rest =
      run(evaluate("-o " + path("rest") + " --merge " + path("part1") + " " + path("part3")));
  EXPECT_TRUE(has(rest.err, "3 of 5 pictures are scored") || has(rest.err, "4 of 5 pictures are scored"))
      << rest.err;
  EXPECT_EQ(text_of(folder_ / "rest/summary.txt"), text_of(folder_ / "whole/summary.txt"));
}

TEST_F(EvaluateCli, APartWithoutPicturesAndACutLineMergeToo) {
  ASSERT_EQ(run(evaluate("-o " + path("whole"))).exit_code, 0);
  const Outcome none = run(evaluate("--shard 6/6 -o " + path("none")));
  EXPECT_EQ(none.exit_code, 0) << none.err;
  ASSERT_EQ(run(evaluate("--shard 1/1 -o " + path("cut"))).exit_code, 0);
  std::string csv = text_of(folder_ / "cut/evaluation.csv");
  std::ofstream(folder_ / "cut/evaluation.csv") << csv.substr(0, csv.size() - 4);  // within the last number
  const Outcome merged =
      run(evaluate("-o " + path("merged") + " --merge " + path("none") + " " + path("cut")));
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_TRUE(has(merged.err, "4 of 5 pictures are scored in the parts")) << merged.err;
  EXPECT_EQ(text_of(folder_ / "merged/evaluation.csv"), text_of(folder_ / "whole/evaluation.csv"));

  std::ofstream(folder_ / "cut/evaluation.csv")
      << csv << csv.substr(csv.rfind('\n', csv.size() - 2) + 1, 3) << ",1,0.5,0,1,0.5,0,1,0.5,1,5\n";
  const Outcome refused = run(evaluate("--merge " + path("cut")));
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_TRUE(has(refused.err, "cannot be (PSNR 1, SSIM 5)")) << refused.err;
}

TEST_F(EvaluateCli, RefusesToMergeWhatDoesNotBelongTogether) {
  ASSERT_EQ(run(evaluate("--shard 1/2 --seed 7 -o " + path("other"))).exit_code, 0);
  Outcome o = run(evaluate("--merge " + path("other")));
  EXPECT_EQ(o.exit_code, 2);
  EXPECT_TRUE(has(o.err, "other settings:\n  seed: 7 there, 42 here")) << o.err;
  o = run(evaluate("--merge " + path("data")));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "settings.json")) << o.err;
  o = run(evaluate("--merge " + path("other") + " --iterations 8,16"));
  EXPECT_EQ(o.exit_code, 2);
  EXPECT_EQ(run(evaluate("--shard 3/2")).exit_code, 2);
}

}  // namespace
}  // namespace primal
