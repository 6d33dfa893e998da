#include "data/safetensors/safetensors.h"

#include <cstring>
#include <gtest/gtest.h>

#include "data/file/file.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

// A file from its header text and its data.
std::vector<uint8_t> make_file(const std::string& header, size_t data_bytes, uint64_t announced) {
  std::vector<uint8_t> file(8 + header.size() + data_bytes);
  std::memcpy(file.data(), &announced, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < data_bytes; ++i) file[8 + header.size() + i] = static_cast<uint8_t>(i);
  return file;
}
std::vector<uint8_t> make_file(const std::string& header, size_t data_bytes) {
  return make_file(header, data_bytes, header.size());
}

// The message a lying file is refused with; the file's name is always in it.
std::string refusal(const std::string& header, size_t data_bytes) {
  const std::string message =
      message_of<DataError>([&] { Safetensors::parse(make_file(header, data_bytes), "lie.st"); });
  EXPECT_NE(message.find("lie.st"), std::string::npos)
      << "not refused by name: '" << message << "' for " << header;
  return message;
}

bool has(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

TensorMap example() {
  TensorMap tensors;
  tensors["weight"] = Tensor::from<float>({2, 2}, std::vector<float>{1.5f, -2.0f, 3.25f, 0.0f});
  tensors["bias"] = Tensor::from<double>({1}, std::vector<double>{0.1});
  tensors["step"] = Tensor::from<int64_t>({}, std::vector<int64_t>{-7});
  tensors["index"] = Tensor::from<int32_t>({3}, std::vector<int32_t>{1, 2, -3});
  tensors["image"] = Tensor::from<uint8_t>({3}, std::vector<uint8_t>{0, 128, 255});
  tensors["none"] = Tensor::zeros({0, 4});
  return tensors;
}

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const Metadata metadata{{"config", "{\"T\": 256}"}, {"note", "grüße \"x\"\n"}};
  write_safetensors(folder / "a", example(), metadata);
  const Safetensors file = Safetensors::read(folder / "a");
  EXPECT_EQ(file.metadata(), metadata);
  const TensorMap read = file.tensors(), expected = example();
  ASSERT_EQ(read.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(read.contains(name));
    EXPECT_EQ(read.at(name).str(), tensor.str()) << name;
    EXPECT_EQ(read.at(name).to_doubles(), tensor.to_doubles()) << name;
  }
}

TEST(Safetensors, WritesTheLayoutOfTheReferenceImplementation) {
  const TemporaryFolder folder;
  TensorMap tensors = example();
  tensors.erase("none");
  write_safetensors(folder / "a", tensors, {{"k", "v"}});
  const std::vector<uint8_t> bytes = read_file(folder / "a");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  std::string header(bytes.begin() + 8, bytes.begin() + 8 + static_cast<ptrdiff_t>(length));
  header.erase(header.find_last_not_of(' ') + 1);
  EXPECT_EQ(header, R"({"__metadata__":{"k":"v"},)"
                    R"("step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                    R"("bias":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},)"
                    R"("weight":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]},)"
                    R"("index":{"dtype":"I32","shape":[3],"data_offsets":[32,44]},)"
                    R"("image":{"dtype":"U8","shape":[3],"data_offsets":[44,47]}})");
  EXPECT_EQ(bytes.size(), 8 + length + 47);
}

TEST(Safetensors, ReadsFilesWithoutTensorsOrMetadata) {
  EXPECT_TRUE(Safetensors::parse(make_file("{}", 0), "a").entries().empty());
  EXPECT_TRUE(Safetensors::parse(make_file("{}      ", 0), "a").metadata().empty());
}

TEST(Safetensors, AFailingWriteKeepsTheOldFile) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::vector<uint8_t> before = read_file(folder / "a");
  TensorMap broken = example();
  broken["undefined"] = Tensor();
  EXPECT_THROW(write_safetensors(folder / "a", broken), ShapeError);
  EXPECT_THROW(write_safetensors(folder / "a", {{"__metadata__", Tensor::zeros({1})}}), ShapeError);
  EXPECT_THROW(write_safetensors(folder / "a", {{"\xff", Tensor::zeros({1})}}), DataError);
  EXPECT_EQ(read_file(folder / "a"), before);
  EXPECT_THROW(write_safetensors(folder / "none" / "a", example()), IoError);
}

TEST(SafetensorsLies, AboutTheHeader) {
  EXPECT_TRUE(has(message_of<DataError>([] { Safetensors::parse({}, "a"); }), "0 bytes"));
  EXPECT_TRUE(has(message_of<DataError>([] { Safetensors::parse({1, 2, 3}, "a"); }), "3 bytes"));
  EXPECT_TRUE(
      has(message_of<DataError>([] { Safetensors::parse(make_file("{}", 0, 3), "a"); }), "truncated"));
  EXPECT_TRUE(
      has(message_of<DataError>([] { Safetensors::parse(make_file("{}", 0, uint64_t{1} << 63), "a"); }),
          "announce"));
  EXPECT_TRUE(has(refusal("", 0), "start with"));
  EXPECT_TRUE(has(refusal(" {}", 0), "start with"));
  EXPECT_TRUE(has(refusal("[]", 0), "start with"));
  EXPECT_TRUE(has(refusal("{", 0), "not JSON"));
  EXPECT_TRUE(has(refusal("{} x", 0), "not JSON"));
  EXPECT_TRUE(has(refusal("{\"\xff\": 1}", 0), "not JSON"));
  EXPECT_TRUE(has(refusal("{\"a\":[[[[[[1]]]]]]}", 0), "nested"));
  EXPECT_TRUE(has(refusal("{\"a\":" + std::string(5000000, '['), 0), "nested"));
}

