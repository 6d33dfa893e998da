// Pictures of other formats through `primal denoise`: what the results are named and hold, pages,
// ranges, and what is refused.
#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/image/apng.h"
#include "support/cli.h"
#include "support/dicom_files.h"
#include "support/raster_files.h"
#include "support/text.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::append_number;
using testing::FileBytes;
using testing::has;
using testing::make_nifti;
using testing::make_npy;
using testing::Outcome;

class FormatsCli : public testing::Cli {
 protected:
  void write(const std::string& name, const FileBytes& bytes) const {
    write_file_atomically(folder_ / name, bytes);
  }
  Outcome denoise(const std::string& options) const { return run("denoise --lambda 0.1 " + options); }

  // Pages of a smooth slope with something on it, in units far from 0 .. 1.
  static FileBytes floats(int pages) {
    FileBytes data;
    for (int i = 0; i < pages * 16 * 12; ++i)
      append_number(data, 1000.0f + static_cast<float>(i) + (i % 3 == 0 ? 40.0f : 0.0f), false);
    return make_npy("<f4", false, pages == 1 ? "16, 12" : std::to_string(pages) + ", 16, 12", data);
  }
  static FileBytes volume() {
    FileBytes data;
    for (int i = 0; i < 16 * 12 * 2; ++i)
      append_number<int16_t>(data, static_cast<int16_t>(i * 3 - 500), false);
    return make_nifti({.extents = {16, 12, 2}, .slope = 0.5f, .inter = -1024.0f}, data);
  }

  // The same picture with samples of every type, and with noise: z_u8.npy, x_f32.npy and so on. x_unit.npy
  // and z_unit.npy have 255 as 1.0.
  void write_pairs() const {
    for (const int noise : {0, 1}) {
      FileBytes u8, i16, u16, f32, unit;
      for (int i = 0; i < 16 * 12; ++i) {
        const int level = 40 + 9 * (i % 16) + noise * (i * 7 % 5 - 2);
        append_number(u8, static_cast<uint8_t>(level), false);
        append_number(i16, static_cast<int16_t>(level), false);
        append_number(u16, static_cast<uint16_t>(257 * level), false);
        append_number(f32, static_cast<float>(level), false);
        append_number(unit, static_cast<float>(level) / 255.0f, false);
      }
      const std::string name = noise == 0 ? "x_" : "z_", shape = "12, 16";
      write(name + "u8.npy", make_npy("|u1", false, shape, u8));
      write(name + "i16.npy", make_npy("<i2", false, shape, i16));
      write(name + "u16.npy", make_npy("<u2", false, shape, u16));
      write(name + "f32.npy", make_npy("<f4", false, shape, f32));
      write(name + "unit.npy", make_npy("<f4", false, shape, unit));
    }
  }
};

