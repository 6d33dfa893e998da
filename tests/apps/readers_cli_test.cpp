// Files that the program reads and replaces, from outside: names that would act on a terminal,
// folders and files of other kinds in place of a model, files that reach their size limit,
// permissions of what is replaced.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/safetensors/safetensors.h"
#include "support/raster_files.h"
#include "support/text.h"
#include "support/train_cli.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EnvironmentVariable;
using testing::has;
using testing::Outcome;
using testing::text_of;
using testing::TrainCli;

class Readers : public TrainCli {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    write_file_atomically(folder_ / name, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }
  // The folder of a training run of two steps.
  std::string trained(const std::string& name) const {
    const Outcome o = train("-o " + path(name) + " --quiet --steps 2" + kTiny);
    EXPECT_EQ(o.exit_code, 0) << o.err;
    return path(name);
  }
  std::vector<std::string> unfinished(const std::string& folder) const {
    std::vector<std::string> found;
    for (const auto& file : fs::recursive_directory_iterator(folder_ / folder)) {
      if (file.path().extension() == ".tmp") found.push_back(file.path().string());
    }
    return found;
  }
};

bool has_tiff() {
  try {
    check_library(PictureFormat::tiff, "");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

// No byte of it acts on a terminal: lines of UTF-8 without control characters.
void expect_harmless(const std::string& text, const std::string& where) {
  for (const char character : text) {
    const auto c = static_cast<unsigned char>(character);
    EXPECT_TRUE(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
        << where << ": " << int{c} << " in " << text;
  }
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << where;
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos) << where;
}

const std::string kEvil =
    "w\x1b]0;owned\x07\x1b[31mred\xc2\x9b"
    "2J\xe2\x80\xae\x7f\nline";

TEST_F(Readers, NamesOfTensorsAndMetadataReachNoTerminalRaw) {
  write_safetensors(path("evil.safetensors"), {{kEvil, Tensor::full({1}, 1.5)}},
                    {{kEvil, kEvil}, {"json", json{{kEvil, kEvil}}.dump()}});
  write_safetensors(path("other.safetensors"), {{"b", Tensor::full({1}, 1.5)}});
  const Outcome table = run("inspect " + path("evil.safetensors"));
  EXPECT_EQ(table.exit_code, 0) << table.err;
  expect_harmless(table.out, "table");
  EXPECT_TRUE(has(table.out, "w\\x1b]0;owned\\x07\\x1b[31mred\\u009b2J\\u202e\\x7f\\nline")) << table.out;
  expect_harmless(run("inspect --diff " + path("evil.safetensors") + " " + path("other.safetensors")).out,
                  "difference");
  const Outcome as_model =
      run("denoise " + path("evil.safetensors") + " " + path("evil.safetensors") + " -o " + path("o"));
  EXPECT_EQ(as_model.exit_code, 3);
  expect_harmless(as_model.err, "error");
  const Outcome report = run("inspect --json " + path("evil.safetensors"));
  expect_harmless(report.out, "JSON");
  EXPECT_EQ(json::parse(report.out).at("tensors").at(0).at("name"), kEvil);
}

TEST_F(Readers, NamesOfPicturesReachNoTerminalRaw) {
  const std::string name = "a\x1b[31m\xc2\x9b\nb\xff.png", broken = "z\x1b[2J.png";
  fs::create_directory(folder_ / "in");
  write_phantom("in/" + name, 1);
  write("in/" + broken, "no picture");
  const std::string in = "'" + path("in") + "'";
  for (const std::string& arguments :
       {"denoise --lambda 0.1 --noise 0.3 " + in + " -o " + path("out"),
        "denoise --lambda 0.1 --gap 1e-3 " + in + " -o " + path("out2"),
        "train " + std::string("--data ") + in + " -o " + path("run") + " --dry-run" + kTiny,
        "search '" + path("in/" + broken) + "' --noise 0.3"}) {
    const Outcome o = run(arguments);
    expect_harmless(o.out, arguments);
    expect_harmless(o.err, arguments);
  }
  EXPECT_TRUE(fs::exists(folder_ / "out" / name)) << "the file itself keeps its name";
  const Outcome o = run("denoise --lambda 0.1 --noise 0.3 " + in + " --json");
  EXPECT_EQ(o.exit_code, 3);
  expect_harmless(o.out, "JSON");
  EXPECT_TRUE(has(json::parse(o.out).at("errors").at(0).at("picture").get<std::string>(), broken))
      << "not altered in JSON";
}

TEST_F(Readers, TextOfAConfigurationReachesNoTerminalRaw) {
  write("a.toml", "[data]\n\"fol\x1b[31mder\" = 3\n");
  write("b.toml", "seed = \x1b[31m3\n");
  write("c.toml", "[data]\nfolder = \"\\u001b[31m\\u009b\\u007f\"\n");
  for (const std::string name : {"a.toml", "b.toml", "c.toml"}) {
    const Outcome o = train(path(name) + " --dry-run -o " + path("run"));
    expect_harmless(o.out, name);
    expect_harmless(o.err, name);
  }
  const Outcome printed = train(path("c.toml") + " --print-config");
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  expect_harmless(printed.out, "--print-config");
  write("again.toml", printed.out);
  EXPECT_EQ(train(path("again.toml") + " --print-config").exit_code, 0) << "it is TOML";
}

// What is printed goes through apps/shell/streams.cpp: that is where it is made visible.
TEST(ReadersSource, NothingIsPrintedPastTheStreams) {
  const fs::path root = PRIMAL_SOURCE;
  ASSERT_TRUE(fs::exists(root / "apps/shell/streams.cpp")) << root;
  for (const auto& file : fs::recursive_directory_iterator(root / "apps")) {
    const std::string name = file.path().lexically_relative(root).generic_string();
    if (!name.ends_with(".cpp") && !name.ends_with(".h")) continue;
    if (name == "apps/shell/streams.cpp") continue;
    const std::string text = text_of(file.path());
    for (const char* way : {"fmt::print", "std::cout", "std::cerr", "std::puts", "std::printf", "fwrite("})
      EXPECT_FALSE(has(text, way)) << name << " has " << way
                                   << "; use put, put_text, say or say_text (apps/shell/streams.h)";
  }
}

TEST_F(Readers, AFolderOfARunIsItsBestCheckpointOrItsLast) {
  write_phantom("a.png", 1);
  const std::string folder = trained("run");
  ASSERT_TRUE(exists("run/last.safetensors"));
  fs::copy_file(folder_ / "run/last.safetensors", folder_ / "run/best.safetensors",
                fs::copy_options::overwrite_existing);
  const std::string denoise = "denoise " + folder + " " + path("a.png") + " --overwrite -o " + path("out");
  const Outcome best = run(denoise);
  EXPECT_EQ(best.exit_code, 0) << best.err;
  EXPECT_TRUE(has(best.err, "its best.safetensors is used")) << best.err;
  EXPECT_FALSE(has(run(denoise + " --quiet").err, "is used"));
  fs::remove(folder_ / "run/best.safetensors");
  const Outcome last = run(denoise);
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_TRUE(has(last.err, "its last.safetensors is used")) << last.err;
  EXPECT_EQ(run("inspect --diff " + folder + " " + folder + "/last.safetensors").exit_code, 0);
  EXPECT_EQ(run("follow --size 16 --model " + folder).exit_code, 0);
  const Outcome init = train("-o " + path("more") + " --steps 1 --set training.init=" + folder + kTiny);
  EXPECT_EQ(init.exit_code, 0) << init.err;
  EXPECT_TRUE(has(init.err, "its last.safetensors is used")) << init.err;
  fs::remove(folder_ / "run/last.safetensors");
  fs::create_directory(folder_ / "pictures");
  write_phantom("pictures/a.png", 1);
  for (const std::string& arguments :
       {denoise, "evaluate " + folder + " --data " + path("pictures"), "follow --model " + folder,
        "inspect --diff " + folder + " " + folder}) {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.exit_code, 3) << arguments;
    EXPECT_TRUE(has(o.err, "is a folder without best.safetensors or last.safetensors")) << o.err;
  }
}

TEST_F(Readers, AnotherKindOfFileInPlaceOfAModelIsNamed) {
  write_phantom("a.png", 1);
  const std::string jpeg = "\xff\xd8\xff\xe0 and so on, for long enough";
  write("b.model", jpeg);
  write("c.csv", "step,epoch\n1,2\n");
  for (const std::string command : {"denoise ", "inspect ", "evaluate "}) {
    const std::string rest = command == "denoise "    ? " " + path("a.png") + " -o " + path("out")
                             : command == "evaluate " ? " --data " + path("")
                                                      : "";
    for (const auto& [name, kind] :
         {std::pair<std::string, std::string>{"b.model", "a JPEG picture"}, {"c.csv", "a CSV table"}}) {
      if (command != "evaluate " && name == "b.model") continue;  // a picture, whatever its name
      const Outcome o = run(command + path(name) + rest);
      EXPECT_EQ(o.exit_code, 3) << o.err;
      EXPECT_TRUE(has(o.err, path(name) + " is " + kind + ", expected a file of tensors (.safetensors)"))
          << o.err;
    }
    EXPECT_EQ(run(command + path("nothing") + rest).exit_code, 3);
  }
}

TEST_F(Readers, AConfigurationThatIsMissingOrAnotherKindOfFileIsThree) {
  write_phantom("a.png", 1);
  const Outcome missing = train(path("nosuch.toml") + " --dry-run");
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_TRUE(has(missing.err, "nosuch.toml: No such file")) << missing.err;
  const Outcome picture = train(path("a.png") + " --dry-run");
  EXPECT_EQ(picture.exit_code, 3);
  EXPECT_TRUE(has(picture.err, "a.png is a PNG picture, expected TOML text")) << picture.err;
  const Outcome curves = run("inspect " + path("nosuch") + " --curves " + path("c.png"));
  EXPECT_EQ(curves.exit_code, 3);
  EXPECT_TRUE(has(curves.err, "there is no folder " + path("nosuch"))) << curves.err;
}

TEST_F(Readers, InspectSaysWhereARunStoodInWords) {
  const Outcome o = run("inspect " + trained("run") + "/last.safetensors");
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.out, "checkpoint of a training run after 2 steps")) << o.out;
  EXPECT_TRUE(has(o.out, "best validation so far: ")) << o.out;
  for (const std::string entry : {"step_ms:", "loss:", "n_waited:", "to_exceed:", "validation_due:", "best:"})
    EXPECT_FALSE(has(o.out, "\n" + entry)) << entry << o.out;
  const Outcome report = run("inspect --json " + path("run") + "/last.safetensors");
  EXPECT_EQ(json::parse(report.out).at("metadata").at("step"), "2") << "JSON has the entries as they are";
}