TEST(SafetensorsLies, AboutKeys) {
  const std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_TRUE(has(refusal("{" + one + "," + one + "}", 1), "\"a\" twice"));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1),
                  "\"dtype\" twice"));
  EXPECT_TRUE(has(refusal(R"({"__metadata__":{"x":"1","x":"2"}})", 0), "\"x\" twice"));
  // The same key in two objects is fine.
  EXPECT_NO_THROW(Safetensors::parse(
      make_file("{" + one + R"(,"dtype":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), "a"));
}

TEST(SafetensorsLies, AboutMembers) {
  EXPECT_TRUE(has(refusal(R"({"a":7})", 0), "\"dtype\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1), "\"dtype\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1), "\"shape\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","shape":[1]}})", 1), "\"data_offsets\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":3,"shape":[1],"data_offsets":[0,1]}})", 1), "\"dtype\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"X9","shape":[1],"data_offsets":[0,1]}})", 1), "\"X9\""));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1), "-1"));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1), "1.0"));
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1), "\"1\""));
  EXPECT_TRUE(
      has(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1), "two data_offsets"));
  EXPECT_TRUE(has(refusal(R"({"__metadata__":{"x":1}})", 0), "texts"));
  EXPECT_TRUE(has(refusal(R"({"__metadata__":[]})", 0), "object"));
}

TEST(SafetensorsLies, AboutOffsets) {
  const auto one = [](const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_NO_THROW(Safetensors::parse(make_file(one("[2]", "[0,8]"), 8), "a"));
  EXPECT_TRUE(has(refusal(one("[2]", "[0,8]"), 7), "of which the file has"));
  EXPECT_TRUE(has(refusal(one("[2]", "[8,0]"), 8), "of which the file has"));
  EXPECT_TRUE(
      has(refusal(one("[2]", "[18446744073709551608,18446744073709551615]"), 8), "of which the file has"));
  EXPECT_TRUE(has(refusal(one("[3]", "[0,8]"), 8), "needs 12 bytes"));
  EXPECT_TRUE(has(refusal(one("[4611686018427387904,4]", "[0,0]"), 0), "more elements"));
  EXPECT_TRUE(has(refusal(one("[4294967296,4294967296,4294967296]", "[0,0]"), 0), "more elements"));
  EXPECT_TRUE(has(refusal(one("[2]", "[0,8]"), 9), "end at byte 8"));
  EXPECT_TRUE(has(refusal(one("[2]", "[1,9]"), 9), "hole"));
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_NO_THROW(Safetensors::parse(make_file(two("[4,8]", "[0,4]"), 8), "a"));
  EXPECT_TRUE(has(refusal(two("[0,4]", "[3,7]"), 7), "overlaps"));
  EXPECT_TRUE(has(refusal(two("[0,4]", "[0,4]"), 4), "overlaps"));
  EXPECT_TRUE(has(refusal(two("[0,4]", "[5,9]"), 9), "hole"));
}

TEST(SafetensorsLies, EveryTruncationAndDamagedByteIsSurvived) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example(), {{"k", "v"}});
  const std::vector<uint8_t> whole = read_file(folder / "a");
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
    EXPECT_THROW(Safetensors::parse(part, "a"), DataError) << n << " of " << whole.size();
  }
  size_t refused = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<uint8_t> damaged = whole;
      damaged[i] = static_cast<uint8_t>(damaged[i] ^ (1 << bit));
      try {
        Safetensors::parse(damaged, "a").tensors();
      } catch (const DataError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000u);
}

TEST(Safetensors, OtherTypesAreRefusedOnlyWhenAskedFor) {
  const Safetensors file =
      Safetensors::parse(make_file(R"({"half":{"dtype":"F16","shape":[2],"data_offsets":[1,5]},)"
                                   R"("ok":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                   R"("deep":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[5,6]}})",
                                   6),
                         "a.st");
  EXPECT_EQ(file.tensor("ok").numel(), 1);
  const std::string message = message_of<DataError>([&] { file.tensor("half"); });
  EXPECT_TRUE(has(message, "\"half\"") && has(message, "F16") && has(message, "a.st")) << message;
  EXPECT_TRUE(has(message_of<DataError>([&] { file.tensor("deep"); }), "7 axes"));
  EXPECT_TRUE(has(message_of<DataError>([&] { file.tensor("nothing"); }), "no tensor \"nothing\""));
}

}  // namespace
}  // namespace primal
