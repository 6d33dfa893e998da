// NumPy arrays, NIfTI volumes and the netpbm family: hand-made files of each variant, round trips to the
// byte, and files that lie.
#include "data/image/raster/raster.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/preprocess/level_range.h"
#include "data/table/zip_archive.h"
#include "support/memory.h"
#include "support/raster_files.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::has;

using namespace testing;

FileBytes text_file(const std::string& text) { return {text.begin(), text.end()}; }

std::vector<double> values(const Raster& raster) {
  std::vector<double> all;
  dispatch_sample(raster.type, [&]<class T>() {
    for (int64_t p = 0; p < raster.pages; ++p) {
      for (const T sample : raster.page<T>(p)) all.push_back(raster.slope * value_of(sample) + raster.offset);
    }
  });
  return all;
}

Raster decoded(const FileBytes& file) { return decode_raster(file, "test"); }

std::string problem(const FileBytes& file) {
  const std::string message = message_of<DataError>([&] { decode_raster(file, "test"); });
  EXPECT_TRUE(has(message, "test")) << "'" << message << "'";
  return message;
}

FileBytes written_again(const FileBytes& file) {
  const Raster raster = decoded(file);
  return encode_raster(raster, raster.format);
}

using List = std::vector<double>;

TEST(Half, GoesBothWaysForEveryNumber) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = from_half(static_cast<uint16_t>(bits));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(to_half(static_cast<double>(value)), bits);
  }
  EXPECT_EQ(from_half(to_half(1e9)), 65504.0f);
  EXPECT_EQ(from_half(to_half(-1e9)), -65504.0f);
  EXPECT_EQ(from_half(to_half(1.0 + 0x1p-11)), 1.0f);  // a tie goes to the even one
  EXPECT_EQ(from_half(to_half(1.0 + 3 * 0x1p-11)), 1.0f + 0x1p-9f);
  EXPECT_TRUE(std::isnan(from_half(to_half(std::nan("")))));
}

TEST(Npy, EveryTypeAndOrderComesBackToTheByte) {
  const std::pair<const char*, FileBytes> kinds[]{
      {"|u1", {0, 1, 2, 3, 4, 255}},
      {"|i1", {0, 1, 2, 3, 4, 255}},
      {"<u2", numbers<uint16_t>({0, 1, 2, 3, 4, 65535})},
      {">u2", numbers<uint16_t>({0, 1, 2, 3, 4, 65535}, true)},
      {"<i2", numbers<int16_t>({0, 1, 2, 3, 4, -1})},
      {">i4", numbers<int32_t>({0, 1, 2, 3, 4, -70000}, true)},
      {"<u4", numbers<uint32_t>({0, 1, 2, 3, 4, 4000000000})},
      {"<f2", numbers<uint16_t>({0, to_half(1), to_half(2), to_half(3), to_half(4), to_half(-0.5)})},
      {">f4", numbers<float>({0, 1, 2, 3, 4, -0.5f}, true)},
      {"<f8", numbers<double>({0, 1, 2, 3, 4, -0.5})},
      {">f8", numbers<double>({0, 1, 2, 3, 4, -0.5}, true)}};
  for (const auto& [type, data] : kinds) {
    for (const bool fortran : {false, true}) {
      for (const char* shape : {"2, 3", "3, 1, 2", "1, 3, 2", "1, 2, 3", "2, 1, 1, 3", "1, 2, 1, 3"}) {
        const FileBytes file = make_npy(type, fortran, shape, data);
        const Raster raster = decoded(file);
        EXPECT_EQ(values(raster)[0], 0.0);
        EXPECT_EQ(encode_raster(raster, PictureFormat::npy), file) << type << " " << fortran << " " << shape;
      }
    }
    EXPECT_EQ(values(decoded(make_npy(type, false, "2, 3", data)))[4], 4.0) << type;
  }
}

