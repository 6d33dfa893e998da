// primal search from outside: one picture, several, and parts of them.
#include <algorithm>
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

class SearchCli : public testing::Cli {
 protected:
  // Five pictures, and five others in their place as noisy ones.
  void SetUp() override {
    for (const char* folder : {"data/B", "noisy/B"}) fs::create_directories(folder_ / folder);
    for (uint32_t i = 0; i < 5; ++i) {
      const std::string name = i < 4 ? "p" + std::to_string(i) + ".png" : "B/q.png";
      write_phantom("data/" + name, i);
      write_phantom("noisy/" + name, i + 1);
    }
  }
  std::string search(const std::string& rest) const {
    return "search " + path("data") + " --noise 0.4 --grid 0:0.3:4 --iterations 16 " + rest;
  }
};

TEST_F(SearchCli, PrintsEachLambdaAndMarksTheBest) {
  const std::string clean = path("data/p0.png");
  const Outcome o = run("search " + clean + " --noise 0.5 --grid 0:0.3:4 --csv " + path("s.csv") +
                        " --figure " + path("s.png"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.out, "best PSNR") && has(o.out, "best SSIM")) << o.out;
  const std::string csv = text_of(folder_ / "s.csv");
  EXPECT_TRUE(csv.starts_with("lambda,psnr_db,ssim\n0,")) << csv;
  EXPECT_EQ(std::ranges::count(csv, '\n'), 5);
  EXPECT_GT(read_image(folder_ / "s.png").width, 900);
  EXPECT_EQ(run("search " + clean + " --noise 0.5 --csv " + path("s.csv")).exit_code, 3);
  const std::string both =
      "search " + clean + " --noise 0.5 --grid 0:0.3:2 --overwrite --csv " + path("s.csv");
  EXPECT_EQ(run(both + " --figure " + path("./s.csv")).exit_code, 2);
  EXPECT_TRUE(has(run(both + " --figure " + path("s.jpg")).err, "give " + path("s.png")));
  EXPECT_EQ(text_of(folder_ / "s.csv"), csv);
  // A noisy picture against its clean one: lambda 0 is the noisy picture itself.
  const Outcome pair = run("search " + path("data/p1.png") + " --clean " + clean + " --grid 0:0:1 --json");
  ASSERT_EQ(pair.exit_code, 0) << pair.err;
  const json found = json::parse(pair.out);
  EXPECT_NEAR(found.at("best_by_psnr").at("psnr").get<double>(), found.at("noisy").at("psnr").get<double>(),
              1e-4);
  EXPECT_EQ(run("search " + clean).exit_code, 2);
  EXPECT_EQ(run("search " + clean + " --noise 0.1 --clean " + clean).exit_code, 2);
  write_phantom("large.png", 0, 8, 48);
  EXPECT_EQ(run("search " + clean + " --clean " + path("large.png")).exit_code, 3);
}

