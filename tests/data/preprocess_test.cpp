#include "data/preprocess/preprocess.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

Image picture(int64_t width, int64_t height, const std::vector<uint16_t>& levels, int channels = 1,
              int bit_depth = 8) {
  Image image(width, height, channels, bit_depth);
  image.levels = levels;
  return image;
}

TEST(Crop, RoundsEachEdgeHalfToEven) {
  EXPECT_EQ(centre_crop_box(1040, 747), (CropBox{146, 0, 894, 747}));  // 146.5, 893.5: one pixel off square
  EXPECT_EQ(centre_crop_box(437, 144), (CropBox{146, 0, 290, 144}));
  EXPECT_EQ(centre_crop_box(6, 3), (CropBox{2, 0, 4, 3}));
  EXPECT_EQ(centre_crop_box(4, 3), (CropBox{0, 0, 4, 3}));
  EXPECT_EQ(centre_crop_box(3, 6), (CropBox{0, 2, 3, 4}));
  EXPECT_EQ(centre_crop_box(5, 5), (CropBox{0, 0, 5, 5}));
  EXPECT_EQ(centre_crop_box(4, 1), (CropBox{2, 0, 3, 1}));  // 1.5 and 2.5 both become 2
}

TEST(Crop, StaysInsideForAllSmallPictures) {
  for (int64_t w = 1; w < 40; ++w) {
    for (int64_t h = 1; h < 40; ++h) {
      const CropBox box = centre_crop_box(w, h);
      EXPECT_TRUE(0 <= box.left && box.left < box.right && box.right <= w) << w << " x " << h;
      EXPECT_TRUE(0 <= box.top && box.top < box.bottom && box.bottom <= h) << w << " x " << h;
      EXPECT_LE(std::abs(box.right - box.left - std::min(w, h)), 1) << w << " x " << h;
    }
  }
  EXPECT_EQ(crop(picture(3, 2, {1, 2, 3, 4, 5, 6}), {1, 0, 3, 2}).levels,
            (std::vector<uint16_t>{2, 3, 5, 6}));
  EXPECT_THROW(crop(picture(1, 1, {1}), {0, 0, 2, 1}), ShapeError);
}

// Computed by Pillow 9.4: Image.resize(size, BICUBIC).
TEST(Resize, MatchesPillowOnSmallPictures) {
  EXPECT_EQ(resize_bicubic(picture(7, 5, {0,  48,  170, 110, 124, 212, 118, 98,  152, 24,  226, 246,
                                          84, 252, 238, 42,  176, 128, 154, 254, 172, 164, 230, 114,
                                          72, 104, 210, 134, 132, 204, 94,  58,  96,  208, 138},
                                   1),
                           3, 4)
                .levels,
            (std::vector<uint16_t>{60, 143, 163, 116, 164, 196, 171, 118, 179, 164, 87, 159}));
  EXPECT_EQ(
      resize_bicubic(picture(4, 3, {0, 96, 198, 42, 148, 252, 98, 150, 72, 56, 174, 82}, 1), 7, 5).levels,
      (std::vector<uint16_t>{0,   13,  77,  162, 201, 90,  21, 52,  87,  155, 171, 156,
                             106, 77,  140, 185, 252, 178, 96, 128, 154, 103, 113, 130,
                             141, 142, 120, 108, 68,  54,  38, 116, 179, 113, 69}));
  EXPECT_EQ(
      resize_bicubic(picture(5, 2, {0,   76,  162, 2,  108, 224, 94,  230, 120, 20,  186, 106, 36,  232, 182,
                                    142, 112, 92,  82, 82,  92,  112, 142, 182, 232, 36,  106, 186, 20,  120},
                             3),
                     3, 3)
          .levels,
      (std::vector<uint16_t>{0,   86,  198, 54,  201, 137, 18, 227, 149, 56,  94,  142, 95, 151,
                             143, 120, 120, 131, 119, 102, 85, 135, 101, 148, 222, 13,  113}));
}

TEST(Resize, SameSizeIsTheIdentity) {
  const Image image = picture(3, 2, {0, 255, 17, 80, 3, 200});
  EXPECT_EQ(resize_bicubic(image, 3, 2), image);
  const Image deep = picture(3, 1, {0, 65535, 1234}, 1, 16);
  EXPECT_EQ(resize_bicubic(deep, 3, 1), deep);
}

TEST(Resize, FlatPicturesStayFlat) {
  for (const int bit_depth : {8, 16}) {
    Image image(19, 23, 3, bit_depth);
    for (uint16_t& level : image.levels) level = static_cast<uint16_t>(image.max_level() - 3);
    for (const int64_t size : {1, 7, 19, 64}) {
      for (const uint16_t level : resize_bicubic(image, size, size).levels)
        ASSERT_EQ(level, image.max_level() - 3);
    }
  }
}

