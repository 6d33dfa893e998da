#include "data/image/image.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <png.h>
#include <string_view>
#include <zlib.h>

#include "data/file/file.h"
#include "support/picture_files.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::JpegKind;
using testing::make_jpeg;
using testing::make_png;
using testing::message_of;
using testing::PngKind;
using testing::TemporaryFolder;

std::vector<uint16_t> levels(const std::vector<uint8_t>& file) { return decode_image(file, "test").levels; }

// [height, width, channels] with a smooth slope, so that JPEG keeps it well.
std::vector<uint8_t> slope(int width, int height, int channels) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<uint8_t>(20 + 3 * x + 2 * y + 10 * c));
    }
  }
  return pixels;
}

double worst_difference(const Image& image, const std::vector<uint8_t>& expected) {
  if (image.levels.size() != expected.size()) return 1e9;
  double worst = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(image.levels[i]) - expected[i]));
  }
  return worst;
}

TEST(Png, SpreadsFewBitsOverTheRange) {
  using Levels = std::vector<uint16_t>;
  EXPECT_EQ(levels(make_png({.bit_depth = 1}, 8, 1, {{0b10110001}})),
            (Levels{255, 0, 255, 255, 0, 0, 0, 255}));
  EXPECT_EQ(levels(make_png({.bit_depth = 2}, 4, 1, {{0b00011011}})), (Levels{0, 85, 170, 255}));
  EXPECT_EQ(levels(make_png({.bit_depth = 4}, 3, 1, {{0x0f, 0x70}})), (Levels{0, 255, 119}));
  EXPECT_EQ(levels(make_png({.bit_depth = 8}, 3, 1, {{0, 7, 255}})), (Levels{0, 7, 255}));
}

TEST(Png, KeepsSixteenBits) {
  const Image grey = decode_image(make_png({.bit_depth = 16}, 2, 1, {{0x12, 0x34, 0xff, 0xff}}), "test");
  EXPECT_EQ(grey.bit_depth, 16);
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.levels, (std::vector<uint16_t>{0x1234, 0xffff}));
  const Image rgb = decode_image(
      make_png({.bit_depth = 16, .colour_type = PNG_COLOR_TYPE_RGB}, 1, 1, {{0, 1, 2, 3, 4, 5}}), "test");
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(rgb.levels, (std::vector<uint16_t>{0x0001, 0x0203, 0x0405}));
}

TEST(Png, DropsAlphaAndExpandsPalettes) {
  using Levels = std::vector<uint16_t>;
  EXPECT_EQ(levels(make_png({.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}, 2, 1, {{10, 0, 20, 128}})),
            (Levels{10, 20}));
  EXPECT_EQ(levels(make_png({.colour_type = PNG_COLOR_TYPE_RGB_ALPHA}, 1, 1, {{1, 2, 3, 0}})),
            (Levels{1, 2, 3}));
  EXPECT_EQ(
      levels(make_png({.bit_depth = 16, .colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}, 1, 1, {{1, 2, 3, 4}})),
      (Levels{0x0102}));
  const std::vector<uint8_t> palette{1, 2, 3, 40, 50, 60, 7, 8, 9};
  for (const bool transparent : {false, true}) {
    EXPECT_EQ(
        levels(make_png({.bit_depth = 2, .colour_type = PNG_COLOR_TYPE_PALETTE, .transparent = transparent},
                        3, 1, {{0b10000100}}, palette)),
        (Levels{7, 8, 9, 1, 2, 3, 40, 50, 60}));
  }
  // A grey level declared transparent keeps its level.
  EXPECT_EQ(levels(make_png({.bit_depth = 8, .transparent = true}, 2, 1, {{0, 9}})), (Levels{0, 9}));
}

TEST(Png, KnowsWhereAlphaWas) {
  const auto had_alpha = [](const PngKind& kind, const std::vector<uint8_t>& palette = {}) {
    return decode_image(make_png(kind, 1, 1, {{0, 0, 0, 0}}, palette), "test").had_alpha;
  };
  EXPECT_TRUE(had_alpha({.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}));
  EXPECT_TRUE(had_alpha({.colour_type = PNG_COLOR_TYPE_RGB_ALPHA, .orientation = 6}));
  EXPECT_TRUE(had_alpha({.transparent = true}));
  EXPECT_TRUE(had_alpha({.colour_type = PNG_COLOR_TYPE_PALETTE, .transparent = true}, {1, 2, 3, 4, 5, 6}));
  EXPECT_FALSE(had_alpha({.colour_type = PNG_COLOR_TYPE_PALETTE}, {1, 2, 3, 4, 5, 6}));
  EXPECT_FALSE(had_alpha({.colour_type = PNG_COLOR_TYPE_RGB}));
}

