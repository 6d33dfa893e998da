#include "data/dataset/dataset.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "data/dataset/prefetch.h"
#include "data/file/file.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

Image flat(int level, int64_t size = 4, int bit_depth = 8) {
  Image image(size, size, 1, bit_depth);
  std::fill(image.levels.begin(), image.levels.end(), static_cast<uint16_t>(level));
  return image;
}

// train/A/{a2,a10}.png, train/B/b.JPG-like png, val/A/v.png, and files that are no pictures.
void fill_splits(const std::filesystem::path& root) {
  for (const char* folder : {"train/A", "train/B", "val/A", "train/.hidden"}) {
    std::filesystem::create_directories(root / folder);
  }
  write_png(root / "train/A/a2.png", flat(2));
  write_png(root / "train/A/a10.PNG", flat(10));
  write_png(root / "train/B/b.jpg", flat(3));  // a PNG under another name is still read
  write_png(root / "train/.hidden/h.png", flat(4));
  write_png(root / "train/A/.a.png", flat(4));
  write_png(root / "val/A/v.png", flat(5));
  write_file_atomically(root / "train/A/notes.txt", {});
}

TEST(ImageFolder, FindsPicturesInOrderOfTheirNames) {
  const TemporaryFolder folder;
  fill_splits(folder.path());
  const ImageFolder set(folder / "train", 4);
  ASSERT_EQ(set.size(), 3);
  EXPECT_EQ(set.name(0), "A/a10.PNG");
  EXPECT_EQ(set.name(1), "A/a2.png");
  EXPECT_EQ(set.name(2), "B/b.jpg");
  EXPECT_FLOAT_EQ(set.clean(0).data<float>()[0], 10.0f / 255.0f);
  EXPECT_FLOAT_EQ(set.clean(2).data<float>()[15], 3.0f / 255.0f);
  EXPECT_EQ(ImageFolder(folder / "train", 4, 2).size(), 2);
  EXPECT_EQ(ImageFolder(folder / "train", 4, 9).size(), 3);
}

TEST(ImageFolder, FollowsLinksToFoldersEachFolderOnce) {
  const TemporaryFolder folder, elsewhere;
  fill_splits(folder.path());
  std::filesystem::create_directories(elsewhere / "deep");
  write_png(elsewhere / "x.png", flat(6));
  write_png(elsewhere / "deep/y.png", flat(7));
  const std::filesystem::path train = folder / "train";
  std::filesystem::create_directory_symlink(elsewhere.path(), train / "b_link");
  std::filesystem::create_directory_symlink(elsewhere.path(), train / "a_link");
  std::filesystem::create_directory_symlink(train / "A", train / "0_before_A");  // A keeps its own name
  std::filesystem::create_directory_symlink(train, elsewhere / "deep/cycle");
  std::filesystem::create_symlink(folder / "nowhere.txt", train / "notes.txt");
  const ImageFolder set(train, 4);
  std::vector<std::string> names;
  for (int64_t i = 0; i < set.size(); ++i) names.push_back(set.name(i));
  EXPECT_EQ(names, (std::vector<std::string>{"A/a10.PNG", "A/a2.png", "B/b.jpg", "a_link/deep/y.png",
                                             "a_link/x.png"}));
}

TEST(ImageFolder, ListsLinksToPicturesAndFoldersThatDoNotExist) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", flat(6));
  std::filesystem::create_symlink(folder / "nowhere/b.png", folder / "b.png");
  std::filesystem::create_directory_symlink(folder / "nowhere", folder / "c");
  const ImageFolder set(folder.path(), 4);
  ASSERT_EQ(set.size(), 3);
  EXPECT_NE(testing::message_of<IoError>([&] { set.clean(1); }).find("b.png"), std::string::npos);
  EXPECT_NE(testing::message_of<IoError>([&] { set.clean(2); }).find("/c"), std::string::npos);
}

TEST(ImageFolder, FindsSplitsByThemselves) {
  const TemporaryFolder folder;
  fill_splits(folder.path());
  EXPECT_EQ(split_folder(folder.path(), "train"), folder / "train");
  EXPECT_EQ(split_folder(folder / "train", "test"), folder / "train");  // flat: no splits inside
  const std::string message = message_of<DataError>([&] { split_folder(folder.path(), "test"); });
  EXPECT_NE(message.find("train, val"), std::string::npos) << message;
  EXPECT_NE(message.find("no folder test"), std::string::npos) << message;
}

TEST(ImageFolder, KeepsDecodedPicturesAsLevels) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", flat(77));
  write_png(folder / "b.png", flat(12345, 4, 16));
  const ImageFolder set(folder.path(), 4);
  EXPECT_EQ(set.cached_bytes(), 0u);
  const std::vector<double> a = set.clean(0).to_doubles(), b = set.clean(1).to_doubles();
  EXPECT_EQ(set.cached_bytes(), 16u + 32u);
  std::filesystem::remove(folder / "a.png");
  std::filesystem::remove(folder / "b.png");
  EXPECT_EQ(set.clean(0).to_doubles(), a);
  EXPECT_EQ(set.clean(1).to_doubles(), b);
  EXPECT_FLOAT_EQ(static_cast<float>(b[0]), 12345.0f / 65535.0f);
}