TEST(Resize, SixteenBitsFollowTheSameFilter) {
  // 8-bit levels times 257 are the same picture in 16 bit; only the 8-bit rounding (twice) lies between the
  // results.
  Image image(37, 29, 1);
  for (size_t i = 0; i < image.levels.size(); ++i) image.levels[i] = static_cast<uint16_t>(60 + i * i % 130);
  Image deep(37, 29, 1, 16);
  for (size_t i = 0; i < image.levels.size(); ++i)
    deep.levels[i] = static_cast<uint16_t>(image.levels[i] * 257);
  const Image small = resize_bicubic(image, 16, 50), deep_small = resize_bicubic(deep, 16, 50);
  for (size_t i = 0; i < small.levels.size(); ++i) {
    EXPECT_NEAR(small.levels[i], deep_small.levels[i] / 257.0, 1.2);
  }
}

TEST(Resize, RefusesAbsurdSizes) {
  EXPECT_THROW(resize_bicubic(picture(1, 1, {1}), 0, 1), ShapeError);
  EXPECT_THROW(resize_bicubic(picture(1, 1, {1}), int64_t{1} << 20, int64_t{1} << 20), ShapeError);
}

TEST(Grey, FollowsItuR601) {
  // Pillow: Image.new('RGB', (1, 1), rgb).convert('L')
  EXPECT_EQ(to_grey(picture(3, 1, {255, 0, 0, 0, 255, 0, 0, 0, 255}, 3)).levels,
            (std::vector<uint16_t>{76, 150, 29}));
  EXPECT_EQ(to_grey(picture(2, 1, {255, 255, 255, 13, 200, 77}, 3)).levels,
            (std::vector<uint16_t>{255, 130}));
  EXPECT_EQ(to_grey(picture(1, 1, {65535, 65535, 65535}, 3, 16)).levels, (std::vector<uint16_t>{65535}));
}

TEST(ToTensor, ScalesAndComesBack) {
  const Image image = picture(3, 2, {0, 255, 51, 102, 1, 254});
  const Tensor x = to_tensor(image);
  EXPECT_EQ(x.shape(), (Shape{1, 1, 1, 2, 3}));
  EXPECT_FLOAT_EQ(x.data<float>()[2], 0.2f);
  EXPECT_EQ(to_image(x), image);
  const Image deep = picture(2, 1, {12345, 65535}, 1, 16);
  EXPECT_EQ(to_image(to_tensor(deep), 16), deep);
  EXPECT_THROW(to_tensor(Image(1, 1, 3)), ShapeError);
}

TEST(ToImage, ClipsAndSurvivesNaN) {
  const Tensor x = Tensor::from<float>({1, 4}, std::vector<float>{-0.1f, 1.5f, std::nanf(""), 0.499f});
  EXPECT_EQ(to_image(x).levels, (std::vector<uint16_t>{0, 255, 0, 127}));
  EXPECT_THROW(to_image(Tensor::zeros({2, 3, 4})), ShapeError);
  EXPECT_THROW(to_image(Tensor()), ShapeError);
}

TEST(PreprocessGolden, EqualsEveryRecordedCase) {
  const char* golden = std::getenv("PRIMAL_GOLDEN");
  const std::filesystem::path folder = golden != nullptr ? golden : "../shared/golden";
  const char* data = std::getenv("PRIMAL_DATA");
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "there is no folder " << folder.string()
                 << ": set PRIMAL_GOLDEN to a folder with golden cases preprocess_*.safetensors";
  }
  if (!std::filesystem::is_directory(data != nullptr ? data : "../shared/data")) {
    GTEST_SKIP() << "set PRIMAL_DATA to the folder with the pictures that those golden cases name";
  }
  const OpInfo info = preprocess_info();
  int n_cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("preprocess_")) continue;
    const Safetensors file = Safetensors::read(entry.path());
    OpCall call;
    call.attrs = Attributes::parse(file.metadata().at("attrs"));
    const Tensor got = info.run(call).outputs.at("image"), expected = file.tensor("output.image");
    ASSERT_EQ(got.str(), expected.str()) << entry.path();
    const Verdict verdict = info.judge("output.image", got, expected, call);
    EXPECT_EQ(verdict.error, 0.0)
        << entry.path();  // stricter than the judge, which allows 0.1 % where there is colour
    ++n_cases;
  }
  EXPECT_GT(n_cases, 0);
}

TEST(PreprocessGolden, TheJudgeCountsLevels) {
  const OpInfo info = preprocess_info();
  OpCall grey, colour;
  grey.attrs["source_mode"] = "L";
  colour.attrs["source_mode"] = "RGB";
  const Tensor expected = Tensor::full({100, 100}, 7, DType::u8);
  const auto off = [&](int n_pixels, int by) {
    const Tensor t = expected.clone();
    for (int i = 0; i < n_pixels; ++i) t.data<uint8_t>()[i] = static_cast<uint8_t>(7 + by);
    return t;
  };
  EXPECT_TRUE(info.judge("output.image", off(0, 0), expected, grey).pass());
  EXPECT_FALSE(info.judge("output.image", off(1, 1), expected, grey).pass());
  EXPECT_TRUE(info.judge("output.image", off(10, 1), expected, colour).pass());
  EXPECT_FALSE(info.judge("output.image", off(11, 1), expected, colour).pass());
  EXPECT_FALSE(info.judge("output.image", off(1, 2), expected, colour).pass());
}

}  // namespace
}  // namespace primal
