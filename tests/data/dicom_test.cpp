// DICOM: files made by hand, what comes back from our own, what is refused. In a build without dcmtk: that
// the message names the package.
#include "data/image/dicom/dicom.h"

#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "data/image/image.h"
#include "support/dicom_files.h"
#include "support/memory.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::has;

using namespace testing;

constexpr int64_t kLibraries = 24 << 20;  // code and the dictionary, which the first call makes resident

bool is_built() {
  try {
    check_library(PictureFormat::dicom, "");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

class Dicom : public ::testing::Test {
  void SetUp() override {
    if (!is_built()) GTEST_SKIP() << "a build without dcmtk";
  }
};

std::vector<double> values(const Raster& raster) {
  std::vector<double> all;
  dispatch_sample(raster.type, [&]<class T>() {
    for (int64_t p = 0; p < raster.pages; ++p) {
      for (const T sample : raster.page<T>(p)) all.push_back(value_of(sample));
    }
  });
  return all;
}

// The message of a file that is refused, which names it and says nothing of the patient.
std::string problem(const FileBytes& file) {
  const std::string message = message_of<DataError>([&] { decode_raster(file, "test.dcm"); });
  EXPECT_TRUE(has(message, "[dicom] test.dcm")) << "'" << message << "'";
  EXPECT_FALSE(has(message, "Doe")) << message;
  return message;
}

const FileBytes kSix = numbers<uint16_t>({0, 1, 2, 100, 4094, 4095});

TEST(DicomWithoutLibrary, NamesThePackage) {
  const FileBytes file = make_dicom({}, kSix);
  EXPECT_EQ(format_of(file), PictureFormat::dicom);
  if (is_built()) return;
  EXPECT_TRUE(has(message_of<DataError>([&] { decode_raster(file, "a"); }), "libdcmtk-dev"));
}

TEST_F(Dicom, EveryEncodingSaysTheSame) {
  for (const bool big_endian : {false, true}) {
    for (const bool is_explicit : {false, true}) {
      if (big_endian && !is_explicit) continue;
      const FileBytes pixels = numbers<uint16_t>({0, 1, 2, 100, 4094, 4095}, big_endian);
      const DicomKind kind{.is_explicit = is_explicit, .big_endian = big_endian};
      const Raster raster = decode_raster(make_dicom(kind, pixels), "a");
      EXPECT_EQ(values(raster), (std::vector<double>{0, 1, 2, 100, 4094, 4095}));
      EXPECT_EQ(raster.type, SampleType::u16);
      EXPECT_EQ(raster.white, 4095.0);
      EXPECT_EQ(raster.width, 3);
      EXPECT_EQ(raster.density, (PixelDensity{4000, 2000}));
      if (big_endian) continue;
      const FileBytes bare = make_dicom(kind, pixels, "");
      EXPECT_EQ(format_of(bare), PictureFormat::dicom);
      EXPECT_EQ(values(decode_raster(bare, "a")), values(raster));
    }
  }
}

TEST_F(Dicom, SignedBitsAndUnusedBitsAreTakenApart) {
  // -1, -2048 and 2047 in 12 bits, with other things in the bits above.
  const FileBytes pixels = numbers<uint16_t>({0xffff, 0x1800, 0xa7ff, 0, 0x1001, 0x0fff});
  const Raster raster = decode_raster(make_dicom({.sign = 1}, pixels), "a");
  EXPECT_EQ(values(raster), (std::vector<double>{-1, -2048, 2047, 0, 1, -1}));
  EXPECT_EQ(raster.type, SampleType::i16);
  EXPECT_EQ(raster.white, 0.0);
  // The picture in the upper 12 of 16 bits.
  const Raster upper =
      decode_raster(make_dicom({.high = 15}, numbers<uint16_t>({0x0010, 0xfff0, 0x0025, 0, 0, 0})), "a");
  EXPECT_EQ(values(upper), (std::vector<double>{1, 4095, 2, 0, 0, 0}));
}

TEST_F(Dicom, LevelsOfMonochrome1AreTurnedAroundAndBack) {
  const Raster raster = decode_raster(make_dicom({.photometric = "MONOCHROME1"}, kSix), "a");
  EXPECT_EQ(values(raster), (std::vector<double>{4095, 4094, 4093, 3995, 1, 0}));
  const FileBytes again = encode_raster(raster, PictureFormat::dicom);
  EXPECT_TRUE(has({again.begin(), again.end()}, "MONOCHROME1"));
  EXPECT_TRUE(std::equal(kSix.begin(), kSix.end(), again.end() - 12));
  // Hounsfield units are what they are, however they are shown.
  const DicomKind units{.photometric = "MONOCHROME1", .slope = "1", .intercept = "-1024"};
  EXPECT_EQ(values(decode_raster(make_dicom(units, kSix), "a")),
            (std::vector<double>{0, 1, 2, 100, 4094, 4095}));
}

TEST_F(Dicom, TheScaleMakesValues) {
  const Raster raster = decode_raster(make_dicom({.slope = "0.5", .intercept = "-1024 "}, kSix), "a");
  EXPECT_EQ(raster.slope, 0.5);
  EXPECT_EQ(raster.offset, -1024.0);
  EXPECT_EQ(raster.white, 0.0);
  const ValueRange range = value_range(raster, "a");
  EXPECT_EQ(range.low, -1024.0);
  EXPECT_EQ(range.high, 1023.5);
  EXPECT_TRUE(has(problem(make_dicom({.slope = "0"}, kSix)), "RescaleSlope (0028,1053) is 0"));
  EXPECT_TRUE(has(problem(make_dicom({.slope = "Doe"}, kSix)), "is no finite number"));
}

TEST_F(Dicom, FramesArePagesAndColoursAreChannels) {
  const Raster frames = decode_raster(make_dicom({.width = 1, .frames = "3"}, kSix), "a");
  EXPECT_EQ(frames.pages, 3);
  EXPECT_EQ(values(frames), (std::vector<double>{0, 1, 2, 100, 4094, 4095}));
  DicomKind colour{
      .width = 2, .height = 1, .samples = 3, .allocated = 8, .stored = 8, .high = 7, .photometric = "RGB"};
  EXPECT_EQ(values(decode_raster(make_dicom(colour, {1, 2, 3, 4, 5, 6}), "a")),
            (std::vector<double>{1, 2, 3, 4, 5, 6}));
  // Grey, and red as JFIF has it: Y 76, Cb 85, Cr 255.
  colour.photometric = "YBR_FULL";
  EXPECT_EQ(values(decode_raster(make_dicom(colour, {128, 128, 128, 76, 85, 255}), "a")),
            (std::vector<double>{128, 128, 128, 254, 0, 0}));
}

TEST_F(Dicom, ResultsAreNewObjectsOfTheSamePatient) {
  const Raster raster = decode_raster(make_dicom({.slope = "2", .intercept = "-7"}, kSix), "a");
  const FileBytes file =
      encode_raster(raster, PictureFormat::dicom, {{"Software", "primal 1"}, {"Primal lambda", "0.25"}});
  const std::string text(file.begin(), file.end());
  for (const char* kept : {"Doe^Jane", "DERIVED\\SECONDARY\\AXIAL", "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.5",
                           "0.5\\0.25", "primal 1 removed noise: lambda 0.25", "WSD"})
    EXPECT_TRUE(has(text, kept)) << kept;
  const Raster again = decode_raster(file, "b");
  EXPECT_EQ(again.samples, raster.samples);
  EXPECT_EQ(again.slope, 2.0);
  EXPECT_EQ(again.offset, -7.0);
  EXPECT_EQ(std::get<DicomOrigin>(again.origin).bits_stored, 12);
  // The same call gives the same file, another one another instance in another series.
  EXPECT_EQ(
      encode_raster(raster, PictureFormat::dicom, {{"Software", "primal 1"}, {"Primal lambda", "0.25"}}),
      file);
  EXPECT_NE(encode_raster(raster, PictureFormat::dicom, {{"Software", "primal 1"}, {"Primal lambda", "0.5"}}),
            file);
}

TEST_F(Dicom, OddAttributesOfTheSourceDoNoHarm) {
  // A class that is no UID is not referred to. Found by the fuzzer.
  const Raster named = decode_raster(make_dicom({.sop_class = "=CTImageStorage"}, kSix), "a");
  EXPECT_EQ(decode_raster(encode_raster(named, PictureFormat::dicom), "b").samples, named.samples);
  // Without lengths of two bytes a text may be longer than explicit VR has room for.
  const DicomKind kind{.is_explicit = false, .patient = std::string(70000, 'x')};
  const Raster longer = decode_raster(make_dicom(kind, kSix), "a");
  EXPECT_EQ(decode_raster(encode_raster(longer, PictureFormat::dicom), "b").samples, longer.samples);
}

TEST_F(Dicom, SamplesStayWithinTheirBits) {
  Raster raster = decode_raster(make_dicom({.sign = 1}, kSix), "a");
  raster.page<int16_t>(0)[0] = 3000;
  raster.page<int16_t>(0)[1] = -3000;
  const Raster again = decode_raster(encode_raster(raster, PictureFormat::dicom), "b");
  EXPECT_EQ(again.page<int16_t>(0)[0], 2047);
  EXPECT_EQ(again.page<int16_t>(0)[1], -2048);
}

TEST_F(Dicom, EveryTypeComesBackWithoutASource) {
  for (const SampleType type :
       {SampleType::u8, SampleType::i8, SampleType::u16, SampleType::i16, SampleType::u32, SampleType::i32}) {
    Raster raster{
        .format = PictureFormat::npy, .width = 5, .height = 3, .type = type, .white = usual_white(type)};
    allocate(raster);
    dispatch_sample(type, [&]<class T>() {
      for (size_t i = 0; i < 15; ++i)
        raster.page<T>(0)[i] = sample_of<T>(static_cast<double>(i) * 1e3 - 100.0);
    });
    const Raster again = decode_raster(
        encode_raster(fitted(raster, PictureFormat::dicom, 0, 1, "a"), PictureFormat::dicom), "b");
    EXPECT_EQ(again.samples, raster.samples) << name_of(type);
    EXPECT_EQ(again.type, type);
  }
}

TEST_F(Dicom, WhatNoObjectHoldsIsRefused) {
  Raster raster{.format = PictureFormat::npy, .width = 2, .height = 2, .type = SampleType::f32};
  allocate(raster);
  EXPECT_TRUE(has(message_of<DataError>([&] { check_fits(raster, PictureFormat::dicom, "a"); }),
                  "DICOM holds integers"));
  raster = {.format = PictureFormat::npy, .width = 2, .height = 2, .pages = 2, .type = SampleType::i16};
  EXPECT_TRUE(has(message_of<DataError>([&] { check_fits(raster, PictureFormat::dicom, "a"); }), "2 pages"));
  // Frames of a scanner keep the class they came in.
  const Raster frames = decode_raster(
      make_dicom({.width = 1, .sign = 1, .frames = "3", .sop_class = "1.2.840.10008.5.1.4.1.1.20"}, kSix),
      "a");
  check_fits(frames, PictureFormat::dicom, "a");
  const FileBytes file = encode_raster(frames, PictureFormat::dicom);
  EXPECT_TRUE(has({file.begin(), file.end()}, "1.2.840.10008.5.1.4.1.1.20"));
}

TEST_F(Dicom, OtherFormatsGetTheValues) {
  const Raster raster = decode_raster(make_dicom({.slope = "2", .intercept = "-7"}, kSix), "a");
  const Raster nifti = decode_raster(
      encode_raster(fitted(raster, PictureFormat::nifti, 0, 1, "a"), PictureFormat::nifti), "n");
  EXPECT_EQ(nifti.slope, 2.0);
  EXPECT_EQ(nifti.offset, -7.0);
  EXPECT_EQ(nifti.samples, raster.samples);
  const Raster floats =
      decode_raster(encode_raster(fitted(raster, PictureFormat::npy, 0, 1, "a"), PictureFormat::npy), "f");
  EXPECT_EQ(values(floats), (std::vector<double>{-7, -5, -3, 193, 8181, 8183}));
  // Levels of 12 bits fill the 16 of a PNG.
  EXPECT_EQ(decode_image(make_dicom({}, kSix), "a").levels.back(), 65535);
}

TEST_F(Dicom, LiesAreFoundBeforeMemoryIsTaken) {
  const auto set = [](const DicomKind& kind) { return dicom_attributes(kind); };
  EXPECT_TRUE(
      has(problem(make_dicom({.width = 60000, .height = 60000}, kSix)), "60000 x 60000 pixels of 2 bytes"));
  EXPECT_TRUE(has(problem(make_dicom({.width = 9000, .height = 9000}, kSix)), "expected 162000000"));
  EXPECT_TRUE(has(problem(make_dicom({.frames = "1000000"}, kSix)), "expected 12000000: 1000000 frames"));
  EXPECT_TRUE(
      has(problem(make_dicom({.frames = "99999999999999999999"}, kSix)), "NumberOfFrames (0028,0008)"));
  EXPECT_TRUE(
      has(problem(make_dicom({.width = 4}, kSix)), "PixelData (7FE0,0010) has 12 bytes, expected 16"));
  EXPECT_TRUE(has(problem(dicom_file(set({}).lying(0x7fe00010, "OW", 0xfffffff0, kSix).str())),
                  "says it has 4294967280 bytes, 12 are left"));
  EXPECT_TRUE(has(problem(dicom_file(DicomSet().lying(0x00100010, "PN", 60000, kSix).str())),
                  "(0010,0010) says it has 60000 bytes"));
  // dcmtk reads other lengths behind a stray mark. Found by the fuzzer.
  EXPECT_TRUE(has(problem(dicom_file(DicomSet().mark(0xfffee040, 8).lying(0x00080008, "CS", 0, {}).str())),
                  "(FFFE,E040) found, expected an attribute"));
  DicomSet nested;
  for (int i = 0; i < 70; ++i) nested.lying(0x00081115, "SQ", 0xffffffff, {}).mark(0xfffee000, 0xffffffff);
  EXPECT_TRUE(has(problem(dicom_file(nested.str())), "nested deeper than 64"));
  // RLE packs 64 bytes into one at best.
  const FileBytes packed = set({.width = 16384, .height = 16384})
                               .lying(0x7fe00010, "OB", 0xffffffff, {})
                               .mark(0xfffee000, 0)
                               .mark(0xfffee000, 12)
                               .str();
  FileBytes lie = packed;
  lie.insert(lie.end(), kSix.begin(), kSix.end());
  const FileBytes end = DicomSet().mark(0xfffee0dd, 0).str();
  lie.insert(lie.end(), end.begin(), end.end());
  const FileBytes file = dicom_file(lie, "1.2.840.10008.1.2.5");
  EXPECT_TRUE(has(problem(file), "more than its 12 bytes can hold"));
  const std::optional<int64_t> growth = peak_growth([&] { decode_raster(file, "lie"); });
  if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
  EXPECT_LT(*growth, 16 * std::ssize(file) + kLibraries);
}

TEST_F(Dicom, WhatIsNotReadIsNamed) {
  EXPECT_TRUE(has(problem(make_dicom({}, kSix, "1.2.840.10008.1.2.4.90")), "gdcmconv --raw"));
  EXPECT_TRUE(has(problem(make_dicom({}, kSix, "1.2.840.10008.1.2.1.99")), "dcmconv"));
  EXPECT_TRUE(has(problem(make_dicom({.photometric = "PALETTE COLOR"}, kSix)), "PALETTE COLOR"));
  EXPECT_TRUE(has(problem(make_dicom({.allocated = 12}, kSix)),
                  "BitsAllocated (0028,0100) is 12, expected 8, 16 or 32"));
  EXPECT_TRUE(has(problem(make_dicom({.stored = 17}, kSix)), "BitsStored (0028,0101) is 17"));
  EXPECT_TRUE(has(problem(make_dicom({.high = 16}, kSix)), "HighBit (0028,0102) is 16"));
  EXPECT_TRUE(has(problem(make_dicom({.samples = 2}, kSix)), "SamplesPerPixel (0028,0002) is 2"));
  EXPECT_TRUE(has(problem(dicom_file(dicom_attributes({}).str())), "PixelData (7FE0,0010) is missing"));
  EXPECT_TRUE(has(problem(make_dicom({}, kSix, "1.2.840.10008.1.2.5")), "is not packed"));
  // A marker at which dcmtk would look for ever. Found by the fuzzer.
  FileBytes tem = dicom_attributes({.allocated = 8, .stored = 8, .high = 7})
                      .lying(0x7fe00010, "OB", 0xffffffff, {})
                      .str();
  const FileBytes parts =
      DicomSet().mark(0xfffee000, 0).mark(0xfffee000, 8).mark(0xd8ff01ff, 0).mark(0xfffee0dd, 0).str();
  tem.insert(tem.end(), parts.begin(), parts.end());
  EXPECT_TRUE(has(problem(dicom_file(tem, "1.2.840.10008.1.2.4.50")), "TEM marker"));
  const DicomKind six_bits{.samples = 3,
                           .allocated = 8,
                           .stored = 6,
                           .high = 7,
                           .photometric = "YBR_FULL"};  // found by the fuzzer
  EXPECT_TRUE(has(problem(make_dicom(six_bits, FileBytes(18))), "is 8 with 6 stored for YBR_FULL"));
  const FileBytes whole = make_dicom({}, kSix);
  for (size_t n = 140; n < whole.size(); ++n)
    problem({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)});
}

}  // namespace
}  // namespace primal
