// What a user can get wrong, through the program: one message that names the file, the right exit
// code, nothing half written.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/safetensors/safetensors.h"
#include "support/cli.h"
#include "support/small_disk.h"
#include "support/text.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::has;
using testing::Outcome;
using testing::SmallDisk;
using testing::text_of;

class BadInputCli : public testing::Cli {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    write_file_atomically(folder_ / name, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }
  // Exit code 3, a message that holds `parts`, and no file written.
  void expect_refused(const std::string& arguments, const std::vector<std::string>& parts) const {
    const Outcome o = run(arguments + " -o " + path("out"));
    EXPECT_EQ(o.exit_code, 3) << arguments << "\n" << o.err;
    for (const std::string& part : parts) EXPECT_TRUE(has(o.err, part)) << part << " is not in: " << o.err;
    EXPECT_TRUE(has(o.err, "primal: [")) << o.err;
    EXPECT_TRUE(!fs::exists(folder_ / "out") || fs::is_empty(folder_ / "out")) << arguments;
  }
  std::string train_model() const {
    const Outcome trained =
        run("train --quiet --steps 2 --set data.size=16 --set model.filters=2 --set model.blocks=1 --set "
            "model.iterations=8 --set data.n_train=2 --set data.n_validation=1 -o " +
            path("model"));
    EXPECT_EQ(trained.exit_code, 0) << trained.err;
    return path("model/last.safetensors");
  }
};

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int i = 3; i >= 0; --i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  uint32_t crc = 0xffffffff;
  for (const char c : body) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return big_endian(static_cast<uint32_t>(data.size())) + body + big_endian(~crc);
}

std::string png_of_extent(uint32_t width, uint32_t height) {
  using namespace std::string_literals;
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", big_endian(width) + big_endian(height) + "\x08\0\0\0\0"s) +
         png_chunk("IDAT", "\x78\x9c") + png_chunk("IEND", "");
}

// Start, a frame header with twice these two bytes as extent, nothing more that matters.
std::string jpeg_of_extent(const std::string& extent) {
  using namespace std::string_literals;
  return "\xff\xd8\xff\xc0\x00\x0b\x08"s + extent + extent +
         "\x01\x01\x11\x00"
         "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9"s;
}

TEST_F(BadInputCli, PicturesThatAreNone) {
  write_phantom("whole.png", 0);
  const std::string whole = text_of(folder_ / "whole.png");
  write("empty.png", "");
  write("cut.png", whole.substr(0, whole.size() / 2));
  write("text.jpg", "this is no picture");
  write("other.png", "GIF89a............");
  write("large.png", png_of_extent(0x7fffffff, 0x7fffffff));
  write("larger.png", png_of_extent(0x80000000, 0x80000000));
  write("lying.png", png_of_extent(16384, 16384));
  write("large.jpg", jpeg_of_extent("\xff\xd0"));
  write("larger.jpg", jpeg_of_extent("\xff\xff"));
  const auto denoise = [&](const std::string& name) { return "denoise --lambda 0.1 " + path(name); };
  expect_refused(denoise("none.png"), {"no file or folder", path("none.png")});
  expect_refused(denoise("empty.png"), {path("empty.png") + " is empty"});
  expect_refused(denoise("cut.png"), {path("cut.png") + " is truncated", "copy it again"});
  expect_refused(denoise("text.jpg"), {path("text.jpg") + " is a text, expected PNG, JPEG"});
  expect_refused(denoise("other.png"), {"is a GIF picture"});
  expect_refused(denoise("large.png"), {"2147483647 x 2147483647", "as 16384 x 16384"});
  expect_refused(denoise("larger.png"), {path("larger.png"), "corrupt"});
  expect_refused(denoise("lying.png"), {"16384 x 16384", "truncated or corrupt"});
  expect_refused(denoise("large.jpg"), {"65488 x 65488", "as 16384 x 16384"});
  expect_refused(denoise("larger.jpg"), {path("larger.jpg"), "65500 pixels"});  // the library's own limit
}

