// Transparency, colour profiles and resolution: what comes back from files, what other formats get, what is
// left out.
#include "data/image/extras.h"

#include <cstring>
#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "data/image/exif_density.h"
#include "data/image/raster/alpha.h"
#include "data/image/raster/upright.h"
#include "support/raster_files.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::append_number;
using testing::append_text;
using testing::FileBytes;

// The header of a profile, which is all that is looked at.
FileBytes profile(const char* space, size_t length = 132) {
  FileBytes bytes(length, 0);
  for (int i = 0; i < 4; ++i) bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(length >> (24 - 8 * i));
  std::memcpy(bytes.data() + 16, space, 4);
  std::memcpy(bytes.data() + 36, "acsp", 4);
  return bytes;
}

Raster picture(PictureFormat format, SampleType type, int channels, int64_t pages = 1) {
  Raster raster{.format = format,
                .width = 19,
                .height = 18,
                .pages = pages,
                .channels = channels,
                .type = type,
                .white = usual_white(type)};
  allocate(raster);
  raster.alpha.resize(raster.samples.size() / static_cast<size_t>(channels));
  uint8_t value = 1;
  for (uint8_t& byte : raster.samples)
    byte = static_cast<uint8_t>(value = static_cast<uint8_t>(value * 5 + 7)) & 0x3f;
  for (uint8_t& byte : raster.alpha)
    byte = static_cast<uint8_t>(value = static_cast<uint8_t>(value * 5 + 7)) & 0x3f;
  raster.meaning.profile = profile(channels == 3 ? "RGB " : "GRAY");
  return raster;
}