TEST(Png, ReadsInterlacedAsPlain) {
  for (const int colour_type : {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_RGB}) {
    const int channels = colour_type == PNG_COLOR_TYPE_RGB ? 3 : 1;
    std::vector<std::vector<uint8_t>> rows;
    for (int y = 0; y < 13; ++y) {
      rows.emplace_back();
      for (int i = 0; i < 11 * channels; ++i) rows.back().push_back(static_cast<uint8_t>(y * 16 + i * 5));
    }
    const Image plain = decode_image(make_png({.colour_type = colour_type}, 11, 13, rows), "test");
    const Image interlaced =
        decode_image(make_png({.colour_type = colour_type, .interlaced = true}, 11, 13, rows), "test");
    EXPECT_EQ(plain, interlaced);
    EXPECT_EQ(plain.at(3, 5, channels - 1), rows[5][static_cast<size_t>(3 * channels + channels - 1)]);
  }
}

TEST(Png, WritesWhatItReads) {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    for (const int bit_depth : {8, 16}) {
      Image image(7, 5, channels, bit_depth);
      for (size_t i = 0; i < image.levels.size(); ++i) {
        image.levels[i] = static_cast<uint16_t>(i * 2503 & static_cast<size_t>(image.max_level()));
      }
      write_png(folder / "a.png", image);
      EXPECT_EQ(read_image(folder / "a.png"), image) << channels << " channels, " << bit_depth << " bit";
    }
  }
  EXPECT_THROW(encode_png(Image{}), ShapeError);
}

TEST(Png, KeepsTheSpacingOfItsPixels) {
  Image image(3, 2, 1);
  image.density = {11811, 5906};
  EXPECT_EQ(decode_image(encode_png(image), "a.png").density, image.density);
  EXPECT_EQ(decode_image(encode_png(Image(3, 2, 1)), "a.png").density, PixelDensity{});
}

// A spacing of 0 along one axis says nothing about the pixels: it is taken as not known, as if no spacing
// were there.
TEST(Png, TakesASpacingWithAZeroAsUnknown) {
  Image image(3, 2, 1);
  image.density = {11811, 5906};
  std::vector<uint8_t> bytes = encode_png(image);
  constexpr std::string_view kType = "pHYs";
  const auto type = std::search(bytes.begin(), bytes.end(), kType.begin(), kType.end());
  ASSERT_NE(type, bytes.end());
  std::fill_n(type + 4, 4, uint8_t{0});  // x
  const uLong crc = crc32_z(0, &*type, 4 + 9);
  for (int i = 0; i < 4; ++i) *(type + 13 + i) = static_cast<uint8_t>(crc >> (24 - 8 * i));
  EXPECT_EQ(decode_image(bytes, "a.png").density, PixelDensity{});
}

TEST(Jpeg, ReadsTheSpacingOfItsPixels) {
  // JFIF: FF D8 FF E0, u16 length, "JFIF\0", u16 version, u8 unit (1 inch, 2 centimetre), u16 x, u16 y
  const auto density = [](uint8_t unit, uint8_t x, uint8_t y) {
    std::vector<uint8_t> bytes = make_jpeg({}, 2, 2, {10, 20, 30, 40});
    bytes[13] = unit;
    bytes[14] = bytes[16] = 0;
    bytes[15] = x;
    bytes[17] = y;
    return decode_image(bytes, "a.jpg").density;
  };
  EXPECT_EQ(density(2, 40, 20), (PixelDensity{4000, 2000}));
  EXPECT_EQ(density(1, 254, 127), (PixelDensity{10000, 5000}));
  EXPECT_EQ(density(1, 0, 127), PixelDensity{});
  EXPECT_EQ(density(1, 254, 0), PixelDensity{});
  EXPECT_EQ(density(0, 254, 127), PixelDensity{});
}