TEST_F(FormatsCli, ArraysAndVolumesKeepTheirFormat) {
  fs::create_directories(folder_ / "in");
  write("in/a.npy", floats(1));
  write("in/b.nii", volume());
  write("in/c.nii.gz", encode_raster(decode_raster(volume(), "v"), PictureFormat::nifti_gz));
  write_phantom("in/d.png", 0);
  const std::string pgm = "P5\n4 4\n255\nabcdefghijklmnop";
  write("in/e.pgm", {pgm.begin(), pgm.end()});
  const Outcome o = denoise(path("in") + " -o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  for (const char* file : {"out/a.npy", "out/b.nii", "out/c.nii.gz", "out/d.png", "out/e.png"})
    EXPECT_TRUE(fs::exists(folder_ / file)) << file << o.out;
  const Raster before = read_raster(folder_ / "in/b.nii"), after = read_raster(folder_ / "out/b.nii");
  EXPECT_EQ(after.pages, 2);
  EXPECT_EQ(after.type, SampleType::i16);
  EXPECT_EQ(std::get<NiftiOrigin>(after.origin).head, std::get<NiftiOrigin>(before.origin).head);
  EXPECT_NE(after.samples, before.samples);
  // The same values, packed or not.
  EXPECT_EQ(read_raster(folder_ / "out/c.nii.gz").samples, after.samples);
  const Raster array = read_raster(folder_ / "out/a.npy");
  const ValueRange range = value_range(array, "a");
  EXPECT_GT(range.low, 999.0);
  EXPECT_LT(range.high, 1300.0);
}

TEST_F(FormatsCli, ACleanPictureHasAsManyPages) {
  write("one.npy", floats(1));
  write("three.npy", floats(3));
  const Outcome o = denoise(path("one.npy") + " --clean " + path("three.npy"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "one.npy has 1 page, but its clean picture") && has(o.err, "has 3 pages")) << o.err;
}

TEST_F(FormatsCli, ScoresNeedOneScaleForANoisyPictureAndItsCleanOne) {
  write_pairs();
  const auto psnr = [&](const std::string& noisy, const std::string& clean, const std::string& range) {
    const Outcome o = denoise("-q --json " + path("z_" + noisy + ".npy") + " --clean " +
                              path("x_" + clean + ".npy") + range);
    EXPECT_EQ(o.exit_code, 0) << noisy << clean << range << o.err;
    const json report = o.exit_code == 0 ? json::parse(o.out) : json();
    return report.is_null() ? 0.0 : report.at("pictures").at(0).at("psnr_noisy").get<double>();
  };
  const double right = psnr("u8", "u8", "");
  EXPECT_NEAR(right, 45.1, 0.1);  // 10 log10(255^2 / 2)
  EXPECT_NEAR(psnr("u8", "u16", ""), right, 1e-3);
  EXPECT_NEAR(psnr("u8", "f32", " --range 0:255"), right, 1e-3);
  EXPECT_NEAR(psnr("f32", "u8", " --range 0:255"), right, 1e-3);
  EXPECT_NEAR(psnr("i16", "u8", " --range 0:255 --size 12"), psnr("u8", "u8", " --size 12"), 0.5);
  // Two files without levels share the range of the noisy one.
  EXPECT_NEAR(psnr("f32", "i16", ""), psnr("i16", "f32", ""), 1e-3);
  EXPECT_NEAR(psnr("unit", "unit", ""), psnr("f32", "f32", ""), 1e-3);
  EXPECT_NEAR(psnr("unit", "unit", " --range 0:1"), right, 1e-3);
}

TEST_F(FormatsCli, RefusesScoresOfLevelsAgainstValuesOfAnotherUnit) {
  write_pairs();
  const auto refused = [&](const std::string& noisy, const std::string& clean, const std::string& range,
                           const std::string& said) {
    for (const std::string command : {"denoise --lambda 0.1 ", "search --grid 0:0.1:2 "}) {
      const Outcome o =
          run(command + path("z_" + noisy + ".npy") + " --clean " + path("x_" + clean + ".npy") + range);
      EXPECT_EQ(o.exit_code, 3) << command << noisy << clean << range << o.out;
      for (const std::string& part : {"z_" + noisy + ".npy has", "x_" + clean + ".npy has", said})
        EXPECT_TRUE(has(o.err, part)) << part << ": " << o.err;
    }
  };
  refused("u8", "f32", "", "levels from 0 to 255 (uint8)");
  refused("u8", "unit", "", "for example --range 0:255");
  refused("u16", "i16", " --range auto", "values in a unit of its own (int16)");
  refused("f32", "u16", "", "for example --range 0:65535");
  refused("f32", "u8", " --size 12", "scores need one scale");
  refused("unit", "u8", " --range 0:1", "for which --range 0:1 is no common scale");
  refused("unit", "u8", " --range 0:1 --size 12", "are 0.422 and 108");
  refused("u8", "unit", " --range 0:255", "these are different units");
}

TEST_F(FormatsCli, TheFirstBytesDecideAndNotTheName) {
  write("a.png", floats(1));
  ASSERT_EQ(denoise(path("a.png") + " -o " + path("out")).exit_code, 0);
  EXPECT_EQ(read_raster(folder_ / "out/a.npy").format, PictureFormat::npy);
}

TEST_F(FormatsCli, PagesAreDenoisedOneByOne) {
  write("three.npy", floats(3));
  const Outcome o = denoise(path("three.npy") + " -o " + path("out.npy") + " --json");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json rows = json::parse(o.out).at("pictures");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows.at(2).at("page"), 2);
  const json read = rows.at(0).at("read");
  EXPECT_EQ(read.at("format"), "npy");
  EXPECT_EQ(read.at("samples"), "float32");
  EXPECT_EQ(read.at("bits"), 32);
  EXPECT_EQ(read.at("pages"), 3);
  EXPECT_EQ(read.at("zero"), 1001.0);
  // A page alone, with the range of all, gives what it gives among the others.
  const Raster all = read_raster(folder_ / "out.npy");
  ASSERT_EQ(all.pages, 3);
  Raster one = read_raster(folder_ / "three.npy");
  one.samples = {one.samples.begin() + 16 * 12 * 4, one.samples.begin() + 2 * 16 * 12 * 4};
  one.pages = 1;
  one.origin = std::monostate{};
  write("one.npy", encode_raster(one, PictureFormat::npy));
  ASSERT_EQ(denoise(path("one.npy") + " -o " + path("page.npy") + " --range " +
                    std::to_string(double(read.at("zero"))) + ":" + std::to_string(double(read.at("one"))))
                .exit_code,
            0);
  const Raster page = read_raster(folder_ / "page.npy");
  EXPECT_TRUE(std::ranges::equal(page.page<float>(0), all.page<float>(1)));
  const Outcome refused = denoise(path("three.npy") + " -o " + path("c") + " --compare");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_TRUE(has(refused.err, "3 pages")) << refused.err;
  EXPECT_TRUE(has(run("search --noise 0.5 " + path("three.npy")).err, "3 pages"));
}

