// Compressed frames of DICOM files that hold less, more or something else than the attributes state.
#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "data/image/dicom/frames.h"
#include "support/dicom_files.h"
#include "support/picture_files.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::has;

using namespace testing;

constexpr const char *kRle = "1.2.840.10008.1.2.5", *kJpeg = "1.2.840.10008.1.2.4.50";

class DicomFrames : public ::testing::Test {
  void SetUp() override {
    try {
      check_library(PictureFormat::dicom, "");
    } catch (const ConfigError&) {
      GTEST_SKIP() << "a build without dcmtk";
    }
  }
};

// Levels of 8 bits, 4 columns and 3 rows unless told otherwise.
DicomKind bytes_kind(const std::string& frames = {}) {
  return {.width = 4, .height = 3, .allocated = 8, .stored = 8, .high = 7, .frames = frames};
}

FileBytes packed(const DicomKind& kind, const std::vector<FileBytes>& fragments, const char* syntax) {
  FileBytes set = dicom_attributes(kind).lying(0x7fe00010, "OB", 0xffffffff, {}).mark(0xfffee000, 0).str();
  for (FileBytes fragment : fragments) {
    if (fragment.size() % 2 != 0) fragment.push_back(0);
    const FileBytes mark = DicomSet().mark(0xfffee000, static_cast<uint32_t>(fragment.size())).str();
    set.insert(set.end(), mark.begin(), mark.end());
    set.insert(set.end(), fragment.begin(), fragment.end());
  }
  const FileBytes end = DicomSet().mark(0xfffee0dd, 0).str();
  set.insert(set.end(), end.begin(), end.end());
  return dicom_file(set, syntax);
}

// A frame of RLE with these segments.
FileBytes rle(const std::vector<FileBytes>& segments) {
  std::vector<uint32_t> head(16, 0);
  head[0] = static_cast<uint32_t>(segments.size());
  uint32_t at = 64;
  for (size_t s = 0; s < segments.size(); ++s) {
    head[s + 1] = at;
    at += static_cast<uint32_t>(segments[s].size());
  }
  FileBytes out = numbers<uint32_t>(head);
  for (const FileBytes& segment : segments) out.insert(out.end(), segment.begin(), segment.end());
  return out;
}
// Four levels as they stand, then runs of four 7s.
FileBytes segment_of_rows(int rows) {
  FileBytes segment{3, 1, 2, 3, 4};
  for (int y = 1; y < rows; ++y) segment.insert(segment.end(), {253, 7});
  return segment;
}

FileBytes jpeg(int width, int height, int channels = 1) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < width * height * channels; ++i) pixels.push_back(static_cast<uint8_t>(i * 5));
  return make_jpeg({.channels = channels}, width, height, pixels);
}

std::string problem(const FileBytes& file) {
  const std::string message = message_of<DataError>([&] { decode_raster(file, "test.dcm"); });
  EXPECT_TRUE(has(message, "[dicom] test.dcm")) << "'" << message << "'";
  return message;
}

TEST_F(DicomFrames, RleFillsThePicture) {
  const Raster raster = decode_raster(packed(bytes_kind(), {rle({segment_of_rows(3)})}, kRle), "a");
  EXPECT_EQ(raster.samples, (std::vector<uint8_t>{1, 2, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7}));
  EXPECT_TRUE(raster.remarks.empty());
  // Zeros that are pixels, and a zero that fills the segment up.
  const FileBytes zeros = rle({{11, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  const Raster dark = decode_raster(packed(bytes_kind(), {zeros}, kRle), "a");
  EXPECT_EQ(dark.samples[0], 1);
  EXPECT_TRUE(dark.remarks.empty());
  // One frame in two fragments.
  const FileBytes whole = rle({segment_of_rows(3)});
  const FileBytes first(whole.begin(), whole.begin() + 66), second(whole.begin() + 66, whole.end());
  EXPECT_EQ(decode_raster(packed(bytes_kind(), {first, second}, kRle), "a").samples, raster.samples);
}

TEST_F(DicomFrames, RleThatIsTooShortIsRefused) {
  EXPECT_TRUE(has(
      problem(packed(bytes_kind(), {rle({segment_of_rows(2)})}, kRle)),
      "is wrong in frame 1 of 1: it decodes to 8 bytes in RLE segment 1, expected 12: 3 rows of 4 columns"));
  // A run of levels that the fragment ends in.
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {rle({{11, 1, 2, 3, 4, 5}})}, kRle)), "decodes to 5 bytes"));
  const FileBytes good = rle({segment_of_rows(3)});
  EXPECT_TRUE(has(problem(packed(bytes_kind("2"), {good, rle({segment_of_rows(1)})}, kRle)),
                  "in frame 2 of 2: it decodes to 4 bytes"));
  EXPECT_TRUE(has(problem(packed(bytes_kind("2"), {good}, kRle)), "has 1 compressed frame, expected 2"));
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {rle({segment_of_rows(3), segment_of_rows(3)})}, kRle)),
                  "has 2 RLE segments, expected 1"));
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {{1, 0, 0, 0}}, kRle)), "expected an RLE header of 64"));
  FileBytes lie = good;
  lie[5] = 1;  // the segment begins at byte 320
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {lie}, kRle)), "has RLE segment 1 at bytes 320"));
}

