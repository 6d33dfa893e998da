// primal models and primal export, and the names of shipped models in place of files.
#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"
#include "support/text.h"
#include "support/train_cli.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EnvironmentVariable;
using testing::has;
using testing::Outcome;
using testing::text_of;

class ModelsCli : public testing::TrainCli {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "clean/train");
    fs::create_directories(folder_ / "clean/val");
    for (uint32_t i = 0; i < 5; ++i) write_phantom("clean/train/" + std::to_string(i) + ".png", i);
    write_phantom("clean/val/v.png", 6);
    const Outcome trained = train("--quiet --steps 3 --data " + path("clean") + kTiny + " -o " + path("run"));
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    fs::create_directories(folder_ / "models");
    write_phantom("noisy.png", 9);
  }
};

TEST_F(ModelsCli, AnExportedModelDenoisesLikeItsCheckpoint) {
  const Outcome o = run("export " + path("run/last.safetensors") + " -o " + path("models/tiny.safetensors") +
                        " --title 'for tests'");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  for (const char* model : {"run/last.safetensors", "models/tiny.safetensors"}) {
    const std::string out = std::string(model).substr(0, 3);
    ASSERT_EQ(run("denoise " + path(model) + " " + path("noisy.png") + " -o " + path(out + ".png")).exit_code,
              0);
  }
  EXPECT_EQ(read_image(folder_ / "run.png"), read_image(folder_ / "mod.png"));
  const Safetensors checkpoint = Safetensors::read(folder_ / "run/last.safetensors"),
                    exported = Safetensors::read(folder_ / "models/tiny.safetensors");
  EXPECT_LT(exported.entries().size(), checkpoint.entries().size());
  for (const auto& [name, entry] : exported.entries()) EXPECT_FALSE(name.starts_with("adam.")) << name;
  // No folder of this machine travels with it.
  for (const auto& [key, value] : exported.metadata())
    EXPECT_FALSE(has(value, folder_.path().string())) << key;
  // It can be passed on once more, and a training starts from it.
  ASSERT_EQ(run("export " + path("models/tiny.safetensors") + " -o " + path("again.safetensors")).exit_code,
            0);
  EXPECT_EQ(text_of(folder_ / "again.safetensors"), text_of(folder_ / "models/tiny.safetensors"));
  EXPECT_EQ(train("--quiet --steps 1" + std::string(kTiny) + " --init " + path("again.safetensors") + " -o " +
                  path("further"))
                .exit_code,
            0);
}

TEST_F(ModelsCli, ListsModelsAndTakesTheirNames) {
  const EnvironmentVariable folder("PRIMAL_MODELS", path("models").c_str());
  const Outcome none = run("models");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(has(none.err, "no models in")) << none.err;
  ASSERT_EQ(run("export " + path("run") + " -o " + path("models/tiny.safetensors") + " --title 'for tests'")
                .exit_code,
            0);
  const Outcome listed = run("models");
  ASSERT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_TRUE(has(listed.out, "tiny") && has(listed.out, "for tests") &&
              has(listed.out, "relative noise from 0.1 to 0.5"))
      << listed.out;
  const json report = json::parse(run("models --json").out);
  EXPECT_EQ(report.at("models").at(0).at("name"), "tiny");
  EXPECT_EQ(report.at("models").at(0).at("bytes"), fs::file_size(folder_ / "models/tiny.safetensors"));
  EXPECT_EQ(report.at("models").at(0).at("refine"), false);
  EXPECT_FALSE(has(listed.out, "refined")) << listed.out;
  ASSERT_EQ(run("export " + path("run") + " --overwrite --refine on -o " + path("models/tiny.safetensors"))
                .exit_code,
            0);
  EXPECT_TRUE(has(run("models").out, "; its maps are refined")) << run("models").out;
  std::ofstream(folder_ / "models/broken.safetensors") << "no tensors";
  const Outcome rest = run("models");
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_TRUE(has(rest.out, "tiny") && has(rest.err, "broken is left out")) << rest.out << rest.err;
  const Outcome named = run("denoise tiny " + path("noisy.png") + " -o " + path("a.png"));
  ASSERT_EQ(named.exit_code, 0) << named.err;
  EXPECT_TRUE(has(named.err, "models/tiny.safetensors")) << named.err;
  // A training starts from it, but from no name that stands for nothing.
  const std::string from = "--quiet --steps 1" + std::string(kTiny) + " --init ";
  const Outcome started = train(from + "tiny -o " + path("started"));
  EXPECT_EQ(started.exit_code, 0) << started.err;
  const Outcome misspelt = train(from + "tinny -o " + path("not_started"));
  EXPECT_EQ(misspelt.exit_code, 3);
  EXPECT_TRUE(has(misspelt.err, "tinny") && has(misspelt.err, "`primal models` lists")) << misspelt.err;
  EXPECT_FALSE(exists("not_started"));
  // A folder of that name that is no run does not hide it.
  const fs::path here = fs::current_path();
  fs::current_path(folder_.path());
  fs::create_directories("tiny/train");
  EXPECT_EQ(run("export tiny -o " + path("copy.safetensors")).exit_code, 0);
  fs::current_path(here);
  const Outcome unknown = run("denoise tinny " + path("noisy.png") + " -o " + path("b.png"));
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_TRUE(has(unknown.err, "`primal models` lists")) << unknown.err;
}

