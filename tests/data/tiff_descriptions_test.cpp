// Descriptions of TIFFs that tell readers how to read: those of ImageJ count planes, others count channels.
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

#include "support/raster_checks.h"

namespace primal {
namespace {

using testing::FileBytes;
using testing::has;

class TiffDescriptions : public ::testing::Test {
  void SetUp() override {
    if (!testing::is_built(PictureFormat::tiff)) GTEST_SKIP() << "a build without libtiff";
  }
};

std::string of_images(int64_t n) {
  return "ImageJ=1.54f\nimages=" + std::to_string(n) + "\nslices=" + std::to_string(n) +
         "\nunit=micron\nspacing=2.5\n";
}

// Pages of so many rows take several strips.
Raster stack(int64_t pages, int64_t height, const TiffOrigin& as, const std::string& description) {
  Raster raster{.format = PictureFormat::tiff, .width = 61, .height = height, .pages = pages};
  raster.type = SampleType::u16;
  raster.white = usual_white(raster.type);
  allocate(raster);
  uint32_t value = 1;
  for (uint8_t& byte : raster.samples)
    byte = static_cast<uint8_t>((value = value * 1664525 + 1013904223) >> 24);
  TiffOrigin origin = as;
  origin.pages.assign(static_cast<size_t>(pages), {});
  origin.pages.front().description = description;
  raster.origin = origin;
  return raster;
}

FileBytes encoded(const Raster& raster) { return encode_raster(raster, PictureFormat::tiff); }

std::string description_in(const FileBytes& file, size_t page = 0) {
  return std::get<TiffOrigin>(decode_raster(file, "test").origin).pages.at(page).description;
}

// As they lie in a file of this machine's byte order.
bool holds_in_one_piece(const FileBytes& file, const std::vector<uint8_t>& samples) {
  return std::search(file.begin(), file.end(), samples.begin(), samples.end()) != file.end();
}

TEST_F(TiffDescriptions, PlanesLieOneBehindTheOtherAndDirectoriesNameThem) {
  for (const int64_t pages : {2, 3, 10}) {
    for (const int64_t height : {5, 400}) {
      for (const bool is_big : {false, true}) {
        const Raster raster = stack(pages, height, {.is_big_tiff = is_big}, of_images(pages));
        const FileBytes file = encoded(raster);
        EXPECT_TRUE(holds_in_one_piece(file, raster.samples)) << pages << " " << height;
        const Raster again = decode_raster(file, "test");
        EXPECT_EQ(again.pages, pages);
        EXPECT_EQ(again.samples, raster.samples);
        EXPECT_EQ(again.remarks, std::vector<std::string>{});
        EXPECT_EQ(description_in(file), of_images(pages));
        EXPECT_EQ(encoded(again), file);
      }
    }
  }
}

TEST_F(TiffDescriptions, EveryByteOrderTypeAndLayoutComesBack) {
  for (const uint16_t compression : {uint16_t{1}, uint16_t{5}, uint16_t{8}}) {
    for (const bool big_endian : {false, true}) {
      for (const uint32_t tile : {0u, 16u, 64u}) {
        const TiffOrigin as{
            .big_endian = big_endian, .compression = compression, .tile_width = tile, .tile_height = tile};
        Raster raster = stack(3, 70, as, of_images(3));
        raster.alpha.assign(raster.samples.begin(), raster.samples.end());
        const Raster again = decode_raster(encoded(raster), "test");
        EXPECT_EQ(again.samples, raster.samples) << compression << " " << big_endian << " " << tile;
        EXPECT_EQ(again.alpha, raster.alpha) << compression << " " << big_endian << " " << tile;
        EXPECT_EQ(std::get<TiffOrigin>(again.origin).tile_width, tile);
      }
    }
  }
}

TEST_F(TiffDescriptions, AWrongNumberOfImagesIsNotWritten) {
  const std::string without = "ImageJ=1.54f\nslices=7\nunit=micron\nspacing=2.5\n";
  EXPECT_EQ(description_in(encoded(stack(3, 5, {}, of_images(7)))), without);
  EXPECT_EQ(description_in(encoded(stack(1, 5, {}, of_images(7)))), without);
  // On a later page it would end the list of pages there.
  Raster raster = stack(2, 5, {}, of_images(2));
  std::get<TiffOrigin>(raster.origin).pages[1].description = "ImageJ=1.54f\nimages=2";
  EXPECT_EQ(description_in(encoded(raster), 1), "ImageJ=1.54f");
  // Others' words stay.
  for (const char* text : {"notes\nimages=7\n", "ImageJ=1.54f\nunit=micron\n", "ImageJ=", ""})
    EXPECT_EQ(description_in(encoded(stack(3, 5, {}, text))), text);
}

TEST_F(TiffDescriptions, DamagedFilesAreReadOrRefused) {
  const FileBytes file = encoded(stack(2, 5, {}, of_images(2)));
  for (size_t n = 0; n < file.size(); ++n)
    EXPECT_THROW(decode_raster(std::span(file).first(n), "test"), DataError) << n << " of " << file.size();
  testing::survives_damage(file);
}

// The file with its first directory for the last one.
FileBytes first_directory_alone(FileBytes file) {
  uint32_t directory = 0;
  uint16_t n_entries = 0;
  std::memcpy(&directory, file.data() + 4, 4);
  std::memcpy(&n_entries, file.data() + directory, 2);
  std::fill_n(file.begin() + directory + 2 + 12 * n_entries, 4, uint8_t{0});
  return file;
}

TEST_F(TiffDescriptions, PlanesWithoutDirectoriesAreRefused) {
  const Raster raster = stack(4, 5, {}, of_images(4));
  const FileBytes file = first_directory_alone(encoded(raster));
  const std::string message = testing::message_of<DataError>([&] { decode_raster(file, "cells.tif"); });
  EXPECT_TRUE(has(message, "[tiff] cells.tif has one directory") && has(message, "4 images")) << message;
  EXPECT_TRUE(has(message, "several files") && has(message, "BigTIFF")) << message;
}

constexpr size_t kPlane = size_t{61} * 5 * 2;  // bytes of a page of 5 rows

// Cut off behind so many bytes of its planes.
FileBytes cut_off(FileBytes file, size_t bytes_of_planes) {
  file.resize(file.size() - 4 * kPlane + bytes_of_planes);
  return file;
}

TEST_F(TiffDescriptions, ATruncatedStackWithOneDirectoryIsRefused) {
  const FileBytes file = first_directory_alone(encoded(stack(4, 5, {}, of_images(4))));
  for (const size_t bytes : {2 * kPlane, 3 * kPlane - 1, 3 * kPlane, 4 * kPlane - 1}) {
    const std::string message =
        testing::message_of<DataError>([&] { decode_raster(cut_off(file, bytes), "cells.tif"); });
    EXPECT_TRUE(has(message, "[tiff] cells.tif has one directory") && has(message, "4 images")) << bytes;
  }
}

constexpr const char* kOneOfFour = "its description announces 4 images, of which the file holds one";

TEST_F(TiffDescriptions, APageThatWasTakenOutOfAStackIsReadWithARemark) {
  using List = std::vector<std::string>;
  const Raster raster = stack(4, 5, {}, of_images(4));
  const FileBytes file = first_directory_alone(encoded(raster));
  for (const size_t bytes : {kPlane, kPlane + 1, 2 * kPlane - 1}) {
    const Raster read = decode_raster(cut_off(file, bytes), "test");
    EXPECT_EQ(read.pages, 1) << bytes;
    EXPECT_TRUE(std::ranges::equal(read.samples, std::span(raster.samples).first(kPlane))) << bytes;
    EXPECT_EQ(read.remarks, List{kOneOfFour}) << bytes;
  }
  EXPECT_THROW(decode_raster(cut_off(file, kPlane - 1), "test"), DataError);
  // Directories behind the samples, with values that are longer than a page, are no plane; neither is the
  // rest of a tile.
  const auto with_images = [](const Raster& one) {
    FileBytes bytes = encoded(one);
    const std::string marks = std::get<TiffOrigin>(one.origin).pages[0].description, text = of_images(4);
    std::copy(text.begin(), text.end(), std::search(bytes.begin(), bytes.end(), marks.begin(), marks.end()));
    return bytes;
  };
  const std::string marks = std::string(of_images(4).size(), '#') + std::string(4 * kPlane, ' ');
  for (const uint32_t tile : {0u, 64u}) {
    const Raster one = stack(1, 5, {.tile_width = tile, .tile_height = tile}, marks);
    const Raster read = decode_raster(with_images(one), "test");
    EXPECT_EQ(read.samples, one.samples) << tile;
    EXPECT_EQ(read.remarks, List{kOneOfFour}) << tile;
  }
}

TEST_F(TiffDescriptions, OneDirectoryIsOnePageWhereTheOtherPlanesAreNotThere) {
  // Packed planes have directories of their own.
  FileBytes file = first_directory_alone(encoded(stack(4, 5, {.compression = 8}, of_images(4))));
  file.resize(file.size() + 4096);
  EXPECT_EQ(decode_raster(file, "test").pages, 1);
  // The description is not ImageJ's, or has no number of several images.
  for (const char* text : {"notes\nimages=4\n", "ImageJ=1.54f\nunit=micron\n", "ImageJ=1.54f\nimages=1\n",
                           "ImageJ=1.54f\nimages=-4\n", "ImageJ=1.54f\nimages=99999999999999999999\n",
                           "ImageJ=1.54f\nimages="}) {
    // What is not true of the pages is not written, so it is put into the place of a text of the same length.
    const std::string marks(std::string_view(text).size(), '#');
    file = first_directory_alone(encoded(stack(4, 5, {}, marks)));
    const auto at = std::search(file.begin(), file.end(), marks.begin(), marks.end());
    std::copy_n(text, marks.size(), at);
    file.resize(file.size() + 4096);
    const Raster read = decode_raster(file, "test");
    EXPECT_EQ(read.pages, 1) << text;
    EXPECT_EQ(read.remarks, std::vector<std::string>{}) << text;
    EXPECT_EQ(std::get<TiffOrigin>(read.origin).pages[0].description, text);
  }
}

// The number of strips of each page of a plain TIFF of this machine's byte order.
std::vector<uint32_t> strips_of(const FileBytes& file) {
  constexpr uint16_t kStripOffsets = 273;
  constexpr size_t kEntry = 12;
  std::vector<uint32_t> strips;
  uint32_t directory = 0;
  std::memcpy(&directory, file.data() + 4, 4);
  while (directory != 0) {
    uint16_t n_entries = 0;
    std::memcpy(&n_entries, file.data() + directory, 2);
    const uint8_t* entry = file.data() + directory + 2;
    for (int i = 0; i < n_entries; ++i, entry += kEntry) {
      uint16_t tag = 0;
      std::memcpy(&tag, entry, 2);
      if (tag != kStripOffsets) continue;
      std::memcpy(&strips.emplace_back(), entry + 4, 4);
    }
    std::memcpy(&directory, entry, 4);
  }
  return strips;
}

// ImageJ cannot open pages of two strips. 67 rows of 122 bytes are a strip.
TEST_F(TiffDescriptions, PagesHaveOneStripOrThreeAndMore) {
  for (const auto& [height, strips] :
       {std::pair{1, 1u}, {67, 1u}, {68, 1u}, {100, 1u}, {134, 1u}, {135, 3u}, {201, 3u}, {202, 4u}}) {
    for (const int64_t pages : {1, 3}) {
      for (const uint16_t compression : {uint16_t{1}, uint16_t{5}, uint16_t{8}}) {
        for (const std::string& text : {std::string(), of_images(pages)}) {
          const Raster raster = stack(pages, height, {.compression = compression}, text);
          const FileBytes file = encoded(raster);
          EXPECT_EQ(strips_of(file), std::vector<uint32_t>(static_cast<size_t>(pages), strips))
              << height << " " << pages << " " << compression << " " << text;
          EXPECT_EQ(decode_raster(file, "test").samples, raster.samples) << height << " " << compression;
        }
      }
    }
  }
}

TEST_F(TiffDescriptions, TwoRowsThatAreLongerThanAStripAreOne) {
  Raster raster{.format = PictureFormat::tiff, .width = 9000, .height = 2, .white = 255.0};
  allocate(raster);
  raster.samples.back() = 7;
  raster.origin = TiffOrigin{};
  EXPECT_EQ(strips_of(encoded(raster)), std::vector<uint32_t>{1});
  EXPECT_EQ(decode_raster(encoded(raster), "test").samples, raster.samples);
}

std::vector<std::string> remarks_on(const std::vector<testing::TiffTag>& more, size_t pages = 1) {
  std::vector<testing::TiffTag> tags = testing::tiff_tags(2, 1, 8);
  tags.insert(tags.end(), more.begin(), more.end());
  return decode_raster(testing::make_tiff(std::vector<testing::TiffDirectory>(pages, {tags, {{5, 6}}})),
                       "test")
      .remarks;
}

TEST_F(TiffDescriptions, ARemarkSaysOnceThatTheTagsOfImagejAreLeftOut) {
  using List = std::vector<std::string>;
  const List remarks{
      "what ImageJ stores in tags of its own, such as labels, overlays and look-up tables, is left out"};
  for (const size_t pages : {1u, 3u}) {
    EXPECT_EQ(remarks_on({{50838, 4, {12, 8}}, {50839, 4, {1, 2, 3, 4, 5}}}, pages), remarks);
    EXPECT_EQ(remarks_on({{50839, 4, {1}}}, pages), remarks);
    EXPECT_EQ(remarks_on({{50000, 4, {9}}, {50838, 4, {12, 8}}, {50839, 4, {1}}, {60000, 4, {9}}}, pages),
              remarks);
  }
}

TEST_F(TiffDescriptions, UnknownPrivateTagsAreNoRemark) {
  EXPECT_EQ(remarks_on({{32768, 4, {7}}, {50000, 4, {1, 2, 3}}, {65000, 3, {7}}}),
            std::vector<std::string>{});
  // Others are, and private tags before them do not hide them.
  const std::vector<std::string> remarks = remarks_on({{32000, 4, {7}}, {50000, 4, {7}}}, 2);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_TRUE(has(remarks[0], "32000")) << remarks[0];
}

// One page of RGB as it is read from a file.
Raster colours(const std::string& description) {
  Raster raster{.format = PictureFormat::tiff, .width = 3, .height = 2, .channels = 3, .white = 255.0};
  allocate(raster);
  raster.origin = TiffOrigin{.pages = {{.description = description}}};
  return decode_raster(encoded(raster), "test");
}

std::string description_of(const Raster& raster) {
  const Raster written = fitted(raster, PictureFormat::tiff, 0.0, 255.0, "a");
  return std::get<TiffOrigin>(written.origin).pages.at(0).description;
}

std::vector<std::string> losses(const Raster& raster, PictureFormat format = PictureFormat::tiff) {
  std::vector<std::string> all;
  for (const Loss& loss : lost_in(raster, format)) all.push_back(loss.remark);
  return all;
}

constexpr const char* kOfChannels[]{"{\"shape\": [2, 3, 3]}", "ImageJ=1.54f\nunit=micron\n",
                                    "<?xml version=\"1.0\"?><OME>", "<OME>"};

TEST_F(TiffDescriptions, DescriptionsStayWithTheChannels) {
  using List = std::vector<std::string>;
  for (const char* text : kOfChannels) {
    const Raster raster = colours(text);
    EXPECT_EQ(description_of(raster), text);
    EXPECT_EQ(description_of(interleaved(planes(raster), 3)), text);
    EXPECT_EQ(losses(raster), List{});
  }
}

TEST_F(TiffDescriptions, DescriptionsOfChannelsGoWithThemAndARemarkSaysSo) {
  using List = std::vector<std::string>;
  for (const char* text : kOfChannels) {
    const Raster raster = grey(colours(text));
    EXPECT_EQ(description_of(raster), "");
    EXPECT_EQ(losses(raster), List{"its description is left out: it is for RGB, and the result is grey"});
    EXPECT_EQ(losses(raster, PictureFormat::png), List{});
  }
  EXPECT_EQ(description_of(grey(colours("notes"))), "notes");
  EXPECT_EQ(losses(grey(colours("notes"))), List{});
}

TEST_F(TiffDescriptions, DescriptionsOfHowSamplesLayGoWhereTheyLieOtherwise) {
  using List = std::vector<std::string>;
  std::vector<testing::TiffTag> in_planes = testing::tiff_tags(2, 1, 8, 1, 2, 3),
                                turned = testing::tiff_tags(2, 1, 8);
  in_planes.insert(in_planes.begin() + 7, {284, 3, {2}});
  turned.insert(turned.begin() + 5, {274, 3, {6}});
  const FileBytes files[]{testing::make_tiff({{in_planes, {{1, 4}, {2, 5}, {3, 6}}}}),
                          testing::make_tiff({{turned, {{1, 2}}}})};
  for (const FileBytes& file : files) {
    for (const auto& [text, kept] : {std::pair{"notes", "notes"}, std::pair{"{\"shape\": [1, 2]}", ""}}) {
      Raster raster = decode_raster(file, "test");
      std::get<TiffOrigin>(raster.origin).pages.at(0).description = text;
      EXPECT_EQ(description_of(raster), kept);
      EXPECT_EQ(losses(raster), *kept != '\0'
                                    ? List{}
                                    : List{"its description is left out: it says how samples lie, and in the "
                                           "result they lie otherwise"});
    }
  }
}

}  // namespace
}  // namespace primal
