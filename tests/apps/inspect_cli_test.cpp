// primal inspect, --version, and what is written for man(1) and the shell.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/formats/formats.h"
#include "data/image/image.h"
#include "data/safetensors/safetensors.h"
#include "support/cli.h"

namespace primal {
namespace {

using nlohmann::json;
using testing::Outcome;

class InspectCli : public testing::Cli {
 protected:
  std::string write(const std::string& name, const std::vector<float>& weight,
                    const Metadata& metadata) const {
    const Tensor w = Tensor::empty(Shape{2, std::ssize(weight) / 2});
    std::ranges::copy(weight, w.span<float>().begin());
    const Tensor step = Tensor::scalar(7.0);
    write_safetensors(path(name), {{"weight", w}, {"step", step}}, metadata);
    return path(name);
  }
};

TEST_F(InspectCli, TellsNamesShapesTypesStatisticsAndMetadata) {
  const std::string file =
      write("a.safetensors", {1, 2, 3, -2}, {{"config", R"({"model.filters": 4})"}, {"note", "by hand"}});
  const Outcome outcome = run("inspect --json " + file);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report.at("metadata").at("config").at("model.filters"), 4);
  EXPECT_EQ(report.at("metadata").at("note"), "by hand");
  EXPECT_EQ(report.at("elements"), 5);
  const json& weight = report.at("tensors").at(1);
  EXPECT_EQ(weight.at("name"), "weight");
  EXPECT_EQ(weight.at("dtype"), "F32");
  EXPECT_EQ(weight.at("shape"), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(weight.at("statistics").at("min"), -2.0);
  EXPECT_EQ(weight.at("statistics").at("mean"), 1.0);
  // by hand: squares of 0, 1, 2, -3 around the mean
  EXPECT_DOUBLE_EQ(weight.at("statistics").at("deviation").get<double>(), std::sqrt(14.0 / 4.0));
  const Outcome table = run("inspect " + file);
  EXPECT_NE(table.out.find("model.filters"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("[2,2]"), std::string::npos) << table.out;
}

TEST_F(InspectCli, PointsAtElementsThatAreNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const Outcome outcome = run("inspect " + write("nan.safetensors", {1, nan, inf, 3}, {}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.out.find("2 NOT FINITE"), std::string::npos) << outcome.out;
}

TEST_F(InspectCli, ShowsTheCourseOfATraining) {
  std::filesystem::create_directory(folder_ / "run");
  const auto log = [&](const std::string& rows) {
    std::ofstream(folder_ / "run/metrics.csv")
        << "step,epoch,loss,mean_loss,learning_rate,step_ms,validation_psnr_db,validation_ssim\n"
        << rows;
    return run("inspect " + path("run") + " --json --overwrite --curves " + path("curves.png") +
               " --figure-data " + path("curves.csv"));
  };
  const Outcome outcome =
      log("1,0,4,4,0.1,1800000,,\n2,0,2,3,0.1,1800000,20.5,0.5\n4,1,2,2.5,0.1,0,19.5,0.75\n5,1,1");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;  // the last row is still being written
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report.at("steps"), 4);
  EXPECT_EQ(report.at("epochs"), 2);
  EXPECT_DOUBLE_EQ(report.at("hours").get<double>(), 1.0);
  EXPECT_EQ(report.at("mean_loss").at("value"), (std::vector<double>{4, 3, 2.5}));
  EXPECT_EQ(report.at("metrics").at("validation_psnr_db").at("step"), (std::vector<double>{2, 4}));
  EXPECT_GT(read_image(path("curves.png")).width, 1000);
  const std::string data = testing::text_of(folder_ / "curves.csv");
  EXPECT_NE(data.find("\n1.1,loss,line,,4,,2.5,"), std::string::npos) << data;
  EXPECT_NE(data.find("\n1.3,"), std::string::npos) << "loss, PSNR and SSIM: " << data;
  EXPECT_EQ(data.find("\n1.4,"), std::string::npos) << data;
  EXPECT_NE(
      run("inspect " + path("run")).out.find("validation_psnr_db             20.5        2         19.5"),
      std::string::npos)
      << run("inspect " + path("run")).out;

  const std::string again = "inspect " + path("run") + " --curves ";
  EXPECT_EQ(run(again + path("curves.png")).exit_code, 3);  // it exists
  EXPECT_EQ(run("inspect " + path("run") + " --figure-data " + path("curves.csv")).exit_code, 3);
  for (const auto& [file, start] : {std::pair{"curves.svg", "<?xml"}, {"curves.pdf", "%PDF"}}) {
    EXPECT_EQ(run(again + path(file)).exit_code, 0) << file;
    EXPECT_TRUE(testing::text_of(folder_ / file).starts_with(start)) << file;
  }
  EXPECT_NE(run(again + path("curves.jpg")).err.find("give " + path("curves.png")), std::string::npos);

  EXPECT_EQ(log("").exit_code, 3);
  EXPECT_NE(log("1,0,4,4,0.1,five,,\n").err.find("metrics.csv:2: step_ms is not a number: 'five'"),
            std::string::npos);
  EXPECT_NE(log("1,0,4\n").err.find("metrics.csv:2: 3 fields, the header has 8"), std::string::npos);
  std::filesystem::remove(folder_ / "run/metrics.csv");
  EXPECT_EQ(run("inspect " + path("run")).exit_code, 3);
  EXPECT_EQ(run("inspect --devices --curves c.png").exit_code, 2);
}

TEST_F(InspectCli, DiffIsSilentOfWhatIsEqualAndSixWhereAnythingDiffers) {
  const std::string a = write("a.safetensors", {1, 2, 3, 4}, {{"config", R"({"x": 1, "y": 2})"}});
  const std::string same = write("same.safetensors", {1, 2, 3, 4}, {{"config", R"({"y": 2, "x": 1})"}});
  EXPECT_EQ(run("inspect --diff " + a + " " + same).exit_code, 0);

  const std::string b = write("b.safetensors", {1, 2, 3.5, 4}, {{"config", R"({"x": 1, "y": 3})"}});
  const Outcome outcome = run("inspect --json --diff " + a + " " + b);
  EXPECT_EQ(outcome.exit_code, 6);
  const json differences = json::parse(outcome.out).at("differences");
  ASSERT_EQ(differences.size(), 2);
  EXPECT_EQ(differences.at(0).at("tensor"), "weight");
  EXPECT_EQ(differences.at(0).at("different"), 1);
  EXPECT_EQ(differences.at(0).at("largest"), 0.5);
  EXPECT_NEAR(differences.at(0).at("relative").get<double>(), 0.5 / std::sqrt(30.0), 1e-12);
  EXPECT_EQ(differences.at(1).at("metadata"), "config: y");

  const std::string wide = write("wide.safetensors", {1, 2, 3, 4, 5, 6}, {{"config", R"({"x": 1, "y": 2})"}});
  const Outcome shapes = run("inspect --diff " + a + " " + wide);
  EXPECT_EQ(shapes.exit_code, 6);
  EXPECT_NE(shapes.out.find("F32 [2,2] | F32 [2,3]"), std::string::npos) << shapes.out;
}

TEST_F(InspectCli, WhereAndHowAFileWasMadeIsShownButDoesNotCount) {
  const std::string a =
      write("a.safetensors", {1, 2}, {{"config", R"({"output": "a", "seed": 1})"}, {"step_ms", "3"}});
  const std::string b =
      write("b.safetensors", {1, 2}, {{"config", R"({"output": "b", "seed": 1})"}, {"step_ms", "4"}});
  const Outcome same = run("inspect --diff " + a + " " + b);
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_NE(same.out.find("have the same contents"), std::string::npos) << same.out;
  EXPECT_NE(same.out.find("config: output"), std::string::npos) << same.out;
  const std::string c =
      write("c.safetensors", {1, 2}, {{"config", R"({"output": "c", "seed": 2})"}, {"step_ms", "4"}});
  const Outcome other = run("inspect --diff " + b + " " + c);
  EXPECT_EQ(other.exit_code, 6);
  EXPECT_NE(other.err.find("differ in 1 place\n"), std::string::npos) << other.err;
}

TEST_F(InspectCli, SeveralRunsShareAFigure) {
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directory(folder_ / name);
    std::ofstream(folder_ / name / "metrics.csv")
        << "step,epoch,loss,mean_loss,learning_rate,step_ms,validation_psnr_db,validation_ssim\n"
        << "1,0,4,4,0.1,1,20,0.5\n2,0,2,3,0.1,1,21,0.6\n";
  }
  const std::string both = "inspect " + path("a") + " " + path("b/");
  const Outcome o = run(both + " --curves " + path("curves.png"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_NE(o.out.find("a: steps 2"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("b: steps 2"), std::string::npos) << o.out;
  EXPECT_GT(read_image(path("curves.png")).width, 1000);
  EXPECT_EQ(json::parse(run(both + " --json").out).at("runs").size(), 2u);
  // Neither says its settings; then both do, in one of which they differ.
  EXPECT_NE(run(both).err.find("the settings of"), std::string::npos);
  std::ofstream(folder_ / "a/config.toml") << "seed = 1\noutput = \"a\"\n[model]\nfilters = 16\n";
  std::ofstream(folder_ / "b/config.toml") << "seed = 1\noutput = \"b\"\n[model]\nfilters = 24\n";
  const Outcome compared = run("inspect " + path("a") + " --compare " + path("b"));
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_NE(compared.out.find("model.filters         16  24\n"), std::string::npos) << compared.out;
  EXPECT_EQ(compared.out.find("output"), std::string::npos) << compared.out;
  const json settings = json::parse(run(both + " --json").out).at("settings_that_differ");
  EXPECT_EQ(settings, json({{"model.filters", {"16", "24"}}}));
  EXPECT_EQ(run("inspect --compare " + path("b")).exit_code, 2);
  EXPECT_EQ(run("inspect " + path("a") + " " + write("x.safetensors", {1}, {})).exit_code, 2);
  EXPECT_EQ(run("inspect " + path("nosuch") + " --curves " + path("d.png")).exit_code, 3);
}

TEST_F(InspectCli, DevicesNameTheProcessorAndWhyThereIsNoOther) {
  const Outcome outcome = run("inspect --devices --json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report.at("devices").at(0).at("device"), "cpu");
  EXPECT_GT(report.at("devices").at(0).at("memory_bytes"), 0);
  EXPECT_FALSE(report.at("devices").at(0).at("usable_instruction_sets").empty());
  EXPECT_GE(report.at("devices").at(0).at("processors").at("usable"), 1);
  const nlohmann::json& processors = report.at("devices").at(0).at("processors");
  EXPECT_FALSE(processors.at("limited_by").get<std::string>().empty());
  EXPECT_FALSE(processors.at("affinity_mask").get<std::string>().empty());
  for (const auto& node : processors.at("numa_nodes")) {
    EXPECT_FALSE(node.at("processors").get<std::string>().empty())
        << "only nodes with a processor for this process";
    EXPECT_GT(node.at("memory_bytes"), 0);
  }
  const Outcome text = run("inspect --devices");
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_NE(text.out.find("for this process, by the "), std::string::npos) << text.out;
}

TEST_F(InspectCli, AsksForExactlyOneThing) {
  const std::string file = write("a.safetensors", {1, 2}, {});
  EXPECT_EQ(run("inspect").exit_code, 2);
  EXPECT_EQ(run("inspect --devices " + file).exit_code, 2);
  EXPECT_EQ(run("inspect --diff " + file).exit_code, 2);
  EXPECT_EQ(run("inspect " + path("none.safetensors")).exit_code, 3);
}

// A picture of 20 x 18 pixels, in turn four white and four black ones, packed as 1 bit each.
constexpr uint8_t kOneBitPng[] = {0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
                                  0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x12,
                                  0x01, 0x00, 0x00, 0x00, 0x00, 0x73, 0xab, 0xc3, 0xbd, 0x00, 0x00, 0x00,
                                  0x0f, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0xf0, 0xe1, 0x03,
                                  0x03, 0x15, 0x30, 0x00, 0x1f, 0x31, 0x32, 0xa1, 0xc6, 0xc3, 0x72, 0xbd,
                                  0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

TEST_F(InspectCli, ReadsPicturesOfEveryFormat) {
  Raster raster{.format = PictureFormat::npy, .width = 24, .height = 20, .type = SampleType::f32};
  allocate(raster);
  const std::span<float> samples = raster.page<float>(0);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = -3.0F + 0.5F * static_cast<float>(i % 24);
  const auto write_as = [&](const std::string& name, PictureFormat format) {
    const std::vector<uint8_t> bytes = encode_raster(raster, format);
    std::ofstream(path(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  };
  write_as("a.npy", PictureFormat::npy);
  write_as("a.pfm", PictureFormat::pfm);
  write_as("a.nii", PictureFormat::nifti);
  for (const char* name : {"a.npy", "a.pfm", "a.nii"}) {
    const Outcome o = run("inspect --json " + path(name));
    ASSERT_EQ(o.exit_code, 0) << o.err;
    const json contents = json::parse(o.out);
    EXPECT_EQ(contents.at("width"), 24) << name;
    EXPECT_EQ(contents.at("samples"), "float32") << name;
    EXPECT_EQ(contents.at("zero"), -3.0) << name;
    EXPECT_EQ(contents.at("one"), 8.5) << name;
    const json& channel = contents.at("channels").at(0);
    EXPECT_NEAR(channel.at("least").get<double>(), -3.0, 1e-6) << name;
    EXPECT_NEAR(channel.at("greatest").get<double>(), 8.5, 1e-6) << name;
    EXPECT_NEAR(channel.at("mean").get<double>(), 0.5, 1e-6) << name;
    const std::string text = run("inspect " + path(name)).out;
    EXPECT_NE(text.find("24 x 20 pixels of float32 in "), std::string::npos) << text;
    EXPECT_NE(text.find("-3 to 8.5 count as 0 to 1"), std::string::npos) << text;
  }
}

TEST_F(InspectCli, SeveralPicturesAreDescribedInTurn) {
  write_png(path("a.png"), Image(24, 20, 1));
  write_png(path("b.png"), Image(30, 18, 3));
  const std::string both = path("a.png") + " " + path("b.png");
  const Outcome text = run("inspect " + both);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  const size_t first = text.out.find("a.png: 24 x 20 pixels"),
               second = text.out.find("b.png: 30 x 18 pixels");
  EXPECT_LT(first, second) << text.out;
  EXPECT_NE(second, std::string::npos) << text.out;
  const json pictures = json::parse(run("inspect --json " + both).out).at("pictures");
  ASSERT_EQ(pictures.size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(pictures.at(i), json::parse(run("inspect --json " + path(i == 0 ? "a.png" : "b.png")).out));
  const std::string with_missing = path("a.png") + " " + path("none.png") + " " + path("b.png");
  const Outcome missing = run("inspect " + with_missing);
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_NE(missing.err.find("none.png"), std::string::npos) << missing.err;
  EXPECT_NE(missing.out.find("b.png"), std::string::npos) << missing.out;
  const json some = json::parse(run("inspect --json " + with_missing).out);
  EXPECT_EQ(some.at("pictures"), pictures);
  EXPECT_EQ(some.at("errors").size(), 1u);
}

TEST_F(InspectCli, APictureIsKnownByItsFirstBytesOrItsEnding) {
  const auto said = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(path(name), std::ios::binary) << bytes;
    const Outcome o = run("inspect " + path(name));
    EXPECT_EQ(o.exit_code, 3) << name << o.out;
    // What `denoise` says of the same picture.
    EXPECT_EQ(o.err, run("denoise --lambda 0.1 -o " + path("out") + " " + path(name)).err) << name;
    return o.err;
  };
  const std::string zeros(344, '\0'),
      header1 = zeros + "ni1" + '\0',
      header2 = std::string("\x1c\2\0\0", 4) + std::string("ni2\0\r\n\x1a\n", 8) + zeros;
  EXPECT_NE(said("pair.hdr", header1).find("is the header of a pair of files (.hdr, .img)"),
            std::string::npos);
  EXPECT_NE(said("header", header1).find("is the header of a pair of files (.hdr, .img)"), std::string::npos);
  EXPECT_NE(said("pair2.hdr", header2).find("nibabel.Nifti1Image.from_image"), std::string::npos);
  EXPECT_NE(said("pair.img", "\x11\1k\1m\1J\1S\1").find("is no picture of a known kind"), std::string::npos);
  EXPECT_NE(said("b.gif", "GIF89a and so on").find("is a GIF picture, expected PNG"), std::string::npos);
  write_png(path("a.png"), Image(24, 20, 1));
  std::filesystem::rename(path("a.png"), path("scan"));
  const Outcome scan = run("inspect " + path("scan"));
  EXPECT_NE(scan.out.find("24 x 20 pixels"), std::string::npos) << scan.out << scan.err;
}

TEST_F(InspectCli, AFileOfTensorsIsKnownByItsFirstBytesUnderEveryName) {
  for (const char* name : {"weights", "weights.img", "weights.png"}) {
    const Outcome o = run("inspect " + write(name, {1, 2}, {}));
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_NE(o.out.find("weight"), std::string::npos) << o.out;
  }
  std::ofstream(path("b.safetensors"), std::ios::binary) << "\xff\xd8\xff\xe0 and so on";
  const Outcome o = run("inspect " + path("b.safetensors"));
  EXPECT_NE(o.err.find("is a JPEG picture, expected a file of tensors"), std::string::npos) << o.err;
}

TEST_F(InspectCli, ArgumentsOfDifferentKindsAreNamed) {
  write_png(path("a.png"), Image(24, 20, 1));
  std::filesystem::create_directories(folder_ / "run");
  const std::string file = write("x.safetensors", {1}, {});
  for (const std::string& arguments :
       {path("run") + " " + path("a.png") + " " + file, path("a.png") + " --compare " + file}) {
    const Outcome o = run("inspect " + arguments);
    EXPECT_EQ(o.exit_code, 2);
    for (const std::string& part : {std::string("several pictures"), "1 picture (" + path("a.png") + ")",
                                    "1 file that is neither (" + file + ")"})
      EXPECT_NE(o.err.find(part), std::string::npos) << part << ": " << o.err;
  }
  std::filesystem::create_directories(folder_ / "pictures");
  std::ofstream(path("run/metrics.csv")) << "step\n";
  const Outcome mixed = run("inspect " + path("a.png") + " " + path("run") + " " + path("pictures"));
  EXPECT_EQ(mixed.exit_code, 2);
  for (const std::string& part :
       {"1 picture (" + path("a.png") + ")", "1 folder of a training run (" + path("run") + ")",
        "1 folder that is no training run, as it has no metrics.csv (" + path("pictures") + ")"})
    EXPECT_NE(mixed.err.find(part), std::string::npos) << part << ": " << mixed.err;
  EXPECT_EQ(run("inspect " + path("a.png") + " --compare " + path("a.png")).exit_code, 2);
}

TEST_F(InspectCli, LevelsOfOneBitAreWholeNumbersOfEight) {
  std::ofstream(path("bit.png"), std::ios::binary)
      .write(reinterpret_cast<const char*>(kOneBitPng), sizeof kOneBitPng);
  const Outcome o = run("inspect --json " + path("bit.png"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json contents = json::parse(o.out), &channel = contents.at("channels").at(0);
  EXPECT_EQ(contents.at("bit_depth"), 8);
  EXPECT_TRUE(channel.at("least").is_number_integer() && channel.at("greatest").is_number_integer());
  EXPECT_EQ(channel.at("least"), 0);
  EXPECT_EQ(channel.at("greatest"), 255);
  const std::string text = run("inspect " + path("bit.png")).out;
  EXPECT_NE(text.find("20 x 18 pixels of 8 bit"), std::string::npos) << text;
  EXPECT_NE(text.find("levels 0 to 255"), std::string::npos) << text;
}

TEST_F(InspectCli, VersionSaysWhatItWasBuiltFrom) {
  const Outcome text = run("--version");
  EXPECT_EQ(text.exit_code, 0);
  for (const char* part : {"commit", "compiler", "libpng", "instruction sets"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  for (const char* order : {"--version --json", "--json --version"}) {
    const Outcome outcome = run(order);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json report = json::parse(outcome.out);
    EXPECT_TRUE(report.at("libraries").contains("highway"));
    EXPECT_EQ(report.at("version").get<std::string>().find('.'), 1);
#if PRIMAL_HAS_CUDA
    EXPECT_TRUE(report.at("cuda"));
#else
    EXPECT_FALSE(report.at("cuda"));
#endif
  }
}

TEST_F(InspectCli, ManualAndCompletionNameEveryCommandAndOption) {
  const Outcome page = run("manual");
  ASSERT_EQ(page.exit_code, 0);
  for (const char* part :
       {".TH PRIMAL 1", ".SS primal train", ".SS primal inspect", "\\-\\-resume", ".SH EXIT STATUS"})
    EXPECT_NE(page.out.find(part), std::string::npos) << part;

  const Outcome script = run("completion bash");
  ASSERT_EQ(script.exit_code, 0);
  std::ofstream(path("complete.bash")) << script.out << R"(
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _primal 2> /dev/null; echo "${COMPREPLY[*]}"; }
complete_line primal eval
complete_line primal train --overw
complete_line primal denoise --noise-kind rel
complete_line primal check conv_
complete_line primal train --set model.f
)";
  ASSERT_EQ(std::system(("bash " + path("complete.bash") + " > " + path("completed.txt")).c_str()), 0);
  EXPECT_EQ(testing::text_of(path("completed.txt")),
            "evaluate\n--overwrite\nrelative\nconv_transpose3d\nmodel.filters=\n");
  EXPECT_EQ(run("completion fish").exit_code, 2);
}

}  // namespace
}  // namespace primal
