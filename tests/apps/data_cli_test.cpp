// primal data, from outside: what it writes fits what a manifest's reader asks for.
#include <map>
#include <nlohmann/json.hpp>

#include "data/manifest/manifest.h"
#include "data/metrics/metrics.h"
#include "data/noise/noise_types.h"
#include "support/cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::Cli;
using testing::Outcome;
using testing::text_of;

class DataCli : public Cli {
 protected:
  DataCli() {
    for (const char* folder : {"parts/def_front", "parts/ok_front"}) fs::create_directories(folder_ / folder);
    for (uint32_t i = 0; i < 7; ++i) {
      write_phantom((i < 4 ? "parts/def_front/p" : "parts/ok_front/p") + std::to_string(i) + ".png", i,
                    i == 3 ? 16 : 8, 24);
    }
  }
};

constexpr ManifestNeeds kAll{true, true, true};

TEST_F(DataCli, MakesNoisyCopiesThatTheManifestsDescribe) {
  const Outcome outcome =
      run("data noisy --from " + path("parts") + " -o " + path("out") + " --json --seed 5");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["pictures"], 7);
  const Manifest csv = read_manifest(folder_ / "out/manifest.csv", kAll);
  const Manifest xlsx = read_manifest(folder_ / "out/manifest.xlsx", kAll);
  ASSERT_EQ(csv.entries.size(), 7u);
  ASSERT_EQ(xlsx.entries.size(), 7u);
  std::map<std::string, std::map<std::string, int>> count;
  for (size_t i = 0; i < 7; ++i) {
    const ManifestEntry& e = csv.entries[i];
    EXPECT_EQ(xlsx.entries[i].noisy, e.noisy);
    EXPECT_EQ(xlsx.entries[i].noise, e.noise);
    EXPECT_EQ(e.clean.filename(), e.noisy.filename());
    ++count[e.label][e.noise];
    // The picture is the clean one with the noise that it is described with.
    TypedNoise noise;
    noise.type = parse_noise_type(e.noise);
    const Image clean = read_image(e.clean), noisy = read_image(e.noisy);
    EXPECT_EQ(noisy.bit_depth, clean.bit_depth);
    const Tensor z = add_noise(to_tensor(clean), noise, NoiseKey{5, 0, static_cast<uint32_t>(i)});
    EXPECT_EQ(noisy.levels, to_image(z, clean.bit_depth).levels) << e.noisy;
  }
  std::map<std::string, int> all;
  for (const char* type : {"gaussian", "salt_pepper", "periodic"}) {
    EXPECT_GE(count["defect"][type], 1);
    EXPECT_LE(count["defect"][type], 2);
    EXPECT_EQ(count["ok"][type], 1);
    EXPECT_EQ(report["labels"]["defect"][type], count["defect"][type]);
    EXPECT_EQ(report["types"][type], count["defect"][type] + count["ok"][type]);
  }
}

TEST_F(DataCli, RepeatsItselfAndFollowsItsSeed) {
  const std::string from = "data noisy -q --from " + path("parts") + " -o ";
  ASSERT_EQ(run(from + path("a") + " --threads 1").exit_code, 0);
  ASSERT_EQ(run(from + path("b") + " --threads 2").exit_code, 0);
  ASSERT_EQ(run(from + path("c") + " --seed 43").exit_code, 0);
  const auto texts = [&](const std::string& folder) {
    std::map<fs::path, std::string> out;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(folder_ / folder)) {
      if (file.is_regular_file())
        out[file.path().lexically_relative(folder_ / folder)] = text_of(file.path());
    }
    return out;
  };
  const auto a = texts("a");
  EXPECT_EQ(a.size(), 9u);
  EXPECT_EQ(texts("b"), a);
  EXPECT_NE(texts("c"), a);
}