TEST_F(Readers, InspectCountsTypesWhoseValuesAreNotRead) {
  std::string header =
      R"({"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},"b":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[6,8]},"c":{"dtype":"F4","shape":[4],"data_offsets":[8,10]}})";
  uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  write("narrow.safetensors", file + header + std::string("\x80\x3f\x00\x40\x40\x40\x7f\x7f\x12\x34", 10));
  const Outcome o = run("inspect " + path("narrow.safetensors"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.out, "3 tensors, 9 elements, 10 bytes")) << o.out;
  const json report = json::parse(run("inspect --json " + path("narrow.safetensors")).out);
  EXPECT_EQ(report.at("elements"), 9);
  EXPECT_EQ(report.at("bytes"), 10);
  EXPECT_DOUBLE_EQ(report.at("tensors").at(0).at("statistics").at("mean").get<double>(), 2.0);  // 1, 2, 3
  EXPECT_FALSE(report.at("tensors").at(1).contains("statistics"));
}

// Lists in one another, deeper than a stack: as metadata, as a plan, as the configuration of a checkpoint.
TEST_F(Readers, JsonNestedWithoutEndIsRefusedOrShownAsText) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  write_safetensors(path("deep.safetensors"), {{"a", Tensor::full({1}, 1.5)}}, {{"deep", deep}});
  EXPECT_EQ(run("inspect " + path("deep.safetensors")).exit_code, 0);
  EXPECT_EQ(run("inspect --json " + path("deep.safetensors")).exit_code, 0);
  write_safetensors(path("model.safetensors"), {{"a", Tensor::full({1}, 1.5)}},
                    {{"format", "primal-checkpoint"}, {"config", "{\"model.start\":" + deep + "}"}});
  const Outcome model = run("denoise " + path("model.safetensors") + " x.png -o " + path("out"));
  EXPECT_EQ(model.exit_code, 3) << model.err;
  write("plan.json", "{\"format\":\"primal-plan\",\"version\":" + deep + "}");
  const Outcome plan = run("denoise --lambda 0.1 --plan " + path("plan.json") + " x.png -o " + path("out"));
  EXPECT_EQ(plan.exit_code, 3) << plan.err;
  EXPECT_TRUE(has(plan.err, "nested deeper")) << plan.err;
}

