#include "data/sequence/sequence.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "data/image/apng.h"
#include "data/sequence/frames.h"
#include "data/sequence/natural_order.h"
#include "support/sequences.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

using testing::message_of;
using testing::moving_stack;
using testing::TemporaryFolder;
using testing::write_frames;
using testing::write_stack;

TEST(NaturalOrder, CountsAsAPersonDoes) {
  std::vector<std::string> names{"f10", "f2", "f1", "F3", "f02", "f", "f2b", "g1", "f2a10", "f2a9"};
  std::ranges::sort(names, natural_less);
  EXPECT_EQ(names,
            (std::vector<std::string>{"F3", "f", "f1", "f02", "f2", "f2a9", "f2a10", "f2b", "f10", "g1"}));
  // More digits than any integer holds.
  EXPECT_TRUE(natural_less("a99999999999999999999998", "a99999999999999999999999"));
  EXPECT_FALSE(natural_less("same7", "same7"));
}

TEST(Frames, TimeIsTheLastAxis) {
  std::vector<Tensor> frames;
  for (int t = 0; t < 3; ++t) {
    const Tensor frame = Tensor::empty({1, 2, 1, 2, 4}, DType::f64);
    for (int64_t i = 0; i < frame.numel(); ++i) frame.data<double>()[i] = 100.0 * t + static_cast<double>(i);
    frames.push_back(frame);
  }
  const Tensor all = frames_last(frames);
  ASSERT_EQ(all.shape(), (Shape{1, 2, 2, 4, 3}));
  EXPECT_EQ(all.data<double>()[0 * 3 + 2], 200.0);
  EXPECT_EQ(all.data<double>()[5 * 3 + 1], 105.0);
  for (int64_t t = 0; t < 3; ++t)
    EXPECT_EQ(frame_at(all, t).to_doubles(), frames[static_cast<size_t>(t)].to_doubles());
  EXPECT_THROW(frame_at(all, 3), ShapeError);
  EXPECT_THROW(frames_last({}), ShapeError);
  frames.back() = Tensor::empty({1, 2, 1, 2, 5}, DType::f64);
  EXPECT_THROW(frames_last(frames), ShapeError);
}

TEST(Frames, ASliceShowsARowOverTime) {
  const Tensor x = Tensor::empty({1, 1, 2, 3, 4}, DType::f64);
  for (int64_t i = 0; i < x.numel(); ++i) x.data<double>()[i] = static_cast<double>(i);
  const Tensor slice = time_slice(x, 1);
  ASSERT_EQ(slice.shape(), (Shape{1, 1, 1, 4, 3}));
  EXPECT_EQ(slice.to_doubles(), (std::vector<double>{12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23}));
}

// What reads PNG reads the first picture; the others are there in order, with the numbers that the format
// asks for.
TEST(Apng, IsAPngWithFurtherPictures) {
  std::vector<Image> film;
  for (int t = 0; t < 3; ++t) film.push_back(to_image(make_moving_frame(1, 4, 16, 3 * t)));
  const std::vector<uint8_t> bytes = encode_apng(film, 200);
  EXPECT_EQ(decode_image(bytes, "film").levels, film[0].levels);
  std::vector<std::string> chunks;
  std::vector<uint32_t> numbers;
  const auto number_at = [&](size_t at) {
    return static_cast<uint32_t>(bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
  };
  for (size_t at = 8; at < bytes.size(); at += 12 + number_at(at)) {
    chunks.emplace_back(reinterpret_cast<const char*>(bytes.data()) + at + 4, 4);
    if (chunks.back() == "fcTL" || chunks.back() == "fdAT") numbers.push_back(number_at(at + 8));
  }
  EXPECT_EQ(chunks, (std::vector<std::string>{"IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT",
                                              "IEND"}));
  EXPECT_EQ(numbers, (std::vector<uint32_t>{0, 1, 2, 3, 4}));
  film.push_back(to_image(make_moving_frame(1, 4, 17, 0)));
  EXPECT_THROW(encode_apng(film, 200), ShapeError);
  EXPECT_THROW(encode_apng({}, 200), ShapeError);
}

TEST(Sequence, AFolderOfFramesIsReadInNaturalOrder) {
  const TemporaryFolder folder;
  write_frames(folder / "walk", 3, 12, 11);
  const Sequence sequence = read_sequence(sequence_at(folder / "walk"));
  EXPECT_EQ(sequence.place.name, "walk");
  ASSERT_EQ(sequence.n_frames(), 11);
  const Tensor x = sequence.tensor();
  ASSERT_EQ(x.shape(), (Shape{1, 1, 12, 12, 11}));
  for (const int64_t t : {0, 1, 9, 10})
    EXPECT_EQ(frame_at(x, t).to_doubles(), to_tensor(to_image(make_moving_frame(1, 3, 12, t))).to_doubles())
        << t;
}

TEST(Sequence, AFileOfPagesIsReadAndWrittenBack) {
  const TemporaryFolder folder;
  std::vector<PictureFormat> formats{PictureFormat::npy, PictureFormat::nifti_gz};
#ifdef PRIMAL_HAS_TIFF
  formats.push_back(PictureFormat::tiff);
#endif
  for (const PictureFormat format : formats) {
    const auto file = folder / (std::string("scan") + ending_of(format));
    write_stack(file, moving_stack(format, 2, 10, 5));
    const Sequence sequence = read_sequence(sequence_at(file));
    ASSERT_EQ(sequence.n_frames(), 5) << name_of(format);
    EXPECT_EQ(sequence.frame(4).to_doubles(),
              to_tensor(to_image(make_moving_frame(1, 2, 10, 4))).to_doubles());
    EXPECT_EQ(sequence.with(sequence.tensor()).rasters[0].samples, sequence.rasters[0].samples);
    EXPECT_EQ(count_frames(sequence.place), 5);
  }
}

TEST(Sequence, FloatsHaveOneRangeForAllFrames) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "f");
  for (int t = 0; t < 3; ++t) {
    Raster raster{.format = PictureFormat::npy, .width = 2, .height = 1, .type = SampleType::f32};
    allocate(raster);
    raster.page<float>(0)[0] = static_cast<float>(t);
    raster.page<float>(0)[1] = static_cast<float>(t + 2);
    write_stack(folder / ("f/" + std::to_string(t) + ".npy"), raster);
  }
  const Sequence sequence = read_sequence(sequence_at(folder / "f"));
  EXPECT_EQ(sequence.levels.low, 0.0);
  EXPECT_EQ(sequence.levels.high, 4.0);
  EXPECT_EQ(sequence.frame(1).to_doubles(), (std::vector<double>{0.25, 0.75}));
  const Sequence given = read_sequence(sequence_at(folder / "f"), parse_level_range("0:8"));
  EXPECT_EQ(given.frame(2).to_doubles(), (std::vector<double>{0.25, 0.5}));
}