TEST_F(DataCli, OverwritesOnlyWithLeave) {
  const std::string make = "data noisy --from " + path("parts") + " -o " + path("out");
  ASSERT_EQ(run(make).exit_code, 0);
  const std::string before = text_of(folder_ / "out/manifest.csv");
  const Outcome again = run(make + " --types gaussian");
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_NE(again.err.find("manifest.csv exists; give --overwrite"), std::string::npos) << again.err;
  EXPECT_EQ(text_of(folder_ / "out/manifest.csv"), before);
  fs::remove(folder_ / "out/manifest.csv");
  fs::remove(folder_ / "out/manifest.xlsx");
  EXPECT_NE(run(make).err.find("noisy/"), std::string::npos);  // the pictures are looked at too
  EXPECT_EQ(run(make + " --types gaussian --overwrite").exit_code, 0);
  EXPECT_EQ(text_of(folder_ / "out/manifest.csv").find("periodic"), std::string::npos);
}

TEST_F(DataCli, TakesTheParametersOfEachType) {
  const std::string make =
      "data noisy --from " + path("parts") + " --overwrite -o " + path("out") + " --types ";
  ASSERT_EQ(run(make + "gaussian --deviation 0").exit_code, 0);
  Manifest m = read_manifest(folder_ / "out/manifest.csv", kAll);
  EXPECT_EQ(read_image(m.entries[0].noisy).levels, read_image(m.entries[0].clean).levels);
  ASSERT_EQ(run(make + "salt_pepper --amount 1 --salt 1").exit_code, 0);
  for (const uint16_t level : read_image(m.entries[0].noisy).levels) ASSERT_EQ(level, 255);
  ASSERT_EQ(run(make + "periodic --frequency 0.1,0.2 --angle 0 --amplitude 0.3,0.05").exit_code, 0);
  const Table table = read_table(folder_ / "out/manifest.xlsx");
  EXPECT_EQ(table.text(0, table.column("parameters")),
            "frequency=0.1 angle=0 amplitude=0.3, frequency=0.2 angle=0 amplitude=0.05");
  EXPECT_EQ(run(make + "periodic --frequency 0.1,0.2,0.3 --angle 0,90").exit_code, 2);
  EXPECT_EQ(run(make + "gaussian,gaussian").exit_code, 2);
  EXPECT_EQ(run(make + "poisson").exit_code, 2);
  EXPECT_EQ(run(make + "periodic --frequency 0.7").exit_code, 2);
}

TEST_F(DataCli, GeneratesCastingsToo) {
  const Outcome outcome = run("data noisy --phantom 12 --size 48 -o " + path("out"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("defect"), std::string::npos) << outcome.out;
  const Manifest m = read_manifest(folder_ / "out/manifest.xlsx", kAll);
  ASSERT_EQ(m.entries.size(), 12u);
  int n_defects = 0;
  for (const ManifestEntry& e : m.entries) {
    n_defects += e.label_class == 0;
    EXPECT_EQ(read_image(e.clean).width, 48);
    EXPECT_EQ(read_image(e.noisy).width, 48);
  }
  EXPECT_EQ(n_defects, 6);
}

TEST_F(DataCli, NamesWhatIsWrong) {
  EXPECT_EQ(run("data").exit_code, 2);
  EXPECT_EQ(run("data noisy -o " + path("out")).exit_code, 2);
  EXPECT_EQ(run("data noisy --from " + path("parts") + " --phantom 4 -o " + path("out")).exit_code, 2);
  const Outcome inside = run("data noisy --from " + path("parts") + " -o " + path("parts/noisy"));
  EXPECT_EQ(inside.exit_code, 2);
  EXPECT_NE(inside.err.find("lies in the folder of the clean pictures"), std::string::npos) << inside.err;
  EXPECT_FALSE(fs::exists(folder_ / "parts/noisy"));
  EXPECT_EQ(run("data noisy -q --from " + path("parts") + " -o " + path("parts_noisy")).exit_code, 0);
  const Outcome none = run("data noisy --from " + path("none") + " -o " + path("out"));
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("none"), std::string::npos) << none.err;
  const Outcome option = run("data noisy --form x -o " + path("out"));
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_NE(option.err.find("did you mean --from?"), std::string::npos) << option.err;
}