TEST_F(Readers, AFileAtItsSizeLimitEndsAsOtherWriteErrorsDo) {
  write_phantom("a.png", 1, 16, 200);
  const EnvironmentVariable program("P", PRIMAL_PROGRAM);
  const auto limited = [&](const std::string& arguments) {
    const std::string line = "cd '" + folder_.path().string() + "' && (ulimit -f 2; exec \"$P\" " +
                             arguments + " > out.txt 2> err.txt)";
    const int status = std::system(("bash -c '" + line + "'").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  };
  fs::create_directory(folder_ / "results");
  EXPECT_EQ(limited("denoise --lambda 0.1 --quiet a.png -o results"), 3);
  EXPECT_TRUE(has(text_of(folder_ / "err.txt"), "File too large")) << text_of(folder_ / "err.txt");
  EXPECT_TRUE(fs::is_empty(folder_ / "results"));
  // Results of floats too, in a format with a library and in one without.
  std::vector<float> values(1600);  // which no packing makes short
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i * i));
  write_file_atomically(folder_ / "b.npy",
                        testing::make_npy("<f4", false, "40, 40", testing::numbers(values)));
  for (const char* format : {"tiff", "npy"}) {
    if (format == std::string("tiff") && !has_tiff()) continue;
    EXPECT_EQ(limited(std::string("denoise --lambda 0.1 --quiet b.npy -o results --format ") + format), 3);
    EXPECT_TRUE(has(text_of(folder_ / "err.txt"), "File too large")) << text_of(folder_ / "err.txt");
    EXPECT_TRUE(fs::is_empty(folder_ / "results")) << format;
  }
  EXPECT_EQ(limited("denoise --lambda 0.1 --quiet b.npy -o -"), 3);
  EXPECT_TRUE(has(text_of(folder_ / "err.txt"), "File too large")) << text_of(folder_ / "err.txt");
  const std::string tiny = kTiny;
  EXPECT_EQ(limited("train -o run --quiet --steps 2" + tiny), 3);
  EXPECT_TRUE(has(text_of(folder_ / "err.txt"), "File too large")) << text_of(folder_ / "err.txt");
  EXPECT_TRUE(unfinished("run").empty());
}

