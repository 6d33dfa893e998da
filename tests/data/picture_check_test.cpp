// The quick look at a data set's files: it must find what the reader would refuse, and refuse
// nothing that it would read.
#include "data/dataset/picture_check.h"

#include <gtest/gtest.h>

#include "data/file/file.h"
#include "data/image/image.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "support/picture_files.h"
#include "support/temporary_folder.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

class PictureCheckTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::vector<uint8_t>& bytes) const {
    write_file_atomically(folder_ / name, bytes);
    return folder_ / name;
  }
  PictureReport look(const fs::path& path, PictureCheck check = PictureCheck::headers) const {
    return check_pictures(std::vector<fs::path>{path}, check).front();
  }
  std::vector<uint8_t> png() const { return encode_png(to_image(make_phantom(1, 0, 40))); }
  const testing::TemporaryFolder folder_;
};

TEST_F(PictureCheckTest, GivesTheExtentOfWholePictures) {
  write_png(folder_ / "a.png", Image(5, 7, 3, 16));
  const std::vector<fs::path> paths{folder_ / "a.png", write("b.png", png())};
  for (const PictureCheck check : {PictureCheck::headers, PictureCheck::decode}) {
    const std::vector<PictureReport> reports = check_pictures(paths, check);
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].width, 5);
    EXPECT_EQ(reports[0].height, 7);
    EXPECT_EQ(reports[1].width, 40);
    EXPECT_EQ(reports[1].error, "");
  }
}

TEST_F(PictureCheckTest, FindsEveryTruncation) {
  const std::vector<uint8_t> whole = png();
  for (size_t n = 0; n < whole.size(); ++n) {
    const fs::path path = write("cut.png", {whole.data(), whole.data() + n});
    // What the reader makes of a file that lacks only its end is its own affair; the look agrees with it.
    EXPECT_EQ(look(path).error, look(path, PictureCheck::decode).error)
        << n << " of " << whole.size() << " bytes";
    EXPECT_TRUE(!look(path).error.empty() || n >= whole.size() - 12) << n;
  }
}

TEST_F(PictureCheckTest, JudgesEveryKindOfJpegAsTheReaderDoes) {
  const int width = 24, height = 17;
  for (const testing::JpegKind& kind :
       {testing::JpegKind{}, testing::JpegKind{.channels = 3}, testing::JpegKind{.channels = 4},
        testing::JpegKind{.channels = 3, .progressive = true}, testing::JpegKind{.arithmetic = true},
        testing::JpegKind{.channels = 3, .orientation = 6}}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(width * height * kind.channels));
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 37 % 251);
    const std::vector<uint8_t> whole = testing::make_jpeg(kind, width, height, pixels);
    const PictureReport report = look(write("a.jpg", whole));
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(std::max(report.width, report.height), width);
    for (size_t n = 0; n < whole.size(); ++n) {
      const fs::path path = write("cut.jpg", {whole.data(), whole.data() + n});
      EXPECT_EQ(look(path).error, look(path, PictureCheck::decode).error) << n << " of " << whole.size();
    }
  }
}

TEST_F(PictureCheckTest, SaysWhatTheReaderSays) {
  EXPECT_NE(look(write("text.png", {'t', 'e', 'x', 't'})).error.find("is a text, expected PNG, JPEG"),
            std::string::npos);
  EXPECT_NE(look(write("empty.jpg", {})).error.find("is empty"), std::string::npos);
  EXPECT_FALSE(look(folder_ / "none.png").error.empty());
  std::vector<uint8_t> wrong = png();
  wrong[20] ^= 1;  // the height; the CRC of IHDR tells
  EXPECT_FALSE(look(write("crc.png", wrong)).error.empty());
}

TEST_F(PictureCheckTest, DamageInsideThePixelsNeedsDecoding) {
  std::vector<uint8_t> damaged = png();
  damaged[damaged.size() / 2] ^= 0x55;
  const fs::path path = write("damaged.png", damaged);
  EXPECT_EQ(look(path).error, "");
  EXPECT_NE(look(path, PictureCheck::decode).error.find("corrupt"), std::string::npos);
}

}  // namespace
}  // namespace primal
