// primal report from outside, and the pages that train, evaluate and demo write: what they show, and
// that damage is no obstacle.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "support/small_disk.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::has;
using testing::Outcome;
using testing::SmallDisk;
using testing::text_of;

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

class ReportCli : public testing::TrainCli {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  void train_run(const std::string& more = "") const {
    const Outcome o = train(std::string("-q --steps 12 -o ") + path("run") + kTiny + more);
    ASSERT_EQ(o.exit_code, 0) << o.err;
  }
  // A page of the folder, which must be made whatever its state.
  std::string report(const std::string& folder, const std::string& more = "") const {
    const Outcome o = run("report " + path(folder) + " -o " + path("page.html") + " --overwrite " + more);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    const std::string page = text_of(folder_ / "page.html");
    EXPECT_TRUE(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    return page;
  }
  Outcome evaluate(const std::string& more) const {
    fs::create_directories(folder_ / "data");
    for (uint32_t i = 0; i < 5; ++i) write_phantom("data/p" + std::to_string(i) + ".png", i);
    return run("evaluate " + path("run") + " --data " + path("data") +
               " --grid 0:0.4:5 --iterations 16 --noise 0.2 -q " + more);
  }
  bool leaves_no_temporary(const std::string& folder) const {
    return std::ranges::none_of(fs::recursive_directory_iterator(folder_ / folder),
                                [](const auto& entry) { return entry.path().extension() == ".tmp"; });
  }
};

TEST_F(ReportCli, ATrainingKeepsItsPageAndTheLastOneReloadsNoMore) {
  train_run(" --set training.learning_rate=0.002");
  const std::string page = text_of(folder_ / "run/report.html");
  EXPECT_FALSE(has(page, "http-equiv=\"refresh\""));
  for (const char* part :
       {"12 steps of 12 are done", "ended as planned", "Validation pictures", "Training curves",
        "<td>training.learning_rate</td><td class=\"number\">0.002</td><td>--set</td>", "best single lambda",
        "last.safetensors", "primal train -q --steps 12"})
    EXPECT_TRUE(has(page, part)) << part;
  EXPECT_EQ(count(page, "<div class=\"compare\">"),
            2U);  // one validation picture: noisy/denoised, denoised/clean
  EXPECT_TRUE(leaves_no_temporary("run"));
}

TEST_F(ReportCli, ARunningTrainingReloadsItsPage) {
  const std::string command = std::string(PRIMAL_PROGRAM) + " train -q --steps 100000000 -o " + path("run") +
                              kTiny + " & pid=$!; for i in $(seq 300); do [ -s " + path("run/report.html") +
                              " ] && break; sleep 0.1; done; cp " + path("run/report.html") + " " +
                              path("live.html") + "; kill -INT $pid; wait $pid";
  ASSERT_NE(std::system(command.c_str()), -1);
  const std::string live = text_of(folder_ / "live.html");
  EXPECT_TRUE(has(live, "<meta http-equiv=\"refresh\" content=\"30\">"));
  EXPECT_TRUE(has(live, "still at work")) << live.substr(0, 3000);
  const std::string page = text_of(folder_ / "run/report.html");
  EXPECT_FALSE(has(page, "http-equiv=\"refresh\""));
  EXPECT_TRUE(has(page, "before its time: signal 2"));
}

TEST_F(ReportCli, ThePageOfAFolderEqualsThatOfTheTraining) {
  train_run();
  const std::string page = report("run");
  for (const char* part :
       {"12 steps of 12 are done", "Validation pictures", "Training curves", "config.toml"})
    EXPECT_EQ(has(page, part), std::string(part) != "config.toml") << part;
  EXPECT_FALSE(has(page, "class=\"warning\""));
}

TEST_F(ReportCli, TruncatedAndBrokenFilesAreNamedAndLeftOut) {
  train_run();
  const std::string metrics = text_of(folder_ / "run/metrics.csv"),
                    events = text_of(folder_ / "run/events.jsonl");
  // A row that is cut in its middle and goes on with the next one, and a last line that is not finished.
  const size_t third = metrics.find("\n3,"), fourth = metrics.find("\n4,");
  write("run/metrics.csv", metrics.substr(0, third + 5) + metrics.substr(fourth) + "13,2,0.0");
  write("run/events.jsonl", events.substr(0, events.find("\n") + 1) + "{\"event\":\"sta\n" +
                                events.substr(events.find("\n") + 1) + "{\"event\":\"stop\",\"st");
  write("run/best.safetensors", "no tensors");
  const std::string page = report("run");
  for (const char* part : {"1 line of metrics.csv cannot be read", "1 line of events.jsonl is no event",
                           "metrics.csv ends in the middle of a line", "best.safetensors cannot be read",
                           "12 steps of 12", "Validation pictures"})
    EXPECT_TRUE(has(page, part)) << part;
  EXPECT_TRUE(has(run("report " + path("run") + " -o " + path("b.html")).err,
                  "note: best.safetensors cannot be read"));
}

TEST_F(ReportCli, FilesThatWereCutAtTheirEndAreNamed) {
  train_run();
  const std::string config = text_of(folder_ / "run/config.toml"),
                    metrics = text_of(folder_ / "run/metrics.csv");
  write("run/config.toml", config.substr(0, config.size() - 2));
  EXPECT_TRUE(has(report("run"), "config.toml ends in the middle of a line"));
  write("run/config.toml", config);
  write("run/metrics.csv", metrics.substr(0, metrics.find("\n5,") + 1));  // whole lines
  EXPECT_TRUE(has(report("run"), "metrics.csv ends at step 4, but last.safetensors is of step 12"));
}

TEST_F(ReportCli, EachFileMayBeMissingOrEmpty) {
  train_run();
  for (const char* name :
       {"config.toml", "metrics.csv", "events.jsonl", "best.safetensors", "last.safetensors"}) {
    for (const bool is_empty : {false, true}) {
      fs::remove_all(folder_ / "damaged");
      fs::copy(folder_ / "run", folder_ / "damaged");
      fs::remove(folder_ / "damaged" / name);
      if (is_empty) write(std::string("damaged/") + name, "");
      const std::string page = report("damaged");
      // A best checkpoint that is not there is no damage: a training without a validation has none.
      const bool is_said = has(page, "class=\"warning\"");
      EXPECT_TRUE(is_said || (!is_empty && std::string(name) == "best.safetensors") ||
                  (is_empty && std::string(name) == "config.toml"))
          << name << is_empty;
    }
  }
  fs::create_directories(folder_ / "bare");
  fs::copy(folder_ / "run/config.toml", folder_ / "bare/config.toml");
  const std::string page = report("bare");
  for (const char* part : {"events.jsonl is missing", "no checkpoint", "The curves are missing", "Settings"})
    EXPECT_TRUE(has(page, part)) << part;
}

TEST_F(ReportCli, NamesFromFilesAreNeverMarkup) {
  train_run();
  write("run/config.toml", "[data]\nfolder = \"<script>alert(1)</script>\"  # <img src=x>\n");
  const std::string page = report("run");
  EXPECT_TRUE(has(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_FALSE(has(page, "<script>alert") || has(page, "<img src=x>"));
}

TEST_F(ReportCli, AnEvaluationHasScoresPicturesAndSettings) {
  train_run();
  const Outcome o = evaluate("-o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const std::string page = text_of(folder_ / "out/report.html");
  for (const char* part : {"5 pictures of", "95 % interval of the mean", "better for",
                           "The smallest gain: ", "The largest gain: ", "The median gain: ", "10000 paired",
                           "scalar_iterations", "primal evaluate", "Scores of 5 pictures"})
    EXPECT_TRUE(has(page, part)) << part;
  EXPECT_FALSE(has(page, "http://") && std::regex_search(page, std::regex("(src|href)=\"https?:")));
  EXPECT_LT(page.size(), 5000000U);
  // The smallest, largest and median gain, and the first picture where it is none of these: three pairs each.
  const size_t n = count(page, "<div class=\"compare\">");
  EXPECT_TRUE(n == 9 || n == 12) << n;
  // The same from the folder: pictures are computed again.
  const std::string again = report("out");
  EXPECT_EQ(count(again, "<div class=\"compare\">"), n);
  EXPECT_FALSE(has(again, "class=\"warning\""));
}

TEST_F(ReportCli, ADamagedEvaluationShowsWhatIsLeft) {
  train_run();
  ASSERT_EQ(evaluate("-o " + path("out")).exit_code, 0);
  const std::string csv = text_of(folder_ / "out/evaluation.csv");
  write("out/evaluation.csv", csv.substr(0, csv.size() - 30));
  write("out/scores/boxes.png", "no picture");
  fs::remove_all(folder_ / "data");
  std::string page = report("out");
  for (const char* part :
       {"1 line of evaluation.csv cannot be read", "cannot be computed again", "4 pictures of",
        "Figures of the folder", "is not a whole PNG file", "data:image/png;base64,"})
    EXPECT_TRUE(has(page, part)) << part;
  write("out/summary.json", "{\"n_pictures\": 5, ");
  page = report("out");
  EXPECT_TRUE(has(page, "summary.json is broken")) << page.substr(0, 3000);
  fs::remove(folder_ / "out/summary.json");
  fs::remove(folder_ / "out/evaluation.csv");
  EXPECT_EQ(run("report " + path("out") + " -o " + path("x.html")).exit_code, 3);
}

TEST_F(ReportCli, ClassifiersAndAutoencodersHaveTheirOwnContent) {
  ASSERT_EQ(train("-q --steps 8 --set task.kind=classify --set data.target=noise --set data.n_train=12 --set "
                  "data.n_validation=6 --set classifier.size=32 --set classifier.filters=2 --set "
                  "classifier.hidden=4 -o " +
                  path("classifier"))
                .exit_code,
            0);
  std::string page = text_of(folder_ / "classifier/report.html");
  for (const char* part :
       {"a classifier", "Confusion matrix", "validation_accuracy", "largest class", "taken for"})
    EXPECT_TRUE(has(page, part)) << part;
  page = report("classifier");
  EXPECT_TRUE(has(page, "Confusion matrix") && has(page, "Pictures that were scored"))
      << page.substr(0, 3000);
  ASSERT_EQ(run("data noisy --phantom 6 --size 40 -q -o " + path("castings")).exit_code, 0);
  ASSERT_EQ(run("evaluate " + path("classifier") + " --data " + path("castings/manifest.csv") + " -q -o " +
                path("scored"))
                .exit_code,
            0);
  for (const std::string& text : {text_of(folder_ / "scored/report.html"), report("scored")}) {
    for (const char* part : {"A classifier was scored on", "Confusion matrix", "weighted mean", "macro mean"})
      EXPECT_TRUE(has(text, part)) << part;
  }

  ASSERT_EQ(train("-q --steps 8 --set task.kind=reconstruct --set autoencoder.layout=mnist --set "
                  "data.n_train=12 --set data.n_validation=6 --set autoencoder.filters=2 --set "
                  "autoencoder.latent=8 -o " +
                  path("encoder"))
                .exit_code,
            0);
  page = text_of(folder_ / "encoder/report.html");
  EXPECT_TRUE(has(page, "an autoencoder") && has(page, "validation_r2"));
  EXPECT_EQ(count(page, "<div class=\"compare\">"), 6U);
}

TEST_F(ReportCli, NothingIsOverwrittenUnasked) {
  train_run();
  EXPECT_EQ(run("report " + path("run")).exit_code, 3);  // the run's own page is there
  EXPECT_EQ(run("report " + path("run") + " --overwrite -q").exit_code, 0);
  write("mine.html", "mine");
  const Outcome o = run("report " + path("run") + " -o " + path("mine.html"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "mine.html exists; give --overwrite")) << o.err;
  EXPECT_EQ(text_of(folder_ / "mine.html"), "mine");
  // Nor does a training replace a page that is not its own.
  fs::create_directories(folder_ / "other");
  write("other/report.html", "mine");
  EXPECT_EQ(train(std::string("-q --steps 2 -o ") + path("other") + kTiny).exit_code, 2);
  EXPECT_EQ(text_of(folder_ / "other/report.html"), "mine");
  EXPECT_EQ(train(std::string("-q --steps 2 --overwrite -o ") + path("other") + kTiny).exit_code, 0);
}

TEST_F(ReportCli, WrongPlacesAreErrors) {
  fs::create_directories(folder_ / "empty");
  write("file", "x");
  EXPECT_EQ(run("report " + path("nowhere")).exit_code, 3);
  EXPECT_EQ(run("report " + path("file")).exit_code, 2);
  const Outcome o = run("report " + path("empty"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "no file of a training") && fs::is_empty(folder_ / "empty")) << o.err;
  train_run();
  EXPECT_EQ(run("report " + path("run") + " -o " + path("empty")).exit_code, 2);
  const Outcome text = run("report " + path("run") + " -o " + path("r.txt"));
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_TRUE(has(text.err, "r.txt") && has(text.err, "ends in .html or .htm")) << text.err;
  EXPECT_FALSE(exists("r.txt"));
}

TEST_F(ReportCli, AFullDiskLeavesNoHalfPageAndStopsNoTraining) {
  train_run();
  const SmallDisk disk(path("disk"), 96);
  if (!disk.mounted()) GTEST_SKIP() << "no disk can be mounted here";
  const Outcome o = run("report " + path("run") + " -o " + path("disk/page.html"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(fs::is_empty(folder_ / "disk"));
  // Checkpoints of 413 parameters and the logs fit, the page does not.
  const Outcome trained = train(std::string("--steps 5 -o ") + path("disk/run") + kTiny);
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_TRUE(has(trained.err, "report.html is not written")) << trained.err;
  EXPECT_TRUE(fs::exists(folder_ / "disk/run/last.safetensors") &&
              !fs::exists(folder_ / "disk/run/report.html"));
  EXPECT_TRUE(leaves_no_temporary("disk"));
}

}  // namespace
}  // namespace primal