TEST(ImageFolder, AFullCacheDecodesAgain) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", flat(1));
  write_png(folder / "b.png", flat(2));
  const ImageFolder set(folder.path(), 4, 0, 20);  // room for one picture of 16 bytes
  set.clean(0);
  EXPECT_FLOAT_EQ(set.clean(1).data<float>()[0], 2.0f / 255.0f);
  EXPECT_EQ(set.cached_bytes(), 16u);
  EXPECT_FLOAT_EQ(set.clean(1).data<float>()[0], 2.0f / 255.0f);
}

TEST(ImageFolder, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_THROW(ImageFolder(folder / "none", 4), IoError);
  const std::string empty = message_of<DataError>([&] { ImageFolder(folder.path(), 4); });
  EXPECT_NE(empty.find(".png .jpg .jpeg"), std::string::npos) << empty;
  EXPECT_NE(empty.find(folder.path().string()), std::string::npos) << empty;
  write_file_atomically(folder / "a.png", std::vector<uint8_t>{'x'});
  EXPECT_THROW(ImageFolder(folder / "a.png", 4), IoError);
  const ImageFolder set(folder.path(), 4);
  const std::string broken = message_of<DataError>([&] { set.clean(0); });
  EXPECT_NE(broken.find("a.png"), std::string::npos) << broken;
  EXPECT_THROW(set.clean(1), ShapeError);
  EXPECT_THROW(set.clean(-1), ShapeError);
  EXPECT_THROW(ImageFolder(folder.path(), 0), ConfigError);
  EXPECT_THROW(ImageFolder(folder.path(), 4, -1), ConfigError);
}

TEST(PhantomSet, GivesItsPhantomsRoundedToLevels) {
  const PhantomSet set(9, 3, 32, 100);
  EXPECT_EQ(set.size(), 3);
  EXPECT_EQ(set.name(2), "phantom-000102");
  EXPECT_EQ(set.clean(2).to_doubles(), to_tensor(to_image(make_phantom(9, 102, 32))).to_doubles());
  EXPECT_EQ(set.clean(2).to_doubles(), set.clean(2).to_doubles());
  EXPECT_THROW(PhantomSet(9, 0, 32), ConfigError);
}

TEST(EpochOrder, IsAPermutationOfItsOwnForEachEpoch) {
  const std::vector<int64_t> first = epoch_order(200, 42, 0);
  std::vector<int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  int64_t expected = 0;
  for (const int64_t i : sorted) ASSERT_EQ(i, expected++);
  EXPECT_EQ(expected, 200);
  EXPECT_EQ(epoch_order(200, 42, 0), first);
  EXPECT_NE(epoch_order(200, 42, 1), first);
  EXPECT_NE(epoch_order(200, 43, 0), first);
  EXPECT_EQ(epoch_order(1, 42, 0), std::vector<int64_t>{0});
}

TEST(Prefetch, GivesThePicturesInOrder) {
  const PhantomSet set(1, 7, 16);
  const std::vector<int64_t> order = epoch_order(7, 5, 0);
  Prefetch prefetch(set, order, 2);
  for (const int64_t i : order) EXPECT_EQ(prefetch.next().to_doubles(), set.clean(i).to_doubles());
  EXPECT_THROW(prefetch.next(), ShapeError);
  EXPECT_THROW(Prefetch(set, order, 0), ConfigError);
}

TEST(Prefetch, StopsEarlyAndPassesErrorsOn) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", flat(1));
  write_file_atomically(folder / "b.png", std::vector<uint8_t>{'x'});
  write_png(folder / "c.png", flat(3));
  const ImageFolder set(folder.path(), 4);
  Prefetch prefetch(set, {0, 1, 2, 0, 1, 2}, 1);
  EXPECT_FLOAT_EQ(prefetch.next().data<float>()[0], 1.0f / 255.0f);
  EXPECT_THROW(prefetch.next(), DataError);
  EXPECT_FLOAT_EQ(prefetch.next().data<float>()[0], 3.0f / 255.0f);
  // Leaving now, with pictures waiting, must not hang.
}

TEST(Dataset, ServesSeveralThreads) {
  const PhantomSet set(3, 5, 16);
  std::vector<std::vector<double>> expected;
  for (int64_t i = 0; i < 5; ++i) expected.push_back(PhantomSet(3, 5, 16).clean(i).to_doubles());
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t k = 0; k < 20; ++k) {
        const int64_t i = (k + static_cast<int64_t>(t)) % 5;
        wrong[t] += set.clean(i).to_doubles() != expected[static_cast<size_t>(i)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace primal