TEST(Npy, FortranOrderIsTurned) {
  // [[0, 1, 2], [3, 4, 5]] as it lies in columns.
  const Raster raster = decoded(make_npy("|u1", true, "2, 3", {0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(raster), (List{0, 1, 2, 3, 4, 5}));
  // [page][row][column]: the page runs fastest.
  EXPECT_EQ(values(decoded(make_npy("|u1", true, "2, 3, 1", {0, 3, 1, 4, 2, 5}))), (List{0, 1, 2, 3, 4, 5}));
  // [row][column][channel]: the channel runs slowest.
  EXPECT_EQ(values(decoded(make_npy("|u1", true, "2, 1, 3", {0, 3, 1, 4, 2, 5}))), (List{0, 1, 2, 3, 4, 5}));
}

TEST(Npy, ALastExtentOfThreeIsColour) {
  const auto layout = [](const std::string& shape, size_t n) {
    const Raster r = decoded(make_npy("|u1", false, shape, FileBytes(n)));
    return std::vector<int64_t>{r.pages, r.height, r.width, r.channels};
  };
  using Layout = std::vector<int64_t>;
  EXPECT_EQ(layout("20, 17, 3", 1020), (Layout{1, 20, 17, 3}));
  EXPECT_EQ(layout("1, 1, 3", 3), (Layout{1, 1, 1, 3}));
  EXPECT_EQ(layout("5, 4, 2, 3", 120), (Layout{5, 4, 2, 3}));
  // Other extents are pages, and so are two axes of which the second has three columns.
  EXPECT_EQ(layout("3, 20, 17", 1020), (Layout{3, 20, 17, 1}));
  EXPECT_EQ(layout("20, 17, 5", 1700), (Layout{20, 17, 5, 1}));
  EXPECT_EQ(layout("20, 3", 60), (Layout{1, 20, 3, 1}));
  // Red, green and blue of a pixel follow each other.
  const Raster rgb = decoded(make_npy("|u1", false, "1, 2, 3", {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values(planes(rgb)), (List{1, 4, 2, 5, 3, 6}));
  EXPECT_TRUE(has_colour(rgb));
}

TEST(Npy, OtherChannelsThanThreeAreRefused) {
  const auto refusal = [](const std::string& shape, size_t n) {
    return problem(make_npy("|u1", false, shape, FileBytes(n)));
  };
  EXPECT_TRUE(has(refusal("20, 16, 4", 1280), "(20, 16, 4)")) << refusal("20, 16, 4", 1280);
  EXPECT_TRUE(has(refusal("20, 16, 4", 1280), "save array[:, :, :3] alone"));
  EXPECT_TRUE(has(refusal("16, 20, 1", 320), "save array[:, :, 0] alone"));
  EXPECT_TRUE(has(refusal("16, 20, 2", 640), "grey picture with alpha"));
  EXPECT_TRUE(has(refusal("2, 16, 16, 4", 2048), "(pages, height, width, 3)"));
  // With a side below 16 they are pages.
  EXPECT_EQ(decoded(make_npy("|u1", false, "15, 20, 4", FileBytes(1200))).pages, 15);
  EXPECT_EQ(decoded(make_npy("|u1", false, "20, 15, 1", FileBytes(300))).pages, 20);
}

TEST(Npy, ColourThatBecameGreyLosesItsAxis) {
  const Raster one = grey(decoded(make_npy("<f4", false, "1, 2, 3", numbers<float>({1, 1, 1, 4, 4, 4}))));
  EXPECT_EQ(encode_raster(one, PictureFormat::npy), make_npy("<f4", false, "1, 2", numbers<float>({1, 4})));
  const Raster pages = grey(decoded(make_npy("|u1", true, "1, 2, 1, 3", {1, 4, 1, 4, 1, 4})));
  EXPECT_EQ(encode_raster(pages, PictureFormat::npy), make_npy("|u1", true, "1, 2, 1", {1, 4}));
}

TEST(Npy, PagesThatWouldBeReadAsColourAreNotWritten) {
  const auto stack = [](int64_t pages, int64_t height, int64_t width) {
    Raster raster{.format = PictureFormat::tiff, .width = width, .height = height, .pages = pages};
    allocate(raster);
    return raster;
  };
  for (const PictureFormat format : {PictureFormat::npy, PictureFormat::npz}) {
    EXPECT_THROW(fitted(stack(2, 2, 3), format, 0.0, 255.0, "a.tif"), DataError);
    EXPECT_THROW(fitted(stack(16, 16, 4), format, 0.0, 255.0, "a.tif"), DataError);
    EXPECT_NO_THROW(fitted(stack(16, 15, 4), format, 0.0, 255.0, "a.tif"));
    EXPECT_NO_THROW(fitted(stack(1, 20, 3), format, 0.0, 255.0, "a.tif"));
  }
}

TEST(Npy, LaterVersionsAreRead) {
  for (const int version : {2, 3})
    EXPECT_EQ(values(decoded(make_npy("<f4", false, "1, 2", numbers<float>({1, -2}), version))),
              (List{1, -2}));
  EXPECT_TRUE(has(problem(make_npy("<f4", false, "1, 2", numbers<float>({1, 2}), 4)), "version 1, 2 or 3"));
}

TEST(Npy, TheHeaderIsReadStrictly) {
  const FileBytes data(6);
  const std::string rest = ", 'fortran_order': False, 'shape': (2, 3)}";
  EXPECT_NO_THROW(decoded(make_npy("{'descr': '|u1'" + rest, data)));
  EXPECT_NO_THROW(decoded(make_npy("{\"shape\":(2,3),'descr':\"|u1\", 'fortran_order':False,}\n", data)));
  for (const char* wrong :
       {"", "{", "[]", "{'descr': '|u1'}", "{'descr': '|u1', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 03)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
        "{'descr': '\\x7c\\x75', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3)}"})
    EXPECT_TRUE(has(problem(make_npy(wrong, data)), "at byte")) << wrong;
  EXPECT_TRUE(has(problem(make_npy("<i8", false, "2, 3", data)), "astype"));
  EXPECT_TRUE(has(problem(make_npy("|u1", false, "6,", data)), "(6)"));
  EXPECT_TRUE(has(problem(make_npy("|u1", false, "1, 1, 3, 2", data)), "(pages, height, width)"));
  EXPECT_TRUE(has(problem(make_npy("|u1", false, "0, 3", {})), "at least 1"));
  EXPECT_TRUE(has(problem(make_npy("|u1", false, "2, 2", data)), "expected"));
  FileBytes long_header = make_npy("|u1", false, "2, 3", data);
  long_header[8] = long_header[9] = 0xff;
  EXPECT_TRUE(has(problem(long_header), "header"));
}

TEST(Npz, OneArrayStoredOrDeflated) {
  const FileBytes array = make_npy("<i2", false, "2, 3, 40", FileBytes(480, 7));
  const std::string text(array.begin(), array.end());
  for (const table::Packing packing : {table::Packing::stored, table::Packing::deflated}) {
    const FileBytes file = table::make_zip({{"picture.npy", text}}, packing);
    const Raster raster = decoded(file);
    EXPECT_EQ(raster.format, PictureFormat::npz);
    EXPECT_EQ(raster.pages, 2);
    EXPECT_EQ(values(raster)[0], 0x0707);
    EXPECT_EQ(encode_raster(raster, PictureFormat::npz), file);
  }
  const FileBytes colours = make_npy("<i2", false, "4, 2, 3", FileBytes(48, 7));
  const FileBytes rgb =
      table::make_zip({{"rgb.npy", std::string(colours.begin(), colours.end())}}, table::Packing::deflated);
  EXPECT_EQ(decoded(rgb).channels, 3);
  EXPECT_EQ(encode_raster(decoded(rgb), PictureFormat::npz), rgb);
  EXPECT_TRUE(has(problem(table::make_zip({{"a.npy", text}, {"b.npy", text}})), "2 arrays"));
  EXPECT_TRUE(has(problem(table::make_zip({{"a.npy", "\x93NUMPY and nothing"}})), "npy"));
  // An archive of something else is no picture.
  EXPECT_TRUE(has(problem(table::make_zip({{"a.txt", text}})), "ZIP"));
}

TEST(Nifti, EveryTypeComesBackToTheByte) {
  const std::tuple<int16_t, int16_t, SampleType> kinds[]{
      {2, 8, SampleType::u8},     {4, 16, SampleType::i16},  {8, 32, SampleType::i32},
      {16, 32, SampleType::f32},  {64, 64, SampleType::f64}, {256, 8, SampleType::i8},
      {512, 16, SampleType::u16}, {768, 32, SampleType::u32}};
  for (const auto& [code, bits, type] : kinds) {
    for (const bool big_endian : {false, true}) {
      const NiftiKind kind{.datatype = code, .bits = bits, .extents = {3, 2, 2}, .big_endian = big_endian};
      FileBytes data;
      dispatch_sample(type, [&, t = type]<class T>() {
        (void)t;
        for (int i = 0; i < 12; ++i) append_number(data, sample_of<T>(i), big_endian);
      });
      const FileBytes file = make_nifti(kind, data);
      const Raster raster = decoded(file);
      EXPECT_EQ(raster.type, type);
      EXPECT_EQ(raster.width, 3);
      EXPECT_EQ(raster.height, 2);
      EXPECT_EQ(raster.pages, 2);
      EXPECT_EQ(values(raster), (List{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
      EXPECT_EQ(written_again(file), file) << code;
      const FileBytes packed = encode_raster(raster, PictureFormat::nifti_gz);
      EXPECT_EQ(decoded(packed).format, PictureFormat::nifti_gz);
      EXPECT_EQ(encode_raster(decoded(packed), PictureFormat::nifti), file);
    }
  }
}

TEST(Nifti, ValuesHaveAScale) {
  const FileBytes data = numbers<int16_t>({0, 1, 2, -1, 4, 5});
  const auto with = [&](float slope, float inter) {
    return values(decoded(make_nifti({.slope = slope, .inter = inter}, data)));
  };
  EXPECT_EQ(with(2.0f, -1024.0f), (List{-1024, -1022, -1020, -1026, -1016, -1014}));
  EXPECT_EQ(with(0.0f, 5.0f), (List{0, 1, 2, -1, 4, 5}));
  EXPECT_EQ(with(std::nanf(""), 5.0f), (List{0, 1, 2, -1, 4, 5}));
  // What is set comes back in the units and with the type of the file.
  Raster raster = decoded(make_nifti({.slope = 2.0f, .inter = -1024.0f}, data));
  const Levels levels = levels_of(raster, {}, "test");
  EXPECT_EQ(levels.low, -1026.0);
  EXPECT_EQ(levels.high, -1014.0);
  const std::vector<uint8_t> samples = raster.samples;
  set_from_unit(raster, 0, to_unit(raster, 0, levels), levels);
  EXPECT_EQ(raster.samples, samples);
}

TEST(Nifti, HeadersThatAreNotReadAreNamed) {
  const FileBytes data(12);
  EXPECT_TRUE(has(problem(make_nifti({.datatype = 128, .bits = 24}, data)), "datatype 128"));
  EXPECT_TRUE(has(problem(make_nifti({.bits = 8}, data)), "at byte 72"));
  EXPECT_TRUE(has(problem(make_nifti({.extents = {3, 2, 1, 2}}, data)), "axis 4"));
  EXPECT_TRUE(has(problem(make_nifti({.extents = {3, 0, 1}}, data)), "axis 2"));
  EXPECT_TRUE(has(problem(make_nifti({.offset = 3.5f}, data)), "at byte 108"));
  EXPECT_TRUE(has(problem(make_nifti({.offset = 1e9f}, data)), "at byte 108"));
  EXPECT_TRUE(has(problem(make_nifti({.magic = std::string("ni1\0", 4)}, data)), ".img"));
  EXPECT_TRUE(has(problem(make_nifti({}, FileBytes(11))), "can hold") ||
              has(problem(make_nifti({}, FileBytes(11))), "truncated"));
  FileBytes wrong = make_nifti({}, data);
  wrong[0] = 9;
  EXPECT_TRUE(has(problem(wrong), "348"));
  FileBytes longer = make_nifti({}, data);
  longer.push_back(0);
  EXPECT_EQ(decoded(longer).remarks.size(), 1u);
}

TEST(Pnm, EveryKindIsRead) {
  EXPECT_EQ(values(decoded(text_file("P2\n# a comment\n3 1 # another\n 9\n0 5\n9\n"))), (List{0, 5, 9}));
  EXPECT_EQ(values(decoded(text_file("P3 1 1 65535 1 2 65535"))), (List{1, 2, 65535}));
  EXPECT_EQ(values(decoded(text_file("P5#c\n2 1\n255\n\x01\xff"))), (List{1, 255}));
  EXPECT_EQ(values(decoded(text_file("P5 2 1 4095\n\x01\x02\x0f\xff"))), (List{258, 4095}));
  const Raster colour = decoded(text_file("P6\n1 1\n255\nabc"));
  EXPECT_EQ(colour.channels, 3);
  EXPECT_EQ(values(colour), (List{97, 98, 99}));
  EXPECT_EQ(decoded(text_file("P5 2 1 4095\n\x01\x02\x0f\xff")).white, 4095.0);
  EXPECT_EQ(decoded(text_file("P5 1 1 255\nab")).remarks.size(), 1u);
}

TEST(Pnm, ComesBackWithItsWhite) {
  for (const char* text :
       {"P2\n3 1\n9\n0 5 9\n", "P5\n2 1\n255\nab", "P6\n1 1\n255\nabc", "P3\n1 1\n300\n1 2 300\n"}) {
    EXPECT_EQ(written_again(text_file(text)), text_file(text)) << text;
  }
  // A result never leaves 0 .. white.
  Raster raster = decoded(text_file("P2\n2 1\n9\n0 9\n"));
  set_from_unit(raster, 0, Tensor::from<float>({1, 1, 1, 1, 2}, {-1.0f, 2.0f}), {0.0, 9.0});
  EXPECT_EQ(encode_raster(raster, PictureFormat::pnm), text_file("P2\n2 1\n9\n0 9\n"));
  // As PNG it has the white of PNG.
  EXPECT_EQ(image_of(raster, "test").levels, (std::vector<uint16_t>{0, 255}));
}

TEST(Pnm, WrongFilesAreNamed) {
  EXPECT_TRUE(has(problem(text_file("P5 2 1 255")), "white space"));
  EXPECT_TRUE(has(problem(text_file("P5 x 1 255\nab")), "'x'"));
  EXPECT_TRUE(has(problem(text_file("P5 2 1 0\nab")), "white level"));
  EXPECT_TRUE(has(problem(text_file("P5 2 1 65536\nab")), "65535"));
  EXPECT_TRUE(has(problem(text_file("P2 2 1 9\n1 10\n")), "at byte"));
  EXPECT_TRUE(has(problem(text_file("P5 2 1 9\n\x01\x0a")), "at byte 10"));
  EXPECT_TRUE(has(problem(text_file("P5 0 1 255\n")), "at least 1"));
  EXPECT_TRUE(has(problem(text_file("P5 3 1 255\nab")), "can hold"));
}

TEST(Pnm, WrongWordsAreQuotedWholeOrUpToTwentyCharacters) {
  const auto found = [](const std::string& text, const std::string& what) {
    const std::string message = problem(text_file(text));
    EXPECT_TRUE(message.ends_with("found " + what)) << message;
  };
  found("P5 2 1 70000\nab", "'70000'");
  found("P5 2 1 99999999999999999999\nab", "'99999999999999999999'");
  found("P5 2 1 123456789012345678901\nab", "'12345678901234567890...'");
  found("P5 2 1 70000", "'70000'");
  found("P5 wide 1 255\nab", "'wide'");
  found("P5 2 1 255x\nab", "'x'");
  found("P2 2 1 9\n1 10\n", "'10'");
  found("P2 2 1 9\n1 -2\n", "'-2'");
  found("P5 2 1 \x80\nab", "byte 80");
  found("P5 2 1 ", "the end of the file");
  found("Pf 1 1 0.0\nabcd", "'0.0'");
}

TEST(Pfm, RowsGoUpAndBothOrdersAreRead) {
  for (const bool big_endian : {false, true}) {
    FileBytes file = text_file(std::string("Pf\n1 2\n") + (big_endian ? "2.5" : "-2.5") + "\n");
    for (const float value : {7.0f, -3.0f}) append_number(file, value, big_endian);
    EXPECT_EQ(values(decoded(file)), (List{-3, 7}));
    EXPECT_EQ(written_again(file), file);
  }
  FileBytes colour = text_file("PF\n1 1\n-1\n");
  for (const float value : {1.0f, 2.0f, 3.0f}) append_number(colour, value, false);
  EXPECT_EQ(decoded(colour).channels, 3);
  EXPECT_TRUE(has(problem(text_file("Pf\n1 1\n0\nabcd")), "scale"));
  EXPECT_TRUE(has(problem(text_file("Pf\n1 2\n-1\nabcd")), "can hold"));
}

TEST(Raster, PlanesAreTheChannelsAndComeBack) {
  Raster raster{.width = 2, .height = 1, .pages = 2, .channels = 3, .type = SampleType::u16};
  allocate(raster);
  for (int64_t p = 0; p < 2; ++p) {
    for (uint16_t i = 0; i < 6; ++i) raster.page<uint16_t>(p)[i] = static_cast<uint16_t>(10 * p + i);
  }
  const Raster split = planes(raster);
  EXPECT_EQ(split.channels, 1);
  ASSERT_EQ(split.pages, 6);
  const auto values = [&](int64_t page) {
    const auto samples = split.page<uint16_t>(page);
    return std::vector<uint16_t>(samples.begin(), samples.end());
  };
  EXPECT_EQ(values(0), (std::vector<uint16_t>{0, 3}));    // red of the first page
  EXPECT_EQ(values(4), (std::vector<uint16_t>{11, 14}));  // green of the second
  EXPECT_EQ(interleaved(split, 3).samples, raster.samples);
  EXPECT_EQ(interleaved(split, 3).pages, 2);
  EXPECT_THROW(interleaved(split, 4), ShapeError);
}

}  // namespace
}  // namespace primal