TEST(Jpeg, ReadsGreyColourProgressiveAndArithmetic) {
  for (const int channels : {1, 3}) {
    const std::vector<uint8_t> pixels = slope(40, 24, channels);
    for (const JpegKind& kind :
         {JpegKind{.channels = channels}, JpegKind{.channels = channels, .progressive = true},
          JpegKind{.channels = channels, .arithmetic = true}}) {
      const Image image = decode_image(make_jpeg(kind, 40, 24, pixels), "test");
      EXPECT_EQ(image.width, 40);
      EXPECT_EQ(image.height, 24);
      EXPECT_EQ(image.channels, channels);
      EXPECT_LE(worst_difference(image, pixels), 6.0);  // measured 4: what quality 95 loses
    }
  }
}

TEST(Jpeg, TurnsInvertedCmykIntoRgb) {
  // Stored inverted: 255 - C, 255 - M, 255 - Y, 255 - K. Flat, so that the compression loses next to nothing.
  std::vector<uint8_t> cmyk;
  for (int i = 0; i < 16 * 16; ++i) cmyk.insert(cmyk.end(), {200, 100, 50, 128});
  for (const bool ycck : {false, true}) {
    const Image image =
        decode_image(make_jpeg({.channels = 4, .ycck = ycck, .quality = 100}, 16, 16, cmyk), "test");
    ASSERT_EQ(image.channels, 3);
    EXPECT_NEAR(image.at(8, 8, 0), 200.0 * 128 / 255, 2.0);
    EXPECT_NEAR(image.at(8, 8, 1), 100.0 * 128 / 255, 2.0);
    EXPECT_NEAR(image.at(8, 8, 2), 50.0 * 128 / 255, 2.0);
  }
}

// A 2 x 3 scene, levels 0..5 (times 40), as a camera stores it under each orientation.
TEST(Exif, EveryOrientationComesOutUpright) {
  struct Case {
    int orientation, width, height;
    std::vector<uint8_t> stored;
  };
  const std::vector<Case> cases{{1, 2, 3, {0, 1, 2, 3, 4, 5}}, {2, 2, 3, {1, 0, 3, 2, 5, 4}},
                                {3, 2, 3, {5, 4, 3, 2, 1, 0}}, {4, 2, 3, {4, 5, 2, 3, 0, 1}},
                                {5, 3, 2, {0, 2, 4, 1, 3, 5}}, {6, 3, 2, {1, 3, 5, 0, 2, 4}},
                                {7, 3, 2, {5, 3, 1, 4, 2, 0}}, {8, 3, 2, {4, 2, 0, 5, 3, 1}}};
  for (const Case& c : cases) {
    std::vector<std::vector<uint8_t>> rows;
    for (int y = 0; y < c.height; ++y) {
      rows.emplace_back();
      for (int x = 0; x < c.width; ++x) {
        rows.back().push_back(static_cast<uint8_t>(40 * c.stored[static_cast<size_t>(y * c.width + x)]));
      }
    }
    const Image image =
        decode_image(make_png({.orientation = c.orientation}, c.width, c.height, rows), "test");
    EXPECT_EQ(image.width, 2) << c.orientation;
    EXPECT_EQ(image.levels, (std::vector<uint16_t>{0, 40, 80, 120, 160, 200})) << c.orientation;
  }
}

TEST(Exif, IsReadFromJpegInBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    const std::vector<uint8_t> pixels = slope(24, 8, 1);
    const Image image =
        decode_image(make_jpeg({.orientation = 6, .big_endian = big_endian}, 24, 8, pixels), "test");
    EXPECT_EQ(image.width, 8);
    EXPECT_EQ(image.height, 24);
    EXPECT_NEAR(image.at(0, 0), pixels[7 * 24], 4.0);  // bottom left becomes top left
  }
}

