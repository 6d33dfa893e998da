// WebP: round trips, orientation and resolution of EXIF and XMP, damaged files.
#include <cmath>
#include <gtest/gtest.h>

#include "support/memory.h"
#include "support/raster_checks.h"

namespace primal {
namespace {

using testing::has;

using namespace testing;

class Webp : public ::testing::Test {
  void SetUp() override {
    if (!is_built(PictureFormat::webp)) GTEST_SKIP() << "a build without libwebp";
  }
};

TEST_F(Webp, LosslessComesBack) {
  const Raster raster = ramp(SampleType::u8, 1);
  const FileBytes file =
      encode_raster(fitted(raster, PictureFormat::webp, 0.0, 255.0, "a"), PictureFormat::webp);
  const Raster again = grey(decode_raster(file, "test"));
  EXPECT_EQ(again.format, PictureFormat::webp);
  EXPECT_EQ(again.samples, raster.samples);
  EXPECT_FALSE(has_colour(decode_raster(file, "test")));
  const Raster colour = ramp(SampleType::u8, 1, 9, 8, 3);
  EXPECT_EQ(decode_raster(encode_raster(colour, PictureFormat::webp), "test").samples, colour.samples);
  EXPECT_THROW(fitted(ramp(SampleType::u16, 1), PictureFormat::webp, 0.0, 1.0, "a"), DataError);
}

// An EXIF block with the orientation and a resolution of `x` and `y` pixels in each centimetre.
FileBytes exif_block(int orientation, uint32_t x, uint32_t y, bool big_endian) {
  FileBytes out(2, big_endian ? 'M' : 'I');
  append_number<uint16_t>(out, 42, big_endian);
  append_number<uint32_t>(out, 8, big_endian);
  append_number<uint16_t>(out, 4, big_endian);
  const auto entry = [&](uint16_t tag, uint16_t type, uint32_t value) {
    append_number(out, tag, big_endian);
    append_number(out, type, big_endian);
    append_number<uint32_t>(out, 1, big_endian);
    if (type == 3) {
      append_number(out, static_cast<uint16_t>(value), big_endian);
      append_number<uint16_t>(out, 0, big_endian);
    } else {
      append_number(out, value, big_endian);
    }
  };
  constexpr uint32_t kBehindEntries = 8 + 2 + 4 * 12 + 4;
  entry(0x0112, 3, static_cast<uint32_t>(orientation));
  entry(0x011a, 5, kBehindEntries);
  entry(0x011b, 5, kBehindEntries + 8);
  entry(0x0128, 3, 3);
  for (const uint32_t number : {0u, x, 1u, y, 1u}) append_number(out, number, big_endian);
  return out;
}

FileBytes exif_of(int orientation) { return exif_block(orientation, 0, 0, false); }

FileBytes xmp_of(int orientation) {
  FileBytes out;
  append_text(out, "<rdf:Description tiff:Orientation=\"" + std::to_string(orientation) + "\"/>");
  return out;
}

constexpr uint8_t kXmpFlag = 4, kExifFlag = 8;

// The header of an extended file, and the picture of a plain one.
WebpChunk webp_header(const Raster& raster, int flags) {
  const auto w = static_cast<uint8_t>(raster.width - 1), h = static_cast<uint8_t>(raster.height - 1);
  return {"VP8X", {static_cast<uint8_t>(flags), 0, 0, 0, w, 0, 0, h, 0, 0}};
}
WebpChunk webp_picture(const Raster& raster) {
  const FileBytes plain = encode_raster(raster, PictureFormat::webp);
  return {"VP8L", FileBytes(plain.begin() + 20, plain.end())};
}

TEST_F(Webp, TheOrientationOfExifIsApplied) {
  const Raster raster = ramp(SampleType::u8, 1, 2, 3, 3);
  const WebpChunk picture = webp_picture(raster);
  // The pixels of 3 x 2 in the order in which they are seen, by the table in data/image/upright.cpp.
  const std::vector<std::vector<size_t>> orders{{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0},
                                                {3, 4, 5, 0, 1, 2}, {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2},
                                                {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      for (const char* start : {"", "Exif\0\0"}) {
        FileBytes block;
        append_text(block, std::string(start, start[0] == '\0' ? 0 : 6));
        const FileBytes exif = exif_block(orientation, 100, 50, big_endian);
        block.insert(block.end(), exif.begin(), exif.end());
        const Raster read =
            decode_raster(make_webp({webp_header(raster, kExifFlag), picture, {"EXIF", block}}), "test");
        const bool is_turned = orientation >= 5;
        EXPECT_EQ(read.width, is_turned ? 2 : 3) << orientation;
        FileBytes expected;
        for (const size_t pixel : orders[static_cast<size_t>(orientation) - 1]) {
          for (size_t c = 0; c < 3; ++c) expected.push_back(raster.samples[3 * pixel + c]);
        }
        EXPECT_EQ(read.samples, expected) << orientation;
        EXPECT_EQ(read.density, (is_turned ? PixelDensity{5000, 10000} : PixelDensity{10000, 5000}));
        EXPECT_EQ(image_of(read, "test").density, read.density);
      }
    }
  }
}

TEST_F(Webp, TransparencyTurnsWithTheColours) {
  Raster raster = ramp(SampleType::u8, 1, 2, 3, 3);
  raster.had_alpha = true;
  raster.alpha = {10, 20, 30, 40, 50, 60};
  constexpr int kAlphaFlag = 16;
  const Raster read = decode_raster(
      make_webp({webp_header(raster, kExifFlag | kAlphaFlag), webp_picture(raster), {"EXIF", exif_of(6)}}),
      "test");
  EXPECT_EQ(read.alpha, (FileBytes{40, 10, 50, 20, 60, 30}));
}

TEST_F(Webp, TheFirstBlockThatIsAnnouncedSaysTheOrientation) {
  const Raster raster = ramp(SampleType::u8, 1, 2, 3, 3);
  const WebpChunk picture = webp_picture(raster), six{"EXIF", exif_of(6)}, one{"EXIF", exif_of(1)},
                  xmp_six{"XMP ", xmp_of(6)}, xmp_one{"XMP ", xmp_of(1)}, none{"EXIF", {'I', 'I', 42}};
  const auto is_turned = [&](int flags, std::vector<WebpChunk> chunks) {
    chunks.insert(chunks.begin(), webp_header(raster, flags));
    return decode_raster(make_webp(chunks), "test").width == 2;
  };
  EXPECT_TRUE(is_turned(kExifFlag, {six, picture}));
  EXPECT_TRUE(is_turned(kExifFlag, {picture, {"abcd", {1, 2, 3}}, six}));
  EXPECT_TRUE(is_turned(kExifFlag, {picture, six, one}));
  EXPECT_FALSE(is_turned(kExifFlag, {picture, one, six}));
  EXPECT_FALSE(is_turned(0, {picture, six}));
  EXPECT_TRUE(is_turned(kXmpFlag, {picture, xmp_six}));
  EXPECT_TRUE(is_turned(kXmpFlag, {picture, xmp_six, xmp_one}));
  EXPECT_FALSE(is_turned(0, {picture, xmp_six}));
  EXPECT_FALSE(is_turned(kExifFlag | kXmpFlag, {picture, one, xmp_six}));
  EXPECT_TRUE(is_turned(kExifFlag | kXmpFlag, {picture, none, xmp_six}));
  // Only an extended file has other chunks than its picture.
  EXPECT_EQ(decode_raster(make_webp({picture, six}), "test").width, 3);
}

TEST_F(Webp, ChunksThatLieAboutTheirLengthAreNoOrientation) {
  const Raster raster = ramp(SampleType::u8, 1, 2, 3, 3);
  const FileBytes file =
      make_webp({webp_header(raster, kExifFlag), webp_picture(raster), {"EXIF", exif_of(6)}});
  const size_t length_at = file.size() - exif_of(6).size() - 4;
  ASSERT_EQ(decode_raster(file, "test").width, 2);
  for (const uint32_t length : {0u, 1u, 9u, 1000u, 0x7fffffffu, 0xfffffff7u, 0xffffffffu}) {
    FileBytes lie = file;
    std::memcpy(lie.data() + length_at, &length, 4);
    EXPECT_EQ(decode_raster(lie, "test").width, 3) << length;
  }
  // The same past the end that the file states.
  FileBytes shorter = file;
  const auto end = static_cast<uint32_t>(length_at - 4 - 8);
  std::memcpy(shorter.data() + 4, &end, 4);
  EXPECT_EQ(decode_raster(shorter, "test").width, 3);
}

// One block too many made its profile unreadable too.
TEST_F(Webp, AProfileIsReadBesideTwoBlocksOfExif) {
  const Raster raster = ramp(SampleType::u8, 1, 2, 3, 3);
  FileBytes profile(128);
  profile[3] = 128;
  std::memcpy(profile.data() + 16, "RGB ", 4);
  std::memcpy(profile.data() + 36, "acsp", 4);
  constexpr int kProfileFlag = 32;
  const WebpChunk exif{"EXIF", exif_of(6)};
  const Raster read = decode_raster(make_webp({webp_header(raster, kExifFlag | kProfileFlag),
                                               {"ICCP", profile},
                                               webp_picture(raster),
                                               exif,
                                               exif}),
                                    "test");
  EXPECT_EQ(read.meaning.profile, profile);
  EXPECT_EQ(read.width, 2);
}

TEST_F(Webp, EveryTruncationAndDamageIsSurvived) {
  const Raster raster = ramp(SampleType::u8, 1, 12, 9, 3);
  const FileBytes extended = make_webp({webp_header(raster, kExifFlag | kXmpFlag),
                                        webp_picture(raster),
                                        {"EXIF", exif_of(6)},
                                        {"XMP ", xmp_of(3)}});
  survives_damage(extended);
  const FileBytes file = encode_raster(raster, PictureFormat::webp);
  for (size_t n = 0; n + 1 < file.size(); ++n)  // the last byte may be the padding of its chunk
    EXPECT_THROW(decode_raster(std::span(file).first(n), "test"), DataError) << n << " of " << file.size();
  survives_damage(file);
}

TEST_F(Webp, LargeExtentsNeedAFileThatHoldsThem) {
  FileBytes file = encode_raster(ramp(SampleType::u8, 1, 12, 9, 3), PictureFormat::webp);
  // 14 bits of the width less one, 14 of the height, after the signature of a lossless picture.
  const uint32_t extents = 16382u | 16382u << 14;
  std::memcpy(file.data() + 21, &extents, 4);
  EXPECT_TRUE(has(problem(file), "can hold"));
  const std::optional<int64_t> growth = peak_growth([&] { decode_raster(file, "lie"); });
  if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
  EXPECT_LT(*growth, 16 * std::ssize(file) + kLibraries);
}

}  // namespace
}  // namespace primal