TEST_F(Readers, AReplacedResultKeepsItsPermissions) {
  write_phantom("a.png", 1);
  fs::copy_file(folder_ / "a.png", folder_ / "p.png");
  ::chmod(path("p.png").c_str(), 0600);
  const Outcome o = run("denoise --lambda 0.1 " + path("a.png") + " -o " + path("p.png") + " --overwrite");
  EXPECT_EQ(o.exit_code, 0) << o.err;
  struct stat status {};
  ASSERT_EQ(::stat(path("p.png").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(Readers, APictureWithoutItsEndIsReadAndSaid) {
  write_phantom("a.png", 1);
  const std::string whole = text_of(folder_ / "a.png");
  write("b.png", whole.substr(0, whole.size() - 12));
  const Outcome o = run("denoise --lambda 0 " + path("b.png") + " -o " + path("c.png"));
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "b.png: it ends without its IEND chunk")) << o.err;
  EXPECT_EQ(read_image(path("c.png")), read_image(path("a.png")));
}

// A log with a line without end, and one that never ends.
TEST_F(Readers, LogsWithEndlessLinesAreRefused) {
  fs::create_directory(folder_ / "run");
  write("run/metrics.csv", std::string(1 << 20, ','));
  const Outcome o = run("inspect " + path("run"));
  EXPECT_EQ(o.exit_code, 3) << o.err;
  EXPECT_TRUE(has(o.err, "metrics.csv:1: a line of more than")) << o.err;
  fs::remove(folder_ / "run/metrics.csv");
  fs::create_symlink("/dev/zero", folder_ / "run/metrics.csv");
  EXPECT_EQ(run("inspect " + path("run")).exit_code, 3);
}

}  // namespace
}  // namespace primal
