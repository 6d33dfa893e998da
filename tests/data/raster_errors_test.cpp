// Rasters: files that are cut, damaged or lie about their extents, and what becomes of values,
// ranges, colours and formats.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/image/raster/raster.h"
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

// Pages of code and tables that the first call of a library makes resident; what the lies ask for is 200 MB
// and more.
constexpr int64_t kLibraries = 8 << 20;

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

using List = std::vector<double>;

// One whole file of each format that needs no library.
std::vector<FileBytes> whole_files() {
  const FileBytes array =
      make_npy("<f4", false, "2, 2, 3", numbers<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  const FileBytes volume = make_nifti({}, numbers<int16_t>({1, 2, 3, 4, 5, 6}));
  FileBytes pfm = text_file("Pf\n1 2\n-1\n");
  for (const float value : {7.0f, -3.0f}) append_number(pfm, value, false);
  return {array,
          table::make_zip({{"a.npy", std::string(array.begin(), array.end())}}, table::Packing::deflated),
          volume,
          encode_raster(decode_raster(volume, "test"), PictureFormat::nifti_gz),
          text_file("P5\n2 2\n255\nabcd"),
          text_file("P2\n2 2\n255\n1 2 3 254\n"),
          pfm};
}

TEST(RasterErrors, EveryTruncationIsFound) {
  for (const FileBytes& file : whole_files()) {
    EXPECT_NO_THROW(decoded(file));
    const bool is_plain = file[0] == 'P' && file[1] == '2';
    // The last number of a plain PGM may lose its end, which nobody can tell.
    const size_t ends = is_plain ? file.size() - 4 : file.size();
    for (size_t n = 0; n < ends; ++n)
      EXPECT_THROW(decode_raster(std::span(file).first(n), "test"), DataError) << n << " of " << file.size();
  }
}

TEST(RasterErrors, EveryDamagedByteIsSurvived) {
  for (const FileBytes& file : whole_files()) {
    for (size_t i = 0; i < file.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        FileBytes damaged = file;
        damaged[i] ^= static_cast<uint8_t>(flip);
        try {
          const Raster raster = decode_raster(damaged, "test");
          EXPECT_EQ(raster.samples.size(), raster.n_samples() * bytes_of(raster.type));
        } catch (const DataError& error) {
          EXPECT_TRUE(has(error.what(), "test")) << error.what();
        }
      }
    }
  }
}

TEST(RasterErrors, MessagesCountPagesAndQuoteTheTypeAlone) {
  const auto message = [](const FileBytes& file) { return message_of<DataError>([&] { decoded(file); }); };
  const std::string one = message(make_npy("<f8", false, "1024, 1024", FileBytes(64))),
                    three = message(make_npy("<f8", false, "3, 1024, 1024", FileBytes(64)));
  EXPECT_TRUE(has(one, "has 1 page of 1024 x 1024")) << one;
  EXPECT_TRUE(has(three, "has 3 pages of 1024 x 1024")) << three;
  const std::string type = message(make_npy("<c8", false, "2, 2", FileBytes(32)));
  EXPECT_TRUE(has(type, "expected a type of u1") && has(type, "found '<c8'")) << type;
  EXPECT_FALSE(has(type, "fortran_order")) << type;
}

TEST(RasterErrors, NoMemoryIsTakenForExtentsThatLie) {
  const std::string million = "1000000", side = "16384";
  const FileBytes bomb_array = make_npy("|u1", false, "1, 1", FileBytes(50'000'000));
  const FileBytes lies[]{
      make_npy("<f8", false, side + ", " + side, FileBytes(64)),
      make_npy("<f8", false, million + ", " + side + ", " + side, FileBytes(64)),
      make_npy("|u1", true, "1099511627775, 1099511627775", FileBytes(64)),
      table::make_zip({{"a.npy",
                        [] {
                          const FileBytes lie = make_npy("<f8", false, "16384, 16384", FileBytes(64));
                          return std::string(lie.begin(), lie.end());
                        }()}}),
      // An array of one sample in an archive that would unpack to 50 MB.
      table::make_zip({{"a.npy", std::string(bomb_array.begin(), bomb_array.end())}},
                      table::Packing::deflated),
      make_nifti({.datatype = 64, .bits = 64, .extents = {32767, 8000, 32767}}, FileBytes(64)),
      text_file("P5 16384 16384 65535\nabc"), text_file("P2 16384 16384 255\n1 2 3"),
      text_file("P6 999999999 999999999 255\nabc"), text_file("PF 16384 16384 -1\nabc")};
  for (const FileBytes& file : lies) {
    EXPECT_THROW(decode_raster(file, "lie"), DataError);
    const std::optional<int64_t> growth = peak_growth([&] {
      try {
        decode_raster(file, "lie");
      } catch (const DataError&) {
      }
    });
    if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
    EXPECT_LT(*growth, 16 * std::ssize(file) + kLibraries) << std::string(file.begin(), file.begin() + 6);
  }
}

