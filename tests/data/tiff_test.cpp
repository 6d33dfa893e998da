// TIFF: hand-made files, round trips, damaged files. In a build without a library for some format: that the
// message names the package.
#include <cmath>
#include <gtest/gtest.h>

#include "support/memory.h"
#include "support/raster_checks.h"

namespace primal {
namespace {

using testing::has;

using namespace testing;
using List = std::vector<double>;

class Tiff : public ::testing::Test {
  void SetUp() override {
    if (!is_built(PictureFormat::tiff)) GTEST_SKIP() << "a build without libtiff";
  }
};

TEST(FormatsWithoutLibraries, NameThePackage) {
  const FileBytes tiff = make_tiff({{tiff_tags(1, 1, 8), {{7}}}});
  FileBytes webp{'R', 'I', 'F', 'F', 4, 0, 0, 0, 'W', 'E', 'B', 'P'};
  if (!is_built(PictureFormat::tiff)) {
    EXPECT_TRUE(has(problem(tiff), "libtiff-dev"));
    EXPECT_TRUE(has(message_of<DataError>([&] { decode_image(tiff, "test"); }), "libtiff-dev"));
  }
  if (!is_built(PictureFormat::webp)) {
    EXPECT_TRUE(has(problem(webp), "libwebp-dev"));
  }
  EXPECT_EQ(format_of(tiff), PictureFormat::tiff);
  EXPECT_EQ(format_of(webp), PictureFormat::webp);
}

TEST_F(Tiff, EveryTypePackingOrderAndLayoutComesBack) {
  for (const SampleType type :
       {SampleType::u8, SampleType::i8, SampleType::u16, SampleType::i16, SampleType::u32, SampleType::i32,
        SampleType::f16, SampleType::f32, SampleType::f64}) {
    for (const int compression : {1, 5, 8, 32773}) {
      for (const bool big_endian : {false, true}) {
        for (const uint32_t tile : {0u, 16u}) {
          Raster raster = ramp(type);
          const bool predicts = compression == 5 || compression == 8;
          const uint16_t predictor = !predicts ? 1 : is_float(type) ? 3 : 2;
          raster.origin = TiffOrigin{.big_endian = big_endian,
                                     .is_big_tiff = tile == 0,
                                     .compression = static_cast<uint16_t>(compression),
                                     .predictor = predictor,
                                     .tile_width = tile,
                                     .tile_height = tile};
          const FileBytes file = encode_raster(raster, PictureFormat::tiff);
          EXPECT_EQ(file[0], big_endian ? 'M' : 'I');
          const Raster again = decode_raster(file, "test");
          const std::string what = std::string(name_of(type)) + " " + std::to_string(compression);
          EXPECT_EQ(again.samples, raster.samples) << what;
          EXPECT_EQ(again.type, type);
          EXPECT_EQ(again.pages, 2);
          const auto& origin = std::get<TiffOrigin>(again.origin);
          EXPECT_EQ(origin.big_endian, big_endian);
          EXPECT_EQ(origin.is_big_tiff, tile == 0);
          EXPECT_EQ(origin.compression, compression);
          EXPECT_EQ(origin.predictor, predictor == 3 && big_endian != kNativeIsBig ? 1 : predictor);
          EXPECT_EQ(origin.tile_width, tile);
          EXPECT_EQ(encode_raster(again, PictureFormat::tiff), file) << what;
        }
      }
    }
  }
}

TEST_F(Tiff, TagsOfEveryPageAreKept) {
  Raster raster = ramp(SampleType::u16);
  TiffOrigin origin;
  origin.pages = {{"first", 300.0f, 150.0f, 2}, {"second", 0.0f, 0.0f, 2}};
  raster.origin = origin;
  const Raster again = decode_raster(encode_raster(raster, PictureFormat::tiff, {{"Software", "x"}}), "test");
  const auto& pages = std::get<TiffOrigin>(again.origin).pages;
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_EQ(pages[0].description, "first");
  EXPECT_EQ(pages[1].description, "second");
  EXPECT_EQ(pages[0].x_resolution, 300.0f);
  EXPECT_EQ(pages[0].y_resolution, 150.0f);
  EXPECT_EQ(pages[1].x_resolution, 0.0f);
  EXPECT_EQ(again.density, (PixelDensity{11811, 5906}));
}

TEST_F(Tiff, HandMadeFilesAreRead) {
  for (const bool big_endian : {false, true}) {
    const auto read = [&](std::vector<TiffTag> tags, std::vector<FileBytes> strips) {
      return values(decode_raster(make_tiff({{std::move(tags), std::move(strips)}}, big_endian), "test"));
    };
    EXPECT_EQ(read(tiff_tags(3, 1, 8), {{1, 2, 3}}), (List{1, 2, 3}));
    EXPECT_EQ(read(tiff_tags(2, 1, 16), {numbers<uint16_t>({1, 65535}, big_endian)}), (List{1, 65535}));
    EXPECT_EQ(read(tiff_tags(2, 1, 32, 3), {numbers<float>({-1.5f, 2.0f}, big_endian)}), (List{-1.5, 2}));
    EXPECT_EQ(read(tiff_tags(1, 1, 64, 3), {numbers<double>({1e300}, big_endian)}), (List{1e300}));
    // Zero is white: turned around, but not for signed samples.
    EXPECT_EQ(read(tiff_tags(2, 1, 8, 1, 0), {{0, 200}}), (List{255, 55}));
    EXPECT_EQ(read(tiff_tags(1, 1, 16, 2, 0), {numbers<int16_t>({-3}, big_endian)}), (List{-3}));
    EXPECT_EQ(read(tiff_tags(1, 2, 8, 1, 2, 3), {{1, 2, 3, 4, 5, 6}}), (List{1, 2, 3, 4, 5, 6}));
    // In planes.
    std::vector<TiffTag> planes = tiff_tags(2, 1, 8, 1, 2, 3);
    planes.insert(planes.begin() + 7, {284, 3, {2}});
    EXPECT_EQ(read(planes, {{1, 4}, {2, 5}, {3, 6}}), (List{1, 2, 3, 4, 5, 6}));
    // Grey with transparency, declared.
    std::vector<TiffTag> alpha = tiff_tags(2, 1, 8, 1, 1, 2);
    alpha.insert(alpha.end() - 1, {338, 3, {2}});
    EXPECT_EQ(read(alpha, {{7, 0, 9, 255}}), (List{7, 9}));
    // A second channel is not taken for transparency.
    std::vector<TiffTag> band = tiff_tags(2, 1, 8, 1, 1, 2);
    band.insert(band.end() - 1, {338, 3, {0}});
    EXPECT_THROW(read(band, {{7, 0, 9, 255}}), DataError);
    std::vector<TiffTag> turned = tiff_tags(2, 1, 8);
    turned.insert(turned.begin() + 5, {274, 3, {6}});
    EXPECT_EQ(read(turned, {{1, 2}}), (List{1, 2}));
    EXPECT_EQ(decode_raster(make_tiff({{turned, {{1, 2}}}}, big_endian), "test").height, 2);
  }
  // White is zero comes back as it was.
  const FileBytes file = make_tiff({{tiff_tags(2, 1, 8, 1, 0), {{0, 200}}}});
  const Raster raster = decode_raster(file, "test");
  const Raster again = decode_raster(encode_raster(raster, PictureFormat::tiff), "test");
  EXPECT_EQ(again.samples, raster.samples);
  EXPECT_TRUE(std::get<TiffOrigin>(again.origin).white_is_zero);
}

TEST_F(Tiff, ThumbnailsAndMasksAreNoPages) {
  std::vector<TiffTag> small = tiff_tags(1, 1, 8);
  small.insert(small.begin(), {254, 4, {1}});
  const TiffDirectory picture{tiff_tags(2, 1, 8), {{5, 6}}}, thumbnail{small, {{9}}};
  const Raster raster = decode_raster(make_tiff({picture, thumbnail, picture}), "test");
  EXPECT_EQ(raster.pages, 2);
  EXPECT_EQ(values(raster), (List{5, 6, 5, 6}));
  EXPECT_TRUE(has(problem(make_tiff({thumbnail})), "thumbnails"));
}

TEST_F(Tiff, WhatIsNotReadIsNamed) {
  const auto of = [](const std::vector<TiffTag>& tags, const FileBytes& strip) {
    return problem(make_tiff({{tags, {strip}}}));
  };
  EXPECT_TRUE(has(of(tiff_tags(8, 1, 1), {1}), "unsigned samples of 1 bit"));
  EXPECT_TRUE(has(of(tiff_tags(1, 1, 24, 3), {1, 2, 3}), "float samples of 24 bit"));
  EXPECT_TRUE(has(of(tiff_tags(1, 1, 8, 1, 5, 4), {1, 2, 3, 4}), "interpretation is 5"));
  EXPECT_TRUE(has(of(tiff_tags(1, 1, 8, 1, 1, 5), {1, 2, 3, 4, 5}), "5 samples per pixel"));
  EXPECT_TRUE(has(of(tiff_tags(1, 1, 16, 1, 32803), {1, 2}), "raw photo"));
  std::vector<TiffTag> jpeg = tiff_tags(1, 1, 8);
  jpeg[3].values = {7};
  EXPECT_TRUE(has(of(jpeg, {1}), "packed with JPEG"));
  const std::string other =
      problem(make_tiff({{tiff_tags(2, 1, 8), {{5, 6}}}, {tiff_tags(1, 2, 8), {{5, 6}}}}));
  EXPECT_TRUE(has(other, "page 2: 1 x 2 pixels") && has(other, "tiffsplit")) << other;
}

TEST_F(Tiff, PagesThatDifferAreRefusedWithWhatDiffers) {
  using Tags = std::vector<TiffTag>;
  const auto with_alpha = [](uint32_t kind) {
    Tags tags = tiff_tags(2, 1, 8, 1, 1, 2);
    tags.insert(tags.end() - 1, {338, 3, {kind}});
    return tags;
  };
  const auto turned = [](uint32_t orientation) {
    Tags tags = tiff_tags(2, 1, 8);
    tags.insert(tags.begin() + 5, {274, 3, {orientation}});
    return tags;
  };
  const FileBytes strip(16);
  const auto message = [&](const Tags& first, const Tags& last) {
    return problem(make_tiff({{first, {strip}}, {first, {strip}}, {last, {strip}}}));
  };
  const std::string start = "[tiff] test, page 3: ", middle = ", expected what the first page has, ",
                    end = "; split it, for example with: tiffsplit";
  const Tags plain = tiff_tags(2, 1, 8);
  EXPECT_EQ(message(plain, tiff_tags(2, 1, 16)),
            start + "2 x 1 pixels of 1 x uint16" + middle + "2 x 1 pixels of 1 x uint8" + end);
  EXPECT_EQ(message(plain, tiff_tags(2, 1, 8, 1, 2, 3)),
            start + "2 x 1 pixels of 3 x uint8" + middle + "2 x 1 pixels of 1 x uint8" + end);
  EXPECT_EQ(message(plain, tiff_tags(2, 1, 8, 1, 0)), start + "0 is white" + middle + "0 is black" + end);
  EXPECT_EQ(message(turned(3), turned(6)), start + "orientation 6" + middle + "orientation 3" + end);
  EXPECT_EQ(message(plain, turned(8)), start + "orientation 8" + middle + "orientation 1" + end);
  EXPECT_EQ(message(plain, with_alpha(2)), start + "unassociated alpha" + middle + "no transparency" + end);
  EXPECT_EQ(message(with_alpha(2), with_alpha(1)),
            start + "associated alpha" + middle + "unassociated alpha" + end);
}

TEST_F(Tiff, MessagesCountPagesFromOne) {
  const TiffDirectory good{tiff_tags(2, 1, 8), {{5, 6}}};
  EXPECT_TRUE(has(problem(make_tiff({{tiff_tags(8, 1, 1), {{1}}}, good})), "test, page 1: "));
  EXPECT_TRUE(has(problem(make_tiff({good, {tiff_tags(8, 1, 1), {{1}}}})), "test, page 2: "));
  // What is wrong with the samples is found later than what is wrong with the tags.
  std::vector<TiffTag> packed = tiff_tags(2, 1, 8);
  packed[3].values = {32773};
  EXPECT_TRUE(has(problem(make_tiff({{packed, {{1, 5, 6}}}, {packed, {{1, 5}}}})), "test, page 2, row 0: "));
}

TEST_F(Tiff, EveryTruncationAndDamageIsSurvived) {
  for (const int compression : {1, 5, 8}) {
    Raster raster = ramp(SampleType::u16, 2, 5, 7);
    raster.origin = TiffOrigin{.compression = static_cast<uint16_t>(compression)};
    const FileBytes file = encode_raster(raster, PictureFormat::tiff);
    for (size_t n = 0; n < file.size(); ++n)
      EXPECT_THROW(decode_raster(std::span(file).first(n), "test"), DataError) << n << " of " << file.size();
    for (size_t i = 0; i < file.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        FileBytes damaged = file;
        damaged[i] ^= static_cast<uint8_t>(flip);
        try {
          const Raster read = decode_raster(damaged, "test");
          EXPECT_EQ(read.samples.size(), read.n_samples() * bytes_of(read.type));
        } catch (const DataError& error) {
          EXPECT_TRUE(has(error.what(), "test")) << error.what();
        }
      }
    }
  }
}

TEST_F(Tiff, TilesThatTheStandardDoesNotAllowBecomeStrips) {
  Raster raster{.format = PictureFormat::tiff, .width = 5, .height = 3, .white = 255.0};
  raster.origin = TiffOrigin{.compression = 8, .tile_width = 9, .tile_height = 16};
  allocate(raster);
  for (size_t i = 0; i < raster.samples.size(); ++i) raster.samples[i] = static_cast<uint8_t>(i);
  const Raster again = decode_raster(encode_raster(raster, PictureFormat::tiff), "test");
  EXPECT_EQ(again.samples, raster.samples);
  EXPECT_EQ(std::get<TiffOrigin>(again.origin).tile_width, 0u);
}

TEST_F(Tiff, NoMemoryIsTakenForExtentsThatLie) {
  std::vector<TiffTag> tiles = tiff_tags(8, 8, 8);
  tiles.erase(tiles.begin() + 6);  // no rows per strip
  std::vector<TiffTag> rows = tiff_tags(16384, 16384, 8);
  rows[6].values = {1};
  std::vector<TiffTag> deflated = tiff_tags(16384, 16384, 32, 3);
  deflated[3].values = {8};
  const FileBytes lies[]{make_tiff({{tiff_tags(16384, 16384, 64, 3), {{1, 2, 3}}}}),
                         make_tiff({{tiff_tags(0xffffffff, 0xffffffff, 8), {{1, 2, 3}}}}),
                         make_tiff({{rows, {{1}}}}), make_tiff({{deflated, {{1, 2, 3, 4}}}})};
  for (const FileBytes& file : lies) {
    EXPECT_TRUE(problem(file) != "");
    const std::optional<int64_t> growth = peak_growth([&] { decode_raster(file, "lie"); });
    if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
    EXPECT_LT(*growth, 16 * std::ssize(file) + kLibraries);
  }
}

// A directory that names itself as the next one, and one far outside.
TEST_F(Tiff, LoopsOfDirectoriesEnd) {
  FileBytes file = make_tiff({{tiff_tags(2, 1, 8), {{5, 6}}}});
  uint32_t directory = 0;
  std::memcpy(&directory, file.data() + 4, 4);
  std::memcpy(file.data() + file.size() - 4, &directory, 4);
  EXPECT_TRUE(has(problem(file), "after page 1"));
  directory = 0xfffffff0;
  std::memcpy(file.data() + file.size() - 4, &directory, 4);
  EXPECT_TRUE(has(problem(file), "after page 1"));
}

}  // namespace
}  // namespace primal