TEST_F(ModelsCli, WithoutAModelTheShippedOneDenoises) {
  const EnvironmentVariable folder("PRIMAL_MODELS", path("models").c_str());
  const Outcome missing = run("denoise " + path("noisy.png") + " -o " + path("a.png"));
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_TRUE(has(missing.err, "no MODEL is given") && has(missing.err, "--lambda auto")) << missing.err;
  ASSERT_EQ(run("export " + path("run") + " -o " + path("models/general.safetensors")).exit_code, 0);
  const Outcome o = run("denoise " + path("noisy.png") + " -o " + path("a.png"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "general is used, which comes with Primal")) << o.err;
  ASSERT_EQ(run("denoise general " + path("noisy.png") + " -o " + path("b.png")).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "a.png"), read_image(folder_ / "b.png"));
  ASSERT_EQ(run("denoise " + path("clean/train") + " -o " + path("c")).exit_code, 0);  // a folder of pictures
  EXPECT_TRUE(fs::exists(folder_ / "c/4.png"));
  EXPECT_EQ(run("denoise " + path("run") + " " + path("noisy.png") + " -o " + path("d.png")).exit_code, 0);
  // A misspelt model is no picture.
  const Outcome misspelt = run("denoise " + path("runs") + " " + path("noisy.png") + " -o " + path("e.png"));
  EXPECT_EQ(misspelt.exit_code, 3);
  EXPECT_TRUE(has(misspelt.err, "expected a checkpoint")) << misspelt.err;
}

TEST_F(ModelsCli, AVariableThatNamesNoFolderIsNamed) {
  const EnvironmentVariable folder("PRIMAL_MODELS", path("nowhere").c_str());
  const std::string named = "PRIMAL_MODELS names " + path("nowhere") + ", which is no folder";
  // The models of an installation or of the sources may be found all the same.
  const Outcome unknown = run("denoise tinny " + path("noisy.png") + " -o " + path("b.png"));
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_TRUE(has(unknown.err, named)) << unknown.err;
}

TEST_F(ModelsCli, SaysWhatIsWrong) {
  const std::string from = path("run/last.safetensors");
  EXPECT_EQ(run("export " + from + " -o " + path("x.png")).exit_code, 2);
  EXPECT_EQ(run("export " + from + " -o " + from + " --overwrite").exit_code, 2);
  ASSERT_EQ(run("export " + from + " -o " + path("x.safetensors")).exit_code, 0);
  const Outcome exists = run("export " + from + " -o " + path("x.safetensors"));
  EXPECT_EQ(exists.exit_code, 3);
  EXPECT_TRUE(has(exists.err, "--overwrite")) << exists.err;
  EXPECT_EQ(run("export " + path("noisy.png") + " -o " + path("y.safetensors")).exit_code, 3);
  const Safetensors file = Safetensors::read(from);
  write_safetensors(folder_ / "bare.safetensors", file.tensors(), {});
  const Outcome bare = run("export " + path("bare.safetensors") + " -o " + path("y.safetensors"));
  EXPECT_EQ(bare.exit_code, 3);
  EXPECT_TRUE(has(bare.err, "weights but no settings")) << bare.err;
}

}  // namespace
}  // namespace primal