TEST_F(DicomFrames, SurplusIsLeftOutWithARemark) {
  const auto remark = [](const FileBytes& file) {
    const Raster raster = decode_raster(file, "a");
    EXPECT_EQ(raster.samples[3], 4);
    return raster.remarks.size() == 1 ? raster.remarks[0] : "";
  };
  const FileBytes good = rle({segment_of_rows(3)});
  EXPECT_EQ(remark(packed(bytes_kind(), {rle({segment_of_rows(5)})}, kRle)),
            "its frame 1 has 20 pixels, and 3 rows of 4 columns take 12: the others are left out");
  EXPECT_EQ(remark(packed(bytes_kind("2"), {good, good, good}, kRle)),
            "its pixel data has 3 frames, and NumberOfFrames says 2: the others are left out");
  FileBytes plain(24, 0);
  plain[3] = 4;
  EXPECT_TRUE(
      has(remark(make_dicom(bytes_kind(), plain)), "its pixel data has 24 bytes, and 1 frame of 3 rows"));
  plain.resize(12);
  EXPECT_TRUE(decode_raster(make_dicom(bytes_kind(), plain), "a").remarks.empty());
}

TEST_F(DicomFrames, AJpegHasTheSizeThatTheAttributesState) {
  EXPECT_EQ(decode_raster(packed(bytes_kind(), {jpeg(4, 3)}, kJpeg), "a").width, 4);
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {jpeg(3, 4)}, kJpeg)),
                  "in frame 1 of 1: it has a JPEG of 3 x 4 pixels with 1 sample of 8 bits, expected 4 x 3"));
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {jpeg(2, 2)}, kJpeg)), "has a JPEG of 2 x 2 pixels"));
  EXPECT_TRUE(has(problem(packed(bytes_kind("2"), {jpeg(4, 3), jpeg(4, 2)}, kJpeg)),
                  "in frame 2 of 2: it has a JPEG of 4 x 2 pixels"));
  EXPECT_TRUE(has(problem(packed(bytes_kind(), {jpeg(4, 3, 3)}, kJpeg)), "with 3 samples of 8 bits"));
  DicomKind wide = bytes_kind();
  wide.allocated = 16;
  EXPECT_TRUE(has(problem(packed(wide, {jpeg(4, 3)}, kJpeg)), "expected 4 x 3 with 1 of 9 to 16 bits"));
  const Raster more = decode_raster(packed(bytes_kind(), {jpeg(4, 3), jpeg(4, 3)}, kJpeg), "a");
  ASSERT_EQ(more.remarks.size(), 1u);
  EXPECT_TRUE(has(more.remarks[0], "has 2 frames, and NumberOfFrames says 1"));
}

TEST_F(DicomFrames, ATruncatedJpegIsNamed) {
  const FileBytes whole = jpeg(4, 3);
  for (const size_t left : {whole.size() / 4, whole.size() - 12, whole.size() - 2}) {
    const FileBytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(left));
    EXPECT_TRUE(has(problem(packed(bytes_kind(), {cut}, kJpeg)), "its JPEG data is truncated or broken"))
        << left;
  }
  // One frame in two fragments.
  const FileBytes first(whole.begin(), whole.begin() + 100), second(whole.begin() + 100, whole.end());
  EXPECT_EQ(decode_raster(packed(bytes_kind(), {first, second}, kJpeg), "a").samples,
            decode_raster(packed(bytes_kind(), {whole}, kJpeg), "a").samples);
}

TEST_F(DicomFrames, ValuesBeyondFloat32AreRefused) {
  const FileBytes pixels = numbers<uint16_t>({0, 1, 2, 100, 4094, 4095});
  for (const char* slope : {"1e300", "1e-300"}) {
    const Raster raster = decode_raster(make_dicom({.slope = slope, .intercept = "0"}, pixels), "a");
    const std::string message =
        message_of<DataError>([&] { fitted(raster, PictureFormat::npy, 0.0, 1.0, "a.dcm"); });
    EXPECT_TRUE(has(message, "[format] a.dcm has values up to 4.095e")) << message;
    EXPECT_TRUE(has(message, "give --format dicom")) << message;
  }
}

}  // namespace
}  // namespace primal