TEST_F(BadInputCli, FoldersThatHoldNothingOrCannotBeRead) {
  fs::create_directories(folder_ / "empty");
  expect_refused("denoise --lambda 0.1 " + path("empty"),
                 {"no pictures in " + path("empty"), ".png .jpg .jpeg"});
  if (!obey_permissions()) GTEST_SKIP() << "root reads every folder, and there is no setpriv";
  fs::permissions(folder_ / "empty", fs::perms::none);
  expect_refused("denoise --lambda 0.1 " + path("empty"), {path("empty"), "Permission denied"});
  for (const std::string& arguments :
       {"verify " + path("empty"), "inspect " + path("empty"), "inspect " + path("empty/run"),
        "train --dry-run --data " + path("empty"),
        "denoise --lambda 0.1 --noise 0.1 " + path("empty/a.png")}) {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.exit_code, 3) << arguments;
    EXPECT_TRUE(has(o.err, "Permission denied") && !has(o.err, "filesystem error")) << o.err;
  }
  fs::permissions(folder_ / "empty", fs::perms::owner_all);
}

std::string safetensors_of(const std::string& header, const std::string& data) {
  uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

TEST_F(BadInputCli, ModelsThatAreNone) {
  write_phantom("a.png", 0);
  const auto refused = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    write("lie.safetensors", bytes);
    expect_refused("denoise " + path("lie.safetensors") + " " + path("a.png"), parts);
  };
  const std::string one = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  refused("", {"lie.safetensors", "0 bytes"});
  refused("not a safetensors file at all", {"lie.safetensors", "is a text"});
  refused(std::string(7, '\0') + "\x01" + std::string(40, ' '), {"announce", "100000000"});  // a huge header
  refused(safetensors_of("{" + one, "1234"), {"not JSON"});
  refused(safetensors_of("{" + one + "," + one + "}", "1234"), {"\"a\" twice"});
  refused(safetensors_of("{" + one + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", "123456"),
          {"overlaps"});
  refused(safetensors_of("{" + one + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                         "123456789012"),
          {"hole"});
  refused(safetensors_of("{" + one + "}", "12"), {"of which the file has 2"});
  refused(safetensors_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"),
          {"needs 8 bytes"});
  refused(safetensors_of(R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", "1234"), {"\"F99\""});
  refused(safetensors_of("{" + one + "}", "1234"), {"nor weights of the thesis model", "primal train"});
  const fs::path folder = folder_ / "a_folder";
  fs::create_directories(folder);
  expect_refused("denoise " + folder.string() + " " + path("a.png"), {"is a folder", "best.safetensors"});
  expect_refused("denoise " + path("none.safetensors") + " " + path("a.png"), {path("none.safetensors")});
  write("last.safetensors", "after its picture");
  expect_refused("denoise " + path("a.png") + " " + path("last.safetensors"),
                 {"MODEL comes before the pictures", "--lambda"});
}

TEST_F(BadInputCli, CheckpointsOfAnotherKind) {
  const std::string model = train_model();
  write_phantom("a.png", 0);
  const std::string bytes = text_of(model);
  write("cut.safetensors", bytes.substr(0, bytes.size() - 100));
  expect_refused("denoise " + path("cut.safetensors") + " " + path("a.png"), {path("cut.safetensors")});

  const Safetensors file = Safetensors::read(model);
  const auto refused = [&](const TensorMap& tensors, const Metadata& metadata,
                           const std::vector<std::string>& parts) {
    write_safetensors(folder_ / "other.safetensors", tensors, metadata);
    expect_refused("denoise " + path("other.safetensors") + " " + path("a.png"), parts);
  };
  // A configuration of a model of 10^11 weights, over a few tensors: refused before any memory is asked for.
  Metadata metadata = file.metadata();
  nlohmann::json config = nlohmann::json::parse(metadata.at("config"));
  config["model.filters"] = 1024;
  config["model.blocks"] = 8;
  metadata["config"] = config.dump();
  refused(file.tensors(), metadata, {"says 1024 filters, 8 blocks", "tensors have 2 filters, 1 blocks"});
  metadata = file.metadata();
  metadata["config"] = "{";
  refused(file.tensors(), metadata, {"other.safetensors", "not JSON"});
  metadata = file.metadata();
  metadata["task"] = "classifier";
  refused(file.tensors(), metadata, {"the task unknown (classifier), expected denoise (unrolled_tv)"});
  metadata = file.metadata();
  config["model.filters"] = -2;
  metadata["config"] = config.dump();
  refused(file.tensors(), metadata, {"other.safetensors", "model.filters must be a whole number"});

  // One bit of a weight.
  TensorMap tensors = file.tensors();
  tensors["cnn.c1x1.bias"].data<float>()[0] *= 2.0f;
  refused(tensors, file.metadata(), {"other.safetensors is damaged", "crc32"});
  metadata = file.metadata();
  metadata.erase("crc32");
  tensors["cnn.c1x1.bias"].data<float>()[0] = NAN;
  refused(tensors, metadata, {"other.safetensors", "cnn.c1x1.bias is not finite"});

  tensors = file.tensors();
  const std::string stem = "cnn.c0x0.conv_block.0.weight";
  tensors[stem] = tensors.at(stem).to(DType::i64);
  refused(tensors, metadata, {"other.safetensors", "c0x0"});
  tensors = file.tensors();
  tensors.erase("cnn.c1x1.bias");
  tensors.erase("cnn.c0x0.conv_block.0.bias");
  refused(tensors, metadata, {"other.safetensors", "c0x0.conv_block.0.bias"});
}

TEST_F(BadInputCli, AWriteThatFailsLeavesNoFile) {
  write_phantom("a.png", 0, 16, 200);
  fs::create_directories(folder_ / "out");
  // As a full disk: no file may grow past a few blocks; the signal for that is ignored, so that write()
  // fails.
  const std::string command = "bash -c 'trap \"\" XFSZ; ulimit -f 8; exec " + std::string(PRIMAL_PROGRAM) +
                              " denoise --lambda 0.01 " + path("a.png") + " -o " + path("out") + "' 2> " +
                              path("err.txt");
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  const std::string err = text_of(folder_ / "err.txt");
  EXPECT_TRUE(has(err, path("out/a.png")) && has(err, "File too large")) << err;
  EXPECT_TRUE(fs::is_empty(folder_ / "out"));
}

TEST_F(BadInputCli, AFullDiskLeavesTheOldFile) {
  write_phantom("a.png", 0, 16, 200);
  const SmallDisk disk(path("disk"), 16);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  write_file_atomically(folder_ / "disk/a.png", std::vector<uint8_t>{'o', 'l', 'd'});
  const Outcome o = run("denoise --lambda 0.01 --overwrite " + path("a.png") + " -o " + path("disk"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "No space left") && has(o.err, "unchanged")) << o.err;
  EXPECT_EQ(text_of(folder_ / "disk/a.png"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "disk"), fs::directory_iterator()), 1);
}