// The means are those of searches one by one, and so is each picture's own best.
TEST_F(SearchCli, SeveralPicturesHaveTheMeansOfTheirCurves) {
  const std::string options = " --grid 0:0.2:5 --iterations 16 --json -q --clean ";
  const Outcome o = run("search " + path("noisy") + options + path("data"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json folder = json::parse(o.out);
  EXPECT_EQ(folder.at("n_pictures"), 5);
  std::vector<double> psnr(5, 0.0);
  double noisy = 0.0, own = 0.0, own_lambda = 0.0;
  const std::vector<std::string> names{"B/q.png", "p0.png", "p1.png", "p2.png", "p3.png"};
  for (size_t i = 0; i < names.size(); ++i) {
    const Outcome s = run("search " + path("noisy/" + names[i]) + options + path("data/" + names[i]));
    ASSERT_EQ(s.exit_code, 0) << s.err;
    const json one = json::parse(s.out);
    for (size_t k = 0; k < 5; ++k) psnr[k] += one.at("grid").at(k).at("psnr").get<double>() / 5.0;
    noisy += one.at("noisy").at("psnr").get<double>() / 5.0;
    own += one.at("best_by_psnr").at("psnr").get<double>() / 5.0;
    own_lambda += one.at("best_by_psnr").at("lambda").get<double>() / 5.0;
    EXPECT_EQ(folder.at("pictures").at(i).at("picture"), names[i]);
    EXPECT_EQ(folder.at("pictures").at(i).at("best_by_ssim"), one.at("best_by_ssim"));
  }
  for (size_t k = 0; k < 5; ++k)
    EXPECT_NEAR(folder.at("grid").at(k).at("psnr").get<double>(), psnr[k], 1e-9) << k;
  EXPECT_NEAR(folder.at("noisy").at("psnr").get<double>(), noisy, 1e-9);
  EXPECT_EQ(folder.at("best_by_psnr").at("psnr").get<double>(), *std::ranges::max_element(psnr));
  EXPECT_NEAR(folder.at("own_best").at("psnr").at("mean").get<double>(), own, 1e-9);
  EXPECT_NEAR(folder.at("own_best").at("psnr").at("lambda").at("mean").get<double>(), own_lambda, 1e-9);
}

TEST_F(SearchCli, PartsMergeToTheResultOfOneProcess) {
  const std::string files = " --csv " + path("w.csv") + " --figure-data " + path("w_data.csv");
  const Outcome whole = run(search("-o " + path("whole") + files));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_TRUE(has(whole.out, "means over 5 pictures") && has(whole.out, "best PSNR")) << whole.out;
  EXPECT_TRUE(has(whole.err, "5/5 p3.png: noisy ")) << whole.err;
  for (const std::string part : {"1", "2", "3"}) {
    const Outcome o = run(search("--shard " + part + "/3 -o " + path("part" + part)));
    ASSERT_EQ(o.exit_code, 0) << o.err;
    EXPECT_TRUE(has(o.err, "part " + part + "/3: " + (part == "3" ? "1" : "2") + " of 5 pictures")) << o.err;
  }
  EXPECT_EQ(json::parse(text_of(folder_ / "part2/summary.json")).at("complete"), false);
  const Outcome merged = run(search("-o " + path("merged") + " --csv " + path("m.csv") + " --merge " +
                                    path("part1") + " " + path("part2") + " " + path("part3")));
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_TRUE(has(merged.err, "5 of 5 pictures are searched in the parts")) << merged.err;
  EXPECT_EQ(merged.out, whole.out);
  EXPECT_EQ(text_of(folder_ / "m.csv"), text_of(folder_ / "w.csv"));
  for (const char* file : {"search.csv", "summary.json", "settings.json"})
    EXPECT_EQ(text_of(folder_ / "merged" / file), text_of(folder_ / "whole" / file)) << file;

  // A search that was stopped within a row of its third picture: that picture and the rest are computed here.
  const std::string rows = text_of(folder_ / "whole/search.csv");
  std::ofstream(folder_ / "part1/search.csv") << rows.substr(0, rows.find("p1.png,0.2") + 20);
  const Outcome rest = run(search("-o " + path("rest") + " --merge " + path("part1")));
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_TRUE(has(rest.err, "2 of 5 pictures are searched in the parts")) << rest.err;
  EXPECT_EQ(text_of(folder_ / "rest/search.csv"), rows);
}

TEST_F(SearchCli, RefusesPartsThatDoNotBelongTogether) {
  ASSERT_EQ(run(search("--shard 1/2 -o " + path("part"))).exit_code, 0);
  const Outcome seed = run(search("--seed 7 --merge " + path("part")));
  EXPECT_EQ(seed.exit_code, 2);
  EXPECT_TRUE(has(seed.err, "other settings:\n  seed: 42 there, 7 here")) << seed.err;
  const Outcome kind = run(search("--merge " + path("data")));
  EXPECT_EQ(kind.exit_code, 3);
  EXPECT_TRUE(has(kind.err, "settings.json")) << kind.err;

  const std::string rows = text_of(folder_ / "part/search.csv");
  const auto merged_with = [&](const std::string& text) {
    std::ofstream(folder_ / "part/search.csv") << text;
    return run(search("--merge " + path("part")));
  };
  const size_t line = rows.find("B/q.png,0.1,"), next = rows.find('\n', line);
  const Outcome impossible = merged_with(rows.substr(0, line) + "B/q.png,0.1,20,1.5" + rows.substr(next));
  EXPECT_EQ(impossible.exit_code, 3);
  EXPECT_TRUE(has(impossible.err, "impossible (PSNR 20, SSIM 1.5)")) << impossible.err;
  const Outcome order = merged_with(rows.substr(0, line) + rows.substr(next + 1) + rows.substr(line, 20));
  EXPECT_EQ(order.exit_code, 3);
  EXPECT_TRUE(has(order.err, "expected the scores of B/q.png at lambda 0.1")) << order.err;

  fs::copy(folder_ / "part", folder_ / "other");
  std::ofstream(folder_ / "other/search.csv") << rows;
  std::ofstream(folder_ / "part/search.csv")
      << rows.substr(0, line) + "B/q.png,0.1,20,0.5" + rows.substr(next);
  const Outcome twice = run(search("--merge " + path("other") + " " + path("part")));
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_TRUE(has(twice.err, "has other scores for B/q.png than a part before it")) << twice.err;
  EXPECT_EQ(run(search("--shard 17/16")).exit_code, 2);

  // Noise depends on the place of a picture among all of them.
  ASSERT_EQ(run(search("-o " + path("five"))).exit_code, 0);
  const Outcome itself = run(search("--overwrite -o " + path("five") + " --merge " + path("five")));
  EXPECT_EQ(itself.exit_code, 2);
  EXPECT_TRUE(has(itself.err, "--merge and -o are both")) << itself.err;
  EXPECT_EQ(run(search("-o " + path("six") + " --csv " + path("six/search.csv"))).exit_code, 2);
  write_phantom("data/another.png", 9);
  const Outcome more = run(search("--merge " + path("five")));
  EXPECT_EQ(more.exit_code, 2);
  EXPECT_TRUE(has(more.err, "n_pictures: 5 there, 6 here")) << more.err;
}

TEST_F(SearchCli, ABrokenPictureOfSeveralIsReportedAndTheOthersAreSearched) {
  std::ofstream(folder_ / "data/p2.png") << "no picture";
  std::ofstream(folder_ / "data/notes.txt") << "left out";
  const Outcome o = run(search("-o " + path("out")));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.out, "means over 4 pictures")) << o.out;
  EXPECT_TRUE(has(o.err, "p2.png") && has(o.err, "1 of 5 pictures could not be processed")) << o.err;
  EXPECT_TRUE(has(o.err, "notes.txt")) << o.err;
  EXPECT_EQ(json::parse(text_of(folder_ / "out/summary.json")).at("errors").size(), 1u);
  EXPECT_EQ(run(search("-o " + path("out"))).exit_code, 3) << "replaced without --overwrite";

  const Outcome two = run("search " + path("data/p1.png") + " " + path("noisy/p1.png") + " --noise 0.4");
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_TRUE(has(two.err, "two of the pictures are called p1.png")) << two.err;
  fs::remove(folder_ / "noisy/p0.png");
  const Outcome alone = run("search " + path("data") + " --clean " + path("noisy"));
  EXPECT_EQ(alone.exit_code, 3);
  EXPECT_TRUE(has(alone.err, "no picture of the name p0")) << alone.err;
  const Outcome parts = run(search("--shard 9/9 --json"));
  EXPECT_EQ(parts.exit_code, 0) << parts.err;
  EXPECT_EQ(json::parse(parts.out).at("n_pictures"), 0);
}

// A mean is about the same pictures for every lambda.
TEST_F(SearchCli, APictureThatEqualsItsCleanOneIsLeftOutOfTheMeansOfPsnr) {
  fs::copy_file(folder_ / "data/p0.png", folder_ / "noisy/p0.png", fs::copy_options::overwrite_existing);
  const std::string options = " --grid 0:0.2:3 --iterations 16 --json --clean ";
  const Outcome o = run("search " + path("noisy") + options + path("data"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "1 of 5 pictures have an infinite PSNR")) << o.err;
  const json with = json::parse(o.out);
  EXPECT_EQ(with.at("n_infinite_psnr"), 1);
  fs::remove(folder_ / "noisy/p0.png");
  const json without = json::parse(run("search " + path("noisy") + options + path("data")).out);
  for (size_t k = 0; k < 3; ++k)
    EXPECT_EQ(with.at("grid").at(k).at("psnr"), without.at("grid").at(k).at("psnr")) << k;
  EXPECT_EQ(with.at("own_best").at("psnr"), without.at("own_best").at("psnr"));
}

}  // namespace
}  // namespace primal