TEST(ImageErrors, NameTheFileAndWhatWasFound) {
  const TemporaryFolder folder;
  const auto message_for = [&](const std::string& name, const std::vector<uint8_t>& bytes) {
    write_file_atomically(folder / name, bytes);
    std::string message = message_of<DataError>([&] { read_image(folder / name); });
    EXPECT_NE(message.find((folder / name).string()), std::string::npos) << "'" << message << "'";
    return message;
  };
  EXPECT_THROW(read_image(folder / "none.png"), IoError);
  EXPECT_THROW(read_image(folder.path()), IoError);
  EXPECT_NE(message_for("empty.png", {}).find("empty"), std::string::npos);
  EXPECT_NE(message_for("text.png", {'h', 'e', 'l', 'l', 'o'}).find("68 65 6c 6c 6f"), std::string::npos);
  EXPECT_NE(message_for("a.jpg", {'G', 'I', 'F', '8', '9', 'a'}).find("GIF"), std::string::npos);
  EXPECT_NE(message_for("short.png", {0x89, 'P', 'N', 'G'}).find("truncated"), std::string::npos);
  EXPECT_NE(message_for("short.jpg", {0xff, 0xd8, 0xff}).find("truncated"), std::string::npos);
}

TEST(ImageErrors, DevicesAreNoPictures) {
  for (const char* device : {"/dev/zero", "/dev/null"}) {
    const std::string message = message_of<DataError>([&] { read_image(device); });
    EXPECT_NE(message.find(std::string(device) + " is a device"), std::string::npos) << message;
  }
}

TEST(ImageErrors, EveryTruncationIsFound) {
  std::vector<std::vector<uint8_t>> rows(20, std::vector<uint8_t>(20));
  for (size_t y = 0; y < 20; ++y) {
    for (size_t x = 0; x < 20; ++x) rows[y][x] = static_cast<uint8_t>(x * y);
  }
  const std::vector<std::vector<uint8_t>> files{
      make_png({}, 20, 20, rows), make_png({.interlaced = true}, 20, 20, rows),
      make_jpeg({}, 40, 24, slope(40, 24, 1)),
      make_jpeg({.channels = 3, .progressive = true}, 40, 24, slope(40, 24, 3))};
  for (const std::vector<uint8_t>& file : files) {
    EXPECT_NO_THROW(decode_image(file, "test"));
    const bool is_png = file[0] == 0x89;  // whole without its IEND chunk: picture_structure_test.cpp
    for (size_t n = 0; n < file.size() - (is_png ? 12 : 0); ++n) {
      EXPECT_THROW(decode_image(std::span(file).first(n), "test"), DataError) << n << " of " << file.size();
    }
  }
}

TEST(ImageErrors, ATruncationSaysHowFarThePictureGoes) {
  std::vector<std::vector<uint8_t>> rows(64, std::vector<uint8_t>(64));
  for (size_t y = 0; y < 64; ++y) {
    for (size_t x = 0; x < 64; ++x)
      rows[y][x] = static_cast<uint8_t>(97 * x * y + 31 * x);  // compresses badly
  }
  const auto message_for = [](const std::vector<uint8_t>& file, size_t n) {
    return message_of<DataError>([&] { decode_image(std::span(file).first(n), "cut"); });
  };
  const std::vector<uint8_t> png = make_png({}, 64, 64, rows);
  EXPECT_NE(message_for(png, png.size() - 13).find(" of 64, expected the IEND"), std::string::npos);
  EXPECT_NE(message_for(png, 20).find("its 20 bytes end inside the IHDR chunk"), std::string::npos);
  const std::vector<uint8_t> jpeg = make_jpeg({}, 40, 24, slope(40, 24, 1));
  EXPECT_NE(message_for(jpeg, jpeg.size() - 60).find(" of 24, expected the end marker"), std::string::npos)
      << message_for(jpeg, jpeg.size() - 60);
}