TEST_F(BadInputCli, AFullDiskLeavesNoHalfFigure) {
  write_phantom("a.png", 0);
  const SmallDisk disk(path("disk"), 4);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  const Outcome o =
      run("search " + path("a.png") + " --noise 0.5 --grid 0:0.2:5 --figure " + path("disk/f.svg"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "No space left")) << o.err;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "disk"), fs::directory_iterator()), 0);
}

// The results of a search: three files of a page each, and no room for a fourth.
TEST_F(BadInputCli, AFullDiskLeavesTheRowsOfAnEarlierSearch) {
  write_phantom("a.png", 0);
  write_phantom("b.png", 1);
  const SmallDisk disk(path("disk"), 12);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  const std::string search = "search " + path("a.png") + " " + path("b.png") +
                             " --noise 0.5 --grid 0:0.2:3 --iterations 4 --overwrite -o " + path("disk");
  ASSERT_EQ(run(search).exit_code, 0);
  const std::string rows = text_of(folder_ / "disk/search.csv"),
                    settings = text_of(folder_ / "disk/settings.json");
  EXPECT_EQ(std::ranges::count(rows, '\n'), 9);
  const Outcome o = run(search + " --seed 7");
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "No space left") && has(o.err, "unchanged")) << o.err;
  EXPECT_EQ(text_of(folder_ / "disk/search.csv"), rows);
  EXPECT_EQ(text_of(folder_ / "disk/settings.json"), settings);
  EXPECT_TRUE(fs::exists(folder_ / "disk/summary.json"));
}

TEST_F(BadInputCli, PlacesThatCannotBeWrittenTo) {
  write_phantom("a.png", 0);
  const std::string denoise = "denoise --lambda 0.1 " + path("a.png") + " -o ";
  write("file", "x");
  for (const std::string& place : {path("file"), path("file/below"), std::string("/proc/primal")}) {
    const Outcome o = run(denoise + place);
    EXPECT_EQ(o.exit_code, 3) << o.err;
    EXPECT_TRUE(has(o.err, place)) << o.err;
  }
  const int status =
      std::system((std::string(PRIMAL_PROGRAM) + " " + denoise + "- > /dev/full 2> /dev/null").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 3);
  if (!obey_permissions()) GTEST_SKIP() << "root writes into every folder, and there is no setpriv";
  fs::create_directories(folder_ / "closed");
  fs::permissions(folder_ / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  const Outcome o = run(denoise + path("closed"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "Permission denied; give another -o")) << o.err;
}

}  // namespace
}  // namespace primal