TEST_F(FormatsCli, TheFormatCanBeChosen) {
  write("a.npy", floats(1));
  write("v.nii", volume());
  ASSERT_EQ(denoise(path("a.npy") + " --format png -o " + path("out")).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "out/a.png").bit_depth, 16);
  EXPECT_TRUE(has(testing::text_of(folder_ / "out/a.png"), "Primal range"));
  ASSERT_EQ(denoise(path("a.npy") + " -o " + path("b.pfm")).exit_code, 0);
  EXPECT_EQ(read_raster(folder_ / "b.pfm").type, SampleType::f32);
  ASSERT_EQ(denoise(path("v.nii") + " --format npy -o " + path("out")).exit_code, 0);
  EXPECT_EQ(read_raster(folder_ / "out/v.npy").type, SampleType::f32);
  const Outcome pages = denoise(path("v.nii") + " --format png -o " + path("out2"));
  EXPECT_EQ(pages.exit_code, 3);
  EXPECT_TRUE(has(pages.err, "2 pages")) << pages.err;
  EXPECT_EQ(denoise(path("a.npy") + " --format png -o " + path("x.npy")).exit_code, 2);
  EXPECT_EQ(denoise(path("a.npy") + " --format jpeg -o " + path("out3")).exit_code, 2);
  // From standard input to standard output.
  ASSERT_EQ(denoise(path("a.npy") + " -o " + path("t.npy")).exit_code, 0);
  EXPECT_EQ(denoise("- -o - < " + path("a.npy")).out, testing::text_of(folder_ / "t.npy"));
}

TEST_F(FormatsCli, ValuesThatAreNoNumbersAreNamed) {
  FileBytes file = floats(1);
  const float nan = std::nanf("");
  std::memcpy(file.data() + file.size() - 4, &nan, 4);
  write("nan.npy", file);
  const Outcome o = denoise(path("nan.npy") + " -o " + path("out"));
  EXPECT_EQ(o.exit_code, 3);
  EXPECT_TRUE(has(o.err, "nan at page 0, row 15, column 11")) << o.err;
}