// Whole files: no more than 16 times the file and the picture.
TEST(RasterErrors, MemoryIsBoundedByTheFileAndThePicture) {
  const FileBytes samples(8 << 20, 5);
  const FileBytes array = make_npy("<f4", false, "2, 1024, 1024", samples);
  const FileBytes volume = make_nifti({.datatype = 16, .bits = 32, .extents = {1024, 1024, 2}}, samples);
  const FileBytes files[]{
      array, table::make_zip({{"a.npy", std::string(array.begin(), array.end())}}, table::Packing::deflated),
      volume, encode_raster(decode_raster(volume, "test"), PictureFormat::nifti_gz)};
  for (const FileBytes& file : files) {
    const std::optional<int64_t> growth = peak_growth([&] { decode_raster(file, "test"); });
    if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
    // The unpacked text of an archive and the samples lie side by side for a moment; a growing
    // vector has its old copy too.
    EXPECT_LT(*growth, 16 * std::ssize(file) + 4 * std::ssize(samples));
  }
}

TEST(Raster, TheFirstValueThatIsNoNumberIsNamed) {
  const float nan = std::nanf("");
  Raster raster =
      decoded(make_npy("<f4", false, "2, 3, 2", numbers<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, nan, nan})));
  const std::string message = message_of<DataError>([&] { levels_of(raster, {}, "a.npy"); });
  EXPECT_TRUE(has(message, "a.npy has nan at page 1, row 2, column 0")) << message;
  raster =
      decoded(make_npy("<f8", false, "1, 2", numbers<double>({1, -std::numeric_limits<double>::infinity()})));
  EXPECT_TRUE(has(message_of<DataError>([&] { levels_of(raster, parse_level_range("0:1"), "a"); }), "-inf"));
  raster = decoded(make_npy("<f4", false, "1, 2, 3", numbers<float>({1, 2, 3, 4, 5, nan})));
  EXPECT_TRUE(
      has(message_of<DataError>([&] { levels_of(raster, {}, "a"); }), "nan at page 0, row 0, column 1"));
}

// Each value is finite, and their difference is not: what is scaled to it would be no number.
TEST(Raster, ValuesTooFarApartAreRefused) {
  Raster raster{.width = 2, .height = 1, .type = SampleType::f32};
  allocate(raster);
  raster.page<float>(0)[0] = -3e38F;
  raster.page<float>(0)[1] = 3e38F;
  for (const double slope : {1.0, 2.0, 5e269}) {
    raster.slope = slope;
    try {
      image_of(raster, "far.pfm");
      ADD_FAILURE() << slope;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("far.pfm has values from -"), std::string::npos)
          << error.what();
    }
  }
}

// One more is the same number.
TEST(Raster, APictureOfOneHugeValueHasAScale) {
  Raster raster{.width = 2, .height = 1, .type = SampleType::f32};
  allocate(raster);
  for (const float value : {3e38F, -3e38F, 1e20F, 0.0F}) {
    std::ranges::fill(raster.page<float>(0), value);
    const ValueRange range = natural_range(raster, "a");
    EXPECT_LT(range.low, range.high) << value;
    EXPECT_EQ(image_of(raster, "a").levels, (std::vector<uint16_t>{0, 0})) << value;
  }
}

TEST(Raster, RangesFollowTheKindOfSamples) {
  const Raster floats = decoded(make_npy("<f4", false, "2, 1, 2", numbers<float>({-5, 0, 1, 15})));
  EXPECT_EQ(levels_of(floats, {}, "a").low, -5.0);
  EXPECT_EQ(levels_of(floats, {}, "a").high, 15.0);
  EXPECT_EQ(levels_of(floats, parse_level_range("auto"), "a").high, 15.0);
  EXPECT_EQ(levels_of(floats, parse_level_range("-1e3:2.5"), "a").low, -1000.0);
  const Tensor unit = to_unit(floats, 1, levels_of(floats, {}, "a"));
  EXPECT_FLOAT_EQ(unit.data<float>()[0], 0.3f);
  EXPECT_FLOAT_EQ(unit.data<float>()[1], 1.0f);
  const Raster constant = decoded(make_npy("<f4", false, "1, 2", numbers<float>({7, 7})));
  EXPECT_EQ(to_unit(constant, 0, levels_of(constant, {}, "a")).to_doubles(), (List{0, 0}));
  const Raster twelve = decoded(make_npy("<u2", false, "1, 2", numbers<uint16_t>({0, 4000})));
  EXPECT_EQ(levels_of(twelve, {}, "a").high, 65535.0);
  EXPECT_EQ(levels_of(twelve, parse_level_range("auto"), "a").high, 4095.0);
  EXPECT_THROW(levels_of(twelve, parse_level_range("0:70000"), "a"), DataError);
  EXPECT_THROW(levels_of(twelve, parse_level_range("-1:5"), "a"), DataError);
}