bool is_built(PictureFormat format) {
  try {
    check_library(format, "");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

TEST(Extras, PngKeepsAlphaProfileAndMeaning) {
  for (const int channels : {1, 3}) {
    for (const SampleType type : {SampleType::u8, SampleType::u16}) {
      Raster raster = picture(PictureFormat::png, type, channels);
      raster.meaning.gamma = 100000;
      raster.meaning.chromaticities = {31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000};
      const Raster again = decode_raster(encode_raster(raster, PictureFormat::png), "a");
      EXPECT_EQ(again.samples, raster.samples);
      EXPECT_EQ(again.alpha, raster.alpha);
      EXPECT_EQ(again.meaning, raster.meaning);
      EXPECT_TRUE(again.had_alpha);
      // As an Image, for training, it is without.
      EXPECT_EQ(decode_image(encode_raster(raster, PictureFormat::png), "a").channels, channels);
    }
  }
  Raster plain = picture(PictureFormat::png, SampleType::u8, 3);
  plain.alpha.clear();
  plain.meaning = {.rendering_intent = uint8_t{2}};
  const Raster again = decode_raster(encode_raster(plain, PictureFormat::png), "a");
  EXPECT_TRUE(again.alpha.empty());
  EXPECT_FALSE(again.had_alpha);
  EXPECT_EQ(again.meaning.rendering_intent, 2);
}

TEST(Extras, TiffKeepsAlphaOfEveryTypeAndLayout) {
  if (!is_built(PictureFormat::tiff)) GTEST_SKIP() << "a build without libtiff";
  for (const SampleType type :
       {SampleType::u8, SampleType::i16, SampleType::u16, SampleType::u32, SampleType::f32}) {
    for (const int channels : {1, 3}) {
      for (const uint32_t tile : {0u, 16u}) {
        for (const bool is_associated : {false, true}) {
          Raster raster = picture(PictureFormat::tiff, type, channels, 2);
          raster.alpha_is_associated = is_associated;
          raster.origin = TiffOrigin{.big_endian = true,
                                     .white_is_zero = channels == 1 && type == SampleType::u16,
                                     .tile_width = tile,
                                     .tile_height = tile};
          const Raster again = decode_raster(encode_raster(raster, PictureFormat::tiff), "a");
          EXPECT_EQ(again.samples, raster.samples) << name_of(type) << channels << tile;
          EXPECT_EQ(again.alpha, raster.alpha) << name_of(type) << channels << tile;
          EXPECT_EQ(again.alpha_is_associated, is_associated);
          EXPECT_EQ(again.meaning.profile, raster.meaning.profile);
        }
      }
    }
  }
}

TEST(Extras, WebpKeepsAlphaAndTheColoursBelow) {
  if (!is_built(PictureFormat::webp)) GTEST_SKIP() << "a build without libwebp";
  Raster raster = picture(PictureFormat::webp, SampleType::u8, 3);
  std::fill_n(raster.alpha.begin(), 50, uint8_t{0});
  const Raster again = decode_raster(encode_raster(raster, PictureFormat::webp), "a");
  EXPECT_EQ(again.samples, raster.samples);
  EXPECT_EQ(again.alpha, raster.alpha);
  EXPECT_EQ(again.meaning.profile, raster.meaning.profile);
}

TEST(Extras, OtherFormatsGetAlphaInTheirSamples) {
  const std::vector<float> floats{0.0f, 0.25f, 1.0f, 2.0f};
  FileBytes bytes;
  for (const float value : floats) append_number(bytes, value, kNativeIsBig);
  EXPECT_EQ(alpha_as(SampleType::u8, SampleType::f32, bytes), (FileBytes{0, 64, 255, 255}));
  const FileBytes wide = alpha_as(SampleType::u16, SampleType::u8, FileBytes{0, 1, 255});
  uint16_t one;
  std::memcpy(&one, wide.data() + 2, 2);
  EXPECT_EQ(one, 257);
  // Colours that were multiplied by 0.5 are divided by it where the format has straight ones.
  Raster raster = picture(PictureFormat::tiff, SampleType::u8, 3);
  raster.alpha_is_associated = true;
  raster.samples[0] = 50;
  raster.samples[3] = 200;
  raster.alpha[0] = raster.alpha[1] = 127;
  raster.alpha[2] = 0;
  const Raster straight = fitted(raster, PictureFormat::png, 0.0, 255.0, "a");
  EXPECT_EQ(straight.samples[0], 100);
  EXPECT_EQ(straight.samples[3], 255);
  EXPECT_EQ(straight.samples[6], 0);
  EXPECT_EQ(straight.alpha, raster.alpha);
  EXPECT_FALSE(straight.alpha_is_associated);
  EXPECT_EQ(fitted(raster, PictureFormat::tiff, 0.0, 255.0, "a").samples, raster.samples);
}

std::vector<std::string> remarks_of(const Raster& raster, PictureFormat format) {
  std::vector<std::string> all;
  for (const Loss& loss : lost_in(raster, format)) all.push_back(loss.remark);
  return all;
}

TEST(Extras, RemarksSayWhatIsLeftOut) {
  using List = std::vector<std::string>;
  Raster raster = picture(PictureFormat::png, SampleType::u8, 3);
  EXPECT_EQ(remarks_of(raster, PictureFormat::png), List{});
  EXPECT_EQ(remarks_of(raster, PictureFormat::pnm), (List{"its transparency is left out: pnm holds none",
                                                          "its colour profile is left out: pnm holds none"}));
  raster.meaning.gamma = 1;
  EXPECT_EQ(remarks_of(raster, PictureFormat::tiff),
            (List{"its gamma and chromaticities are left out: tiff holds none"}));
  raster = grey(raster);
  raster.meaning.gamma.reset();
  EXPECT_EQ(remarks_of(raster, PictureFormat::png),
            (List{"its colour profile is left out: it is for RGB, and the result is grey"}));
  EXPECT_TRUE(fitted(raster, PictureFormat::png, 0.0, 255.0, "a").meaning.profile.empty());
  EXPECT_TRUE(fitted(raster, PictureFormat::pnm, 0.0, 255.0, "a").alpha.empty());
}

TEST(Extras, ProfilesAreJudged) {
  ColourMeaning meaning;
  std::vector<std::string> remarks;
  take_profile(meaning, {}, 3, remarks);
  EXPECT_TRUE(remarks.empty());
  take_profile(meaning, FileBytes(200, 7), 3, remarks);
  take_profile(meaning, profile("CMYK"), 3, remarks);
  take_profile(meaning, profile("GRAY"), 3, remarks);
  take_profile(meaning, profile("RGB ", kMaxProfileBytes + 1), 3, remarks);
  FileBytes short_one = profile("RGB ");
  short_one.pop_back();  // its header promises one byte more
  take_profile(meaning, short_one, 3, remarks);
  EXPECT_EQ(remarks.size(), 5u);
  EXPECT_TRUE(meaning.profile.empty());
  take_profile(meaning, profile("RGB "), 3, remarks);
  EXPECT_EQ(meaning.profile, profile("RGB "));
  EXPECT_EQ(remarks.size(), 5u);
}

TEST(Extras, AlphaTurnsWithThePicture) {
  Raster raster = picture(PictureFormat::tiff, SampleType::u16, 1);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    Raster alpha = raster;
    alpha.samples = raster.alpha;
    alpha.alpha.clear();
    EXPECT_EQ(codec::upright(raster, orientation).alpha, codec::upright(alpha, orientation).samples)
        << orientation;
  }
}

// A directory of XResolution 300, YResolution 150/2 and, where it is not 0, the unit.
FileBytes exif(uint16_t unit, bool big_endian, uint32_t denominator = 2) {
  FileBytes out;
  append_text(out, big_endian ? "MM" : "II");
  append_number<uint16_t>(out, 42, big_endian);
  append_number<uint32_t>(out, 8, big_endian);
  append_number<uint16_t>(out, unit == 0 ? 2 : 3, big_endian);
  const uint32_t values = 8 + 2 + (unit == 0 ? 2u : 3u) * 12 + 4;
  for (const uint16_t tag : {uint16_t{0x011a}, uint16_t{0x011b}}) {
    append_number(out, tag, big_endian);
    append_number<uint16_t>(out, 5, big_endian);
    append_number<uint32_t>(out, 1, big_endian);
    append_number<uint32_t>(out, tag == 0x011a ? values : values + 8, big_endian);
  }
  if (unit != 0) {
    for (const uint16_t half : {uint16_t{0x0128}, uint16_t{3}}) append_number(out, half, big_endian);
    append_number<uint32_t>(out, 1, big_endian);
    append_number(out, unit, big_endian);
    append_number<uint16_t>(out, 0, big_endian);
  }
  append_number<uint32_t>(out, 0, big_endian);
  for (const uint32_t number : {300u, 1u, 150u, denominator}) append_number(out, number, big_endian);
  return out;
}

TEST(Extras, ExifSaysTheResolution) {
  for (const bool big_endian : {false, true}) {
    EXPECT_EQ(codec::exif_density(exif(0, big_endian)), (PixelDensity{11811, 2953}));
    EXPECT_EQ(codec::exif_density(exif(2, big_endian)), (PixelDensity{11811, 2953}));
    EXPECT_EQ(codec::exif_density(exif(3, big_endian)), (PixelDensity{30000, 7500}));
    EXPECT_EQ(codec::exif_density(exif(1, big_endian)), PixelDensity{});
    EXPECT_EQ(codec::exif_density(exif(2, big_endian, 0)), PixelDensity{});
    const FileBytes whole = exif(2, big_endian);
    for (size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(codec::exif_density({whole.data(), n}).is_known()) << n;
  }
}

}  // namespace
}  // namespace primal
