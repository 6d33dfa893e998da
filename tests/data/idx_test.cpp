#include "data/idx/idx.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <zlib.h>

#include "data/file/file.h"
#include "data/idx/gzip.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

std::vector<uint8_t> gzipped(const std::vector<uint8_t>& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::vector<uint8_t> out(deflateBound(&stream, bytes.size()) + 32);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<uint8_t> three_pictures() {
  IdxArray array{{3, 2, 4}, std::vector<uint8_t>(24)};
  std::iota(array.values.begin(), array.values.end(), uint8_t{10});
  return encode_idx(array);
}

std::string error_of(const std::vector<uint8_t>& bytes) {
  return message_of<DataError>([&] { parse_idx(bytes, "f"); });
}

TEST(Idx, ReadsPlainAndCompressedFiles) {
  const std::vector<uint8_t> plain = three_pictures();
  EXPECT_EQ((std::vector<uint8_t>(plain.begin(), plain.begin() + 9)),
            (std::vector<uint8_t>{0, 0, 8, 3, 0, 0, 0, 3, 0}));
  for (const std::vector<uint8_t>& bytes : {plain, gzipped(plain)}) {
    const IdxArray array = parse_idx(bytes, "f");
    EXPECT_EQ(array.extents, (std::vector<int64_t>{3, 2, 4}));
    ASSERT_EQ(array.values.size(), 24u);
    EXPECT_EQ(array.values[0], 10);
    EXPECT_EQ(array.values[23], 33);
  }
}

TEST(Idx, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> whole = three_pictures();
  const auto changed = [&](size_t at, uint8_t to) {
    std::vector<uint8_t> bytes = whole;
    bytes[at] = to;
    return error_of(bytes);
  };
  EXPECT_SAYS(changed(0, 1), "no IDX file");
  EXPECT_SAYS(changed(2, 0x0d), "32-bit floating-point numbers (type 0d), expected unsigned bytes");
  EXPECT_SAYS(changed(2, 0x07), "no IDX file");
  EXPECT_SAYS(changed(3, 0), "0 axes");
  EXPECT_SAYS(changed(3, 5), "5 axes");
  EXPECT_SAYS(changed(7, 0), "axis 0 has the extent 0");
  EXPECT_SAYS(changed(7, 2), "has 40 bytes; 2 x 2 x 4 and a header of 16 make 32");
  EXPECT_SAYS(changed(4, 0xff), "more than the file can hold");
  EXPECT_SAYS(error_of({}), "is empty");
  EXPECT_SAYS(error_of({0, 0, 8}), "only 3 bytes");
  EXPECT_SAYS(error_of({0, 0, 8, 3, 0, 0}), "its header of 3 axes takes 16");
  EXPECT_SAYS(error_of({0x89, 'P', 'N', 'G', 1, 2}), "it is a PNG picture");
  for (size_t n = 16; n < whole.size(); ++n)
    EXPECT_SAYS(error_of({whole.begin(), whole.begin() + static_cast<int64_t>(n)}), "f");
}

TEST(Idx, RefusesDamagedCompression) {
  const std::vector<uint8_t> whole = gzipped(three_pictures());
  for (size_t n = 2; n < whole.size(); ++n)
    EXPECT_SAYS(error_of({whole.begin(), whole.begin() + static_cast<int64_t>(n)}), "f");
  std::vector<uint8_t> checksum = whole;
  checksum[checksum.size() - 8] ^= 1;
  EXPECT_SAYS(error_of(checksum), "damaged");
  std::vector<uint8_t> followed = whole;
  followed.push_back('x');
  EXPECT_SAYS(error_of(followed), "1 bytes follow");
  std::vector<uint8_t> longer = three_pictures();
  longer.push_back(0);
  EXPECT_SAYS(error_of(gzipped(longer)), "unpacks to more than 40 bytes");
}

// 4 axes of 2^30 elements in a hundred bytes, and 2^30 zeros in a megabyte: neither gets memory.
TEST(Idx, TakesNoMemoryForWhatAHeaderPromises) {
  const std::vector<uint8_t> header{0, 0, 8, 4, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0xff, 0xff, 0xff, 0xff};
  EXPECT_SAYS(error_of(header), "more than the file can hold, 20 bytes");
  EXPECT_SAYS(error_of(gzipped(header)), "more than the file can hold");
}

TEST(Gzip, JoinsMembersAndStopsAtABound) {
  std::vector<uint8_t> two = gzipped({1, 2, 3});
  const std::vector<uint8_t> second = gzipped({4, 5});
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(gunzip(two, "f", 100), (std::vector<uint8_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(gunzip_start(two, "f", 4), (std::vector<uint8_t>{1, 2, 3, 4}));
  EXPECT_THROW(gunzip(two, "f", 4), DataError);
  const std::vector<uint8_t> large(1000000, 7);
  EXPECT_EQ(gunzip(gzipped(large), "f", 1000000), large);
}

TEST(LabelledPictures, AgreeInNumberAndClasses) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "p", three_pictures());
  const auto labels = [&](std::vector<uint8_t> values) {
    write_file_atomically(folder / "l", encode_idx({{static_cast<int64_t>(values.size())}, values}));
    return read_labelled_pictures(folder / "p", folder / "l");
  };
  const LabelledPictures good = labels({0, 9, 4});
  EXPECT_EQ(good.n, 3);
  EXPECT_EQ(good.labels[1], 9);
  EXPECT_EQ(good.picture(2).shape(), (Shape{1, 1, 1, 2, 4}));
  EXPECT_FLOAT_EQ(good.picture(2).data<float>()[7], 33.0F / 255.0F);
  EXPECT_THROW(good.picture(3), ShapeError);
  EXPECT_SAYS(message_of<DataError>([&] { labels({0, 1}); }), "has 3 pictures");
  EXPECT_SAYS(message_of<DataError>([&] { labels({0, 1, 10}); }), "label 2 is 10, expected 0 to 9");
  EXPECT_SAYS(message_of<DataError>([&] { read_labelled_pictures(folder / "l", folder / "l"); }),
              "1 axes, expected the 3");
  EXPECT_SAYS(message_of<DataError>([&] { read_labelled_pictures(folder / "p", folder / "p"); }),
              "3 axes, expected the 1");
}

TEST(Mnist, NamesTheFilesThatAreNotThere) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t10k-labels-idx1-ubyte.gz", {});
  const std::string message = message_of<IoError>([&] { read_mnist(folder.path()); });
  EXPECT_SAYS(message, "lacks 3 of MNIST's files");
  EXPECT_EQ(message.find("t10k-labels"), std::string::npos) << message;
}

