#include "data/safetensors/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

#include "data/file/file.h"
#include "support/memory.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::has;
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
  std::string header(bytes.data() + 8, bytes.data() + 8 + length);
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
    const std::vector<uint8_t> part(whole.data(), whole.data() + n);
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

TEST(Safetensors, MetadataOfNullIsNone) {
  const Safetensors file = Safetensors::parse(
      make_file(R"({"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), "a");
  EXPECT_TRUE(file.metadata().empty());
  EXPECT_EQ(file.entries().size(), 1u);
  EXPECT_TRUE(has(refusal(R"({"__metadata__":null,"__metadata__":{}})", 0), "twice"));
  EXPECT_TRUE(has(refusal(R"({"__metadata__":{"x":null}})", 0), "texts"));
  EXPECT_TRUE(has(refusal(R"({"a":null})", 0), "\"dtype\""));
}

TEST(Safetensors, EveryTypeOfTheFormatIsCounted) {
  const std::vector<std::pair<std::string, int>> bits_of{
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"U8", 8},   {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},     {"I16", 16},        {"U16", 16}, {"F16", 16},
      {"BF16", 16},   {"I32", 32},    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"U32", 32}, {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},        {"U64", 64}};
  for (const auto& [type, bits] : bits_of) {
    const int n_bytes = 8 * bits / 8;
    const auto header = [&name = type](int end) {
      return fmt::format(R"({{"a":{{"dtype":"{}","shape":[2,4],"data_offsets":[0,{}]}}}})", name, end);
    };
    const Safetensors file =
        Safetensors::parse(make_file(header(n_bytes), static_cast<size_t>(n_bytes)), "a");
    EXPECT_EQ(file.entries().at("a").elements, 8u) << type;
    EXPECT_TRUE(has(refusal(header(n_bytes + 1), static_cast<size_t>(n_bytes) + 1),
                    "needs " + std::to_string(n_bytes)))
        << type;
    if (file.has_values("a")) {
      EXPECT_EQ(file.values("a").numel(), 8) << type;
    } else {
      EXPECT_THROW(file.values("a"), DataError) << type;
    }
  }
  EXPECT_TRUE(has(refusal(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2), "12 bits"));
}

TEST(Safetensors, ValuesOfNarrowTypesAreExact) {
  const auto values = [](const std::string& type, const std::vector<uint8_t>& data, size_t n) {
    const std::string header =
        fmt::format(R"({{"a":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", type, n, data.size());
    std::vector<uint8_t> file = make_file(header, data.size());
    std::ranges::copy(data, file.end() - std::ssize(data));
    return Safetensors::parse(file, "a").values("a").to_doubles();
  };
  using Doubles = std::vector<double>;
  // 1, -2, the smallest and the largest subnormal, the largest, infinity
  const Doubles half =
      values("F16", {0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x03, 0xff, 0x7b, 0x00, 0x7c}, 6);
  EXPECT_EQ(half,
            (Doubles{1.0, -2.0, 0x1p-24, 1023 * 0x1p-24, 65504.0, std::numeric_limits<double>::infinity()}));
  EXPECT_TRUE(std::isnan(values("F16", {0x01, 0x7e}, 1)[0]));
  EXPECT_TRUE(std::signbit(values("F16", {0x00, 0x80}, 1)[0]));
  EXPECT_EQ(values("BF16", {0x80, 0x3f, 0x00, 0xc0}, 2), (Doubles{1.0, -2.0}));
  EXPECT_EQ(values("I8", {0xff, 0x7f}, 2), (Doubles{-1, 127}));
  EXPECT_EQ(values("I16", {0x00, 0x80}, 1), Doubles{-32768});
  EXPECT_EQ(values("U16", {0xff, 0xff}, 1), Doubles{65535});
  EXPECT_EQ(values("U32", {0xff, 0xff, 0xff, 0xff}, 1), Doubles{4294967295.0});
  EXPECT_EQ(values("BOOL", {0, 1}, 2), (Doubles{0, 1}));
}

std::vector<uint8_t> file_of_many(size_t n) {
  std::string header = "{";
  for (size_t i = 0; i < n; ++i) {
    header += fmt::format(R"({}"layer.{}.w":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}})",
                          i > 0 ? "," : "", i, 4 * i, 4 * i + 4);
  }
  return make_file(header + "}", 4 * n);
}

TEST(Safetensors, TimeGrowsWithTheNumberOfTensorsAlone) {
  const auto seconds = [](const std::vector<uint8_t>& file) {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const std::clock_t begin = std::clock();
      Safetensors::parse(file, "a");
      best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    return best;
  };
  const double few = seconds(file_of_many(2000)), many = seconds(file_of_many(32000));
  EXPECT_LT(many, 80 * few + 0.01);  // 16 times as many; quadratic: 256
}

TEST(Safetensors, MemoryStaysWithinSixteenTimesTheFile) {
  std::string numbers = "1", keys = R"("a":"")", shapes = "1";
  for (int i = 0; i < 200000; ++i) numbers += ",1", keys += fmt::format(R"(,"{:x}":"")", i), shapes += ",1";
  const std::vector<std::string> headers{
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[" + shapes + "],\"data_offsets\":[0,1]}}",
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" + numbers + "]}}",
      "{\"a\":{\"other\":[" + numbers + "]}}", "{\"__metadata__\":{" + keys + "}}",
      "{\"a\":\"" + std::string(1000000, 'x') + "\"}"};
  for (const std::string& header : headers) {
    const std::vector<uint8_t> file = make_file(header, 1);
    const auto growth = testing::peak_growth([&] { Safetensors::parse(file, "a"); });
    if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
    EXPECT_LT(*growth, 16 * std::ssize(file) + (1 << 20)) << header.substr(0, 40);
  }
}

TEST(Safetensors, AFileOfAnotherKindIsNamed) {
  const TemporaryFolder folder;
  const auto message_for = [&](const std::string& name, const std::vector<uint8_t>& bytes) {
    write_file_atomically(folder / name, bytes);
    return message_of<DataError>([&] { Safetensors::read(folder / name); });
  };
  const auto text = [](const std::string& t) { return std::vector<uint8_t>(t.begin(), t.end()); };
  EXPECT_TRUE(has(message_for("a.jpg", {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F'}),
                  "a.jpg is a JPEG picture, expected a file of tensors (.safetensors)"));
  EXPECT_TRUE(has(message_for("a.csv", text("step,epoch,loss\n1,2,3\n")), "is a CSV table"));
  EXPECT_TRUE(has(message_for("a.pt", text("PK\3\4 and so on")),
                  "torch.load('a.pt', weights_only=True), 'a.safetensors'"));
}

}  // namespace
}  // namespace primal