// Any single damaged byte either leaves a picture or gives a DataError; under the sanitizers this is where a
// leak, an overrun or a jump over a destructor would show.
TEST(ImageErrors, EveryDamagedByteIsSurvived) {
  std::vector<std::vector<uint8_t>> rows(9, std::vector<uint8_t>(9 * 3));
  for (size_t y = 0; y < 9; ++y) {
    for (size_t i = 0; i < 27; ++i) rows[y][i] = static_cast<uint8_t>(7 * i + 5 * y);
  }
  const std::vector<std::vector<uint8_t>> files{
      make_png({.colour_type = PNG_COLOR_TYPE_RGB, .orientation = 6}, 9, 9, rows),
      make_jpeg({.channels = 3, .orientation = 8}, 17, 9, slope(17, 9, 3)),
      make_jpeg({.channels = 4, .ycck = true, .progressive = true}, 17, 9, slope(17, 9, 4))};
  size_t refused = 0;
  for (const std::vector<uint8_t>& file : files) {
    for (size_t i = 0; i < file.size(); ++i) {
      for (const uint8_t flip : std::initializer_list<uint8_t>{0xff, 0x01, 0x80}) {
        std::vector<uint8_t> damaged = file;
        damaged[i] ^= flip;
        try {
          decode_image(damaged, "test");
        } catch (const DataError&) {
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(ImageErrors, AbsurdExtentsAreRefusedBeforeAllocation) {
  // A true PNG header whose extents are overwritten; libpng checks the CRC first, so it is made anew.
  const auto with_extent = [](uint32_t width, uint32_t height) {
    std::vector<uint8_t> png = make_png({}, 1, 1, {{0}});
    for (size_t i = 0; i < 4; ++i) {
      png[16 + i] = static_cast<uint8_t>(width >> (24 - 8 * i));
      png[20 + i] = static_cast<uint8_t>(height >> (24 - 8 * i));
    }
    uint32_t crc = 0xffffffff;
    for (size_t i = 12; i < 29; ++i) {
      crc ^= png[i];
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    }
    crc = ~crc;
    for (size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    return png;
  };
  const std::string absurd =
      message_of<DataError>([&] { decode_image(with_extent(2000000, 2000000), "big.png"); });
  EXPECT_NE(absurd.find("2000000 x 2000000"), std::string::npos) << absurd;
  EXPECT_NE(absurd.find("as 16384 x 16384"), std::string::npos) << absurd;
  const std::string lying =
      message_of<DataError>([&] { decode_image(with_extent(16384, 16384), "big.png"); });
  EXPECT_NE(lying.find("more than its"), std::string::npos) << lying;

  std::vector<uint8_t> jpeg = make_jpeg({}, 16, 16, slope(16, 16, 1));
  for (size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) jpeg[i + 5] = jpeg[i + 7] = 0xf0;  // height, width: 61456
  }
  const std::string large = message_of<DataError>([&] { decode_image(jpeg, "big.jpg"); });
  EXPECT_NE(large.find("61456 x 61456"), std::string::npos) << large;
}

TEST(ImageErrors, APictureOfManyScansIsRefused) {
  const std::vector<uint8_t> file = make_jpeg({.progressive = true}, 16, 16, slope(16, 16, 1));
  // The first scan (from its SOS marker to the next marker) carries the DC terms; it may come again and
  // again.
  size_t begin = 0;
  while (file[begin] != 0xff || file[begin + 1] != 0xda) ++begin;
  size_t end = begin + 2;
  while (file[end] != 0xff || file[end + 1] == 0) ++end;
  const std::vector<uint8_t> scan(file.data() + begin, file.data() + end);
  const auto repeated = [&](int times) {
    std::vector<uint8_t> long_file = file;
    for (int i = 0; i < times; ++i) {
      long_file.insert(long_file.begin() + static_cast<ptrdiff_t>(end), scan.begin(), scan.end());
    }
    return long_file;
  };
  EXPECT_NO_THROW(decode_image(repeated(100), "scans.jpg"));
  const std::string message = message_of<DataError>([&] { decode_image(repeated(600), "scans.jpg"); });
  EXPECT_NE(message.find("500 scans"), std::string::npos) << message;
}

TEST(Image, RefusesWrongExtents) {
  EXPECT_THROW(Image(0, 1, 1), ShapeError);
  EXPECT_THROW(Image(1, -1, 1), ShapeError);
  EXPECT_THROW(Image(int64_t{1} << 20, int64_t{1} << 20, 1), ShapeError);
  EXPECT_THROW(Image(1, 1, 2), ShapeError);
  EXPECT_THROW(Image(1, 1, 1, 12), ShapeError);
}

TEST(Image, KnowsItsExtensions) {
  EXPECT_TRUE(has_image_extension("a/b.JPEG"));
  EXPECT_TRUE(has_image_extension("b.jpg"));
  EXPECT_TRUE(has_image_extension("b.Png"));
  EXPECT_TRUE(has_image_extension("b.tif"));
  EXPECT_TRUE(has_image_extension("b.WebP"));
  EXPECT_FALSE(has_image_extension("b.npy"));  // read, but not taken from a folder as a data set
  EXPECT_FALSE(has_image_extension("b.txt"));
  EXPECT_FALSE(has_image_extension("png"));
}

}  // namespace
}  // namespace primal