TEST(Mnist, IsReadWhereItIs) {
  const char* data = std::getenv("PRIMAL_DATA");
  const std::filesystem::path folder =
      std::filesystem::path(data == nullptr ? "../shared/data" : data) / "mnist";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "there is no folder " << folder.string()
                 << "; set PRIMAL_DATA to a folder that has mnist/ with the four IDX files";
  }
  const Mnist mnist = read_mnist(folder);
  EXPECT_EQ(mnist.train.n, 60000);
  EXPECT_EQ(mnist.test.n, 10000);
  EXPECT_EQ(mnist.train.height, 28);
  EXPECT_EQ(mnist.train.width, 28);
  std::vector<int64_t> count(10);
  for (const uint8_t label : mnist.train.labels) ++count[label];
  EXPECT_EQ(count, (std::vector<int64_t>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  const double sum = std::accumulate(mnist.train.levels.begin(), mnist.train.levels.end(), 0.0);
  EXPECT_NEAR(sum / 60000 / 784 / 255, 0.1307, 5e-5);  // the mean that everybody subtracts
}

TEST(Split, TakesEveryIndexOnceAndTheSameEachTime) {
  const IndexSplit split = split_indices(60000, 12000, 7);
  EXPECT_EQ(split.train.size(), 48000u);
  EXPECT_EQ(split.validation.size(), 12000u);
  std::set<int64_t> all(split.train.begin(), split.train.end());
  all.insert(split.validation.begin(), split.validation.end());
  EXPECT_EQ(all.size(), 60000u);
  EXPECT_EQ(*all.rbegin(), 59999);
  EXPECT_EQ(split_indices(60000, 12000, 7).validation, split.validation);
  EXPECT_NE(split_indices(60000, 12000, 8).validation, split.validation);
  EXPECT_FALSE(std::ranges::is_sorted(split.train));
  EXPECT_THROW(split_indices(10, 0, 1), ConfigError);
  EXPECT_THROW(split_indices(10, 10, 1), ConfigError);
}

}  // namespace
}  // namespace primal