TEST(Sequence, RefusesWhatIsNone) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of<IoError>([&] { sequence_at(folder / "gone"); }).find("there is no file"),
            std::string::npos);
  std::filesystem::create_directory(folder / "empty");
  EXPECT_NE(message_of<DataError>([&] { sequence_at(folder / "empty"); }).find("no frames"),
            std::string::npos);
  write_frames(folder / "one", 1, 10, 1);
  EXPECT_NE(message_of<DataError>([&] { read_sequence(sequence_at(folder / "one")); }).find("has one frame"),
            std::string::npos);
  write_frames(folder / "mixed", 1, 10, 2);
  write_png(folder / "mixed/frame3.png", to_image(make_moving_frame(1, 1, 11, 0)));
  const std::string mixed = message_of<DataError>([&] { read_sequence(sequence_at(folder / "mixed")); });
  EXPECT_NE(mixed.find("frame3.png has 11 x 11"), std::string::npos) << mixed;
  write_frames(folder / "stacks", 1, 10, 1);
  write_stack(folder / "stacks/z.npy", moving_stack(PictureFormat::npy, 1, 10, 3));
  const std::string stacks = message_of<DataError>([&] { read_sequence(sequence_at(folder / "stacks")); });
  EXPECT_NE(stacks.find("has 3 pages"), std::string::npos) << stacks;
}

TEST(Sequence, FoldersAndFilesOfPagesAreFoundByName) {
  const TemporaryFolder folder;
  write_frames(folder / "set/b10", 1, 10, 2);
  write_frames(folder / "set/b9", 2, 10, 2);
  std::filesystem::create_directory(folder / "set/scans");
  for (const char* name : {"x.npy", "y.npy"})
    write_stack(folder / ("set/scans/" + std::string(name)), moving_stack(PictureFormat::npy, 3, 10, 4));
  std::vector<std::string> names;
  for (const SequencePlace& place : find_sequences(folder / "set")) names.push_back(place.name);
  EXPECT_EQ(names, (std::vector<std::string>{"b9", "b10", "scans/x", "scans/y"}));
  EXPECT_EQ(find_sequences(folder / "set/b9").front().name, ".");
}

TEST(MovingPhantom, MovesInPartAndLiesInTheUnitRange) {
  for (uint32_t index = 0; index < 20; ++index) {
    const Tensor first = make_moving_frame(5, index, 32, 0), later = make_moving_frame(5, index, 32, 6);
    ASSERT_EQ(first.shape(), (Shape{1, 1, 1, 32, 32}));
    const std::vector<double> a = first.to_doubles(), b = later.to_doubles();
    int64_t still = 0, moved = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_TRUE(a[i] >= 0.0 && a[i] <= 1.0);
      still += a[i] == b[i] ? 1 : 0;
      moved += std::abs(a[i] - b[i]) > 0.02 ? 1 : 0;
    }
    EXPECT_GT(still, 100) << index;
    EXPECT_GT(moved, 3) << index;
  }
}

TEST(MovingPhantom, DependsOnSeedIndexAndFrameAlone) {
  const std::vector<double> frame = make_moving_frame(1, 2, 24, 3).to_doubles();
  const int before = num_threads();
  for (const int n : {1, 3}) {
    set_num_threads(n);
    EXPECT_EQ(make_moving_frame(1, 2, 24, 3).to_doubles(), frame);
  }
  set_num_threads(before);
  EXPECT_NE(make_moving_frame(1, 2, 24, 4).to_doubles(), frame);
  EXPECT_NE(make_moving_frame(1, 3, 24, 3).to_doubles(), frame);
  EXPECT_NE(make_moving_frame(2, 2, 24, 3).to_doubles(), frame);
  EXPECT_THROW(make_moving_frame(1, 2, 7, 0), ShapeError);
  EXPECT_THROW(make_moving_frame(1, 2, 16, -1), ShapeError);
}

}  // namespace
}  // namespace primal