TEST(Raster, BecomesGreyInOnePlace) {
  const Raster colour = grey(decoded(text_file("P6\n2 1\n255\n\x0a\x14\x1e\xff\xff\xff")));
  EXPECT_EQ(values(colour), (List{(19595 * 10 + 38470 * 20 + 7471 * 30 + 32768) >> 16, 255}));
  FileBytes pfm = text_file("PF\n1 1\n-1\n");
  for (const float value : {0.5f, -1.0f, 2.0f}) append_number(pfm, value, false);
  EXPECT_NEAR(values(grey(decoded(pfm)))[0], 0.299 * 0.5 - 0.587 + 0.114 * 2, 2e-5);
}

TEST(Raster, APictureIsItsOnlyPage) {
  const Raster pages = decoded(make_npy("|u1", false, "2, 1, 2", {1, 2, 3, 4}));
  EXPECT_TRUE(has(message_of<DataError>([&] { image_of(pages, "a.npy"); }), "2 pages"));
  const Image image = image_of(decoded(make_npy("<f4", false, "1, 3", numbers<float>({-1, 0, 1}))), "a.npy");
  EXPECT_EQ(image.levels, (std::vector<uint16_t>{0, 32768, 65535}));
  EXPECT_TRUE(has(image.remarks.at(0), "float32"));
}

TEST(Formats, ResultsFitTheirFormat) {
  const Raster volume =
      decoded(make_nifti({.slope = 2.0f, .inter = 1.0f}, numbers<int16_t>({0, 1, 2, 3, 4, 5})));
  const Raster array = fitted(volume, PictureFormat::npy, 1.0, 11.0, "a");
  EXPECT_EQ(array.type, SampleType::f32);  // NumPy has no scale: the values themselves
  EXPECT_EQ(values(decode_raster(encode_raster(array, PictureFormat::npy), "b")), values(volume));
  const Raster levels = fitted(volume, PictureFormat::png, 1.0, 11.0, "a");
  EXPECT_EQ(values(levels), (List{0, 13107, 26214, 39321, 52428, 65535}));
  const Raster halves = decoded(make_npy("<f2", false, "1, 2", numbers<uint16_t>({to_half(1), to_half(2)})));
  EXPECT_EQ(fitted(halves, PictureFormat::nifti, 0.0, 1.0, "a").type, SampleType::f32);
  EXPECT_EQ(
      values(decode_raster(
          encode_raster(fitted(halves, PictureFormat::nifti, 0.0, 1.0, "a"), PictureFormat::nifti), "b")),
      (List{1, 2}));
  const Raster pages = decoded(make_npy("|u1", false, "2, 1, 2", {1, 2, 3, 4}));
  EXPECT_THROW(fitted(pages, PictureFormat::png, 0.0, 255.0, "a"), DataError);
  const Raster grey9 = decoded(text_file("P2\n2 1\n9\n0 9\n"));
  EXPECT_EQ(values(fitted(grey9, PictureFormat::png, 0.0, 9.0, "a")), (List{0, 255}));
}

TEST(Formats, NamesAndEndings) {
  EXPECT_EQ(format_of_name("a/b.nii.gz"), PictureFormat::nifti_gz);
  EXPECT_EQ(format_of_name("B.TIFF"), PictureFormat::tiff);
  EXPECT_EQ(format_of_name("b.gz"), std::nullopt);
  EXPECT_EQ(format_of_name(".png"), std::nullopt);
  EXPECT_EQ(without_ending("a/b.nii.gz"), "a/b");
  EXPECT_EQ(without_ending("a/b.c.png"), "a/b.c");
  EXPECT_EQ(parse_picture_format("nii.gz"), PictureFormat::nifti_gz);
  EXPECT_THROW(parse_picture_format("jpeg"), ConfigError);
  EXPECT_EQ(result_format(PictureFormat::pnm), PictureFormat::png);
  EXPECT_EQ(result_format(PictureFormat::npz), PictureFormat::npz);
}

}  // namespace
}  // namespace primal