TEST_F(DataCli, LeavesOutAndReportsPicturesThatCannotBeRead) {
  std::ofstream(path("parts/def_front/broken.png")) << "no picture";
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "parts/ok_front/gone.png");
  const Outcome outcome = run("data noisy --json --from " + path("parts") + " -o " + path("out"));
  EXPECT_EQ(outcome.exit_code, 3);
  for (const char* text : {"broken.png", "gone.png", "2 of 9 pictures could not be processed"})
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  const nlohmann::json report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["pictures"], 7);
  EXPECT_EQ(report["errors"].size(), 2u);
  EXPECT_EQ(read_manifest(folder_ / "out/manifest.csv", kAll).entries.size(), 7u);  // whose files exist
  fs::create_directories(folder_ / "alone/def_front");
  std::ofstream(path("alone/def_front/broken.png")) << "no picture";
  const Outcome none = run("data noisy --from " + path("alone") + " -o " + path("none"));
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("broken.png"), std::string::npos) << none.err;
  EXPECT_FALSE(fs::exists(folder_ / "none/manifest.csv"));
}

TEST_F(DataCli, KeepsEarlierCopiesWhereNoPictureCanBeRead) {
  const std::string make = "data noisy --from " + path("parts") + " -o " + path("out");
  ASSERT_EQ(run(make).exit_code, 0);
  const std::string before = text_of(folder_ / "out/manifest.csv");
  const auto destroy = [&](const char* folder) {
    for (const fs::directory_entry& file : fs::directory_iterator(folder_ / folder))
      std::ofstream(file.path()) << "no picture";
  };
  destroy("parts/ok_front");  // some: their earlier copies go, since the manifest no longer has them
  EXPECT_EQ(run(make + " --overwrite").exit_code, 3);
  const Manifest some = read_manifest(folder_ / "out/manifest.csv", kAll);
  EXPECT_EQ(some.entries.size(), 4u);
  EXPECT_TRUE(fs::is_empty(folder_ / "out/noisy/ok_front"));
  for (const ManifestEntry& e : some.entries) EXPECT_TRUE(fs::exists(e.noisy));
  const std::string four = text_of(folder_ / "out/manifest.csv");
  EXPECT_NE(four, before);
  destroy("parts/def_front");
  const Outcome none = run(make + " --overwrite --json");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_EQ(nlohmann::json::parse(none.out)["errors"].size(), 7u);
  EXPECT_TRUE(nlohmann::json::parse(none.out)["manifest"].empty());
  EXPECT_EQ(text_of(folder_ / "out/manifest.csv"), four);
  EXPECT_FALSE(fs::is_empty(folder_ / "out/noisy/def_front"));
}

TEST_F(DataCli, IsInTheManualAndCompletesItsOptions) {
  EXPECT_NE(run("data noisy --help").out.find("--phantom"), std::string::npos);
  EXPECT_NE(run("manual").out.find(".SS primal data noisy"), std::string::npos);
  ASSERT_EQ(run("completion bash").exit_code, 0);
  const std::string script = path("complete.sh");
  ASSERT_EQ(run("completion bash").exit_code, 0);
  fs::copy_file(folder_ / "out.txt", script);
  const auto complete = [&](const std::string& words, int at) {
    const std::string call = "bash -c 'source " + script + "; COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(at) +
                             "; compopt() { :; }; _primal; echo \"${COMPREPLY[*]}\"' > " + path("words");
    EXPECT_EQ(std::system(call.c_str()), 0);
    return text_of(folder_ / "words");
  };
  EXPECT_EQ(complete("primal data \"\"", 2), "noisy moving\n");
  EXPECT_NE(complete("primal data noisy --phan", 3).find("--phantom"), std::string::npos);
  EXPECT_NE(complete("primal denoise --bound", 2).find("--boundary"), std::string::npos);
  EXPECT_NE(complete("primal check conv", 2).find("conv3d"), std::string::npos);
}

}  // namespace
}  // namespace primal