TEST_F(FormatsCli, NoiseIsScoredInUnitsOfTheRange) {
  write("a.npy", floats(2));
  const Outcome o = run("denoise --lambda 0.02 --noise 0.3 --json " + path("a.npy"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json rows = json::parse(o.out).at("pictures");
  ASSERT_EQ(rows.size(), 2u);
  for (const json& row : rows) EXPECT_GT(row.at("psnr").get<double>(), row.at("psnr_noisy").get<double>());
}

TEST_F(FormatsCli, TiffsKeepTheirTagsAndTypes) {
  try {
    check_library(PictureFormat::tiff, "");
  } catch (const ConfigError&) {
    GTEST_SKIP() << "a build without libtiff";
  }
  Raster raster = decode_raster(floats(2), "a");
  raster.format = PictureFormat::tiff;
  raster.origin =
      TiffOrigin{.big_endian = true, .compression = 5, .pages = {{"one", 100, 100, 2}, {"two", 100, 100, 2}}};
  write("a.tif", encode_raster(raster, PictureFormat::tiff));
  ASSERT_EQ(denoise(path("a.tif") + " -o " + path("out")).exit_code, 0);
  const Raster out = read_raster(folder_ / "out/a.tif");
  EXPECT_EQ(out.type, SampleType::f32);
  const auto& origin = std::get<TiffOrigin>(out.origin);
  EXPECT_TRUE(origin.big_endian);
  EXPECT_EQ(origin.compression, 5);
  EXPECT_EQ(origin.pages.at(1).description, "two");
  EXPECT_TRUE(has(testing::text_of(folder_ / "out/a.tif"), "primal 0."));
}

TEST_F(FormatsCli, DicomStaysDicomInItsUnits) {
  try {
    check_library(PictureFormat::dicom, "");
  } catch (const ConfigError&) {
    GTEST_SKIP() << "a build without dcmtk";
  }
  std::vector<uint16_t> pixels;
  for (int i = 0; i < 24 * 20; ++i) pixels.push_back(static_cast<uint16_t>(1000 + 5 * i + i % 3 * 40));
  const testing::DicomKind kind{
      .width = 24, .height = 20, .slope = "1", .intercept = "-1024", .patient = "Doe^Jane"};
  write("a.dcm", testing::make_dicom(kind, testing::numbers(pixels)));
  const Outcome o = denoise(path("a.dcm") + " --range=-24:2500 -o " + path("out") + " --json");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  const json read = json::parse(o.out).at("pictures").at(0).at("read");
  EXPECT_EQ(read.at("offset"), -1024.0);
  EXPECT_EQ(read.at("zero"), -24.0);
  EXPECT_EQ(read.at("dicom").at("bits_stored"), 12);
  EXPECT_FALSE(has(o.out + o.err, "Doe"));
  const Raster out = read_raster(folder_ / "out/a.dcm");
  EXPECT_EQ(out.offset, -1024.0);
  EXPECT_NE(out.samples, read_raster(folder_ / "a.dcm").samples);
  EXPECT_TRUE(has(testing::text_of(folder_ / "out/a.dcm"), "Doe^Jane"));
  EXPECT_TRUE(has(testing::text_of(folder_ / "out/a.dcm"), "removed noise: boundary"));
  // As PNG the values are spread over the range; with --size it is a smaller picture of the same patient.
  ASSERT_EQ(denoise(path("a.dcm") + " --format png -o " + path("out")).exit_code, 0);
  EXPECT_EQ(read_image(folder_ / "out/a.png").bit_depth, 16);
  ASSERT_EQ(denoise(path("a.dcm") + " --size 12 -o " + path("small.dcm")).exit_code, 0);
  const std::string small = testing::text_of(folder_ / "small.dcm");
  EXPECT_TRUE(has(small, "Doe^Jane"));
  EXPECT_FALSE(has(small, "0.5\\0.25"));  // the spacing of the pixels that it had
}

TEST_F(FormatsCli, AnotherSizeKeepsTheUnits) {
  const auto check = [&](const std::string& name) {
    const Outcome o = denoise(path(name) + " --size 12 -o " + path("small_" + name) + " --json");
    ASSERT_EQ(o.exit_code, 0) << o.err;
    const Raster file = read_raster(folder_ / name), small = read_raster(folder_ / ("small_" + name));
    const json read = json::parse(o.out).at("pictures").at(0).at("read");
    EXPECT_EQ(read.at("slope"), file.slope);
    EXPECT_EQ(read.at("offset"), file.offset);
    const ValueRange before = value_range(file, "a"), after = value_range(small, "b");
    EXPECT_EQ(small.width, 12);
    EXPECT_TRUE(small.is_rescaled());
    // Means over some pixels, which lie inside of the range and fill most of it.
    EXPECT_GT(after.low, before.low - 1e-3);
    EXPECT_LT(after.high, before.high + 1e-3);
    EXPECT_GT(after.high - after.low, 0.6 * (before.high - before.low));
  };
  write("volume.nii", volume());
  check("volume.nii");
  try {
    check_library(PictureFormat::dicom, "");
  } catch (const ConfigError&) {
    return;
  }
  std::vector<uint16_t> pixels;
  for (int i = 0; i < 24 * 20; ++i) pixels.push_back(static_cast<uint16_t>(1000 + 5 * i));
  const testing::DicomKind kind{.width = 24, .height = 20, .slope = "0.5", .intercept = "-1024"};
  write("a.dcm", testing::make_dicom(kind, testing::numbers(pixels)));
  check("a.dcm");
  // As signed levels without a scale in the file.
  write("signed.dcm", testing::make_dicom({.width = 24, .height = 20, .sign = 1}, testing::numbers(pixels)));
  check("signed.dcm");
}

TEST_F(FormatsCli, AnAnimationIsReadUpToItsFirstFrame) {
  const std::vector<Image> film{Image(12, 10, 1, 8), Image(12, 10, 1, 8)};
  write("film.png", encode_apng(film, 100));
  const Outcome o = denoise(path("film.png") + " -o " + path("out"));
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_TRUE(has(o.err, "film.png: only the first frame of its animation is read")) << o.err;
  write("one.png", encode_apng(std::span(film).first(1), 100));
  EXPECT_FALSE(has(denoise(path("one.png") + " -o " + path("out")).err, "animation"));
}

TEST_F(FormatsCli, TransparencyIsKeptOrLeftOutWithARemark) {
  Raster raster{.width = 12, .height = 10, .channels = 3, .white = 255.0};
  allocate(raster);
  for (size_t i = 0; i < raster.samples.size(); ++i) raster.samples[i] = static_cast<uint8_t>(i * 7);
  for (size_t i = 0; i < 120; ++i) raster.alpha.push_back(static_cast<uint8_t>(2 * i));
  write("a.png", encode_raster(raster, PictureFormat::png));
  Outcome o = denoise(path("a.png") + " -o " + path("out") + " --json");
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(json::parse(o.out).at("pictures").at(0).at("read").at("alpha"), "unassociated");
  const Raster kept = read_raster(folder_ / "out/a.png");
  EXPECT_EQ(kept.alpha, raster.alpha);
  EXPECT_NE(kept.samples, raster.samples);
  EXPECT_FALSE(has(o.err, "transparency")) << o.err;
  o = denoise(path("a.png") + " -o " + path("a.ppm"));
  EXPECT_TRUE(has(o.err, "its transparency is left out: pnm holds none")) << o.err;
}

}  // namespace
}  // namespace primal
