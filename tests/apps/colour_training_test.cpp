// data.colour: the channels of pictures in colour as samples of the denoising task.
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/training/training_data.h"
#include "data/image/image.h"
#include "data/preprocess/opponent.h"
#include "data/preprocess/preprocess.h"
#include "support/resumed_training.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// A grey picture, two in colour, and one that stores grey in three channels; one of each kind to validate.
class ColourTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* split : {"train", "val"}) {
      fs::create_directories(folder_ / split);
      write_png(folder_ / split / "a_grey.png", made(1, 0));
      write_png(folder_ / split / "b_colour.png", made(3, 40));
      write_png(folder_ / split / "d_stored_as_colour.png", made(3, 0));
    }
    write_png(folder_ / "train/c_colour.png", made(3, 90));
  }
  // Channels that differ by `shift` and in their slope.
  static Image made(int channels, int shift) {
    Image image(20, 24, channels);
    for (size_t i = 0; i < image.levels.size(); ++i) {
      const size_t pixel = i / static_cast<size_t>(channels), c = i % static_cast<size_t>(channels);
      image.levels[i] =
          static_cast<uint16_t>((pixel * 7 + c * static_cast<size_t>(shift) * (1 + pixel % 3)) % 256);
    }
    return image;
  }
  TrainConfig config(const std::string& output) const {
    TrainConfig c;
    c.data.folder = folder_.path().string();
    c.data.size = 16;
    c.data.n_train = c.data.n_validation = 0;
    c.data.colour = "channels";
    c.model.filters = 2;
    c.model.blocks = 1;
    c.model.iterations = 4;
    c.training.steps = 12;
    c.output = (folder_ / output).string();
    return c;
  }
  TrainConfig with_output(TrainConfig c, const std::string& output) const {
    c.output = (folder_ / output).string();
    return c;
  }
  static std::vector<std::string> names(const Dataset& set) {
    std::vector<std::string> all;
    for (int64_t i = 0; i < set.size(); ++i) all.push_back(set.name(i));
    return all;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(ColourTraining, EachChannelOfAPictureInColourIsASample) {
  const TrainingData data = open_training_data(config("run"));
  EXPECT_EQ(names(*data.train),
            (std::vector<std::string>{"a_grey.png", "b_colour.png (red)", "b_colour.png (green)",
                                      "b_colour.png (blue)", "c_colour.png (red)", "c_colour.png (green)",
                                      "c_colour.png (blue)", "d_stored_as_colour.png"}));
  EXPECT_EQ(data.validation->size(), 5);
  EXPECT_EQ(data.listed.size(), 4u);
  ASSERT_FALSE(data.remarks.empty());
  EXPECT_NE(data.remarks.back().find("2 of 4 training pictures are in colour"), std::string::npos);

  const Image picture = read_image(folder_ / "train/b_colour.png");
  for (int c = 0; c < 3; ++c) {
    Image channel(picture.width, picture.height, 1);
    for (size_t i = 0; i < channel.levels.size(); ++i)
      channel.levels[i] = picture.levels[3 * i + static_cast<size_t>(c)];
    EXPECT_EQ(data.train->clean(1 + c).to_doubles(), to_tensor(preprocess(channel, 16)).to_doubles()) << c;
  }
  EXPECT_EQ(data.train->clean(7).to_doubles(), data.train->clean(0).to_doubles());
}

TEST_F(ColourTraining, OpponentChannelsAreSamplesToo) {
  TrainConfig opponent = config("run");
  opponent.data.colour = "opponent";
  const TrainingData data = open_training_data(opponent);
  EXPECT_EQ(names(*data.train),
            (std::vector<std::string>{"a_grey.png", "b_colour.png (luminance)", "b_colour.png (chroma 1)",
                                      "b_colour.png (chroma 2)", "c_colour.png (luminance)",
                                      "c_colour.png (chroma 1)", "c_colour.png (chroma 2)",
                                      "d_stored_as_colour.png"}));
  ASSERT_FALSE(data.remarks.empty());
  EXPECT_NE(data.remarks.back().find("each of their opponent channels is a sample"), std::string::npos);
  const Image picture = read_image(folder_ / "train/b_colour.png");
  for (int c = 0; c < 3; ++c) {
    EXPECT_EQ(data.train->clean(1 + c).to_doubles(),
              to_tensor(preprocess(opponent_channel(picture, c), 16)).to_doubles())
        << c;
  }
  testing::expect_resumes_bit_for_bit(with_output(opponent, "whole"), with_output(opponent, "part"));
}

TEST_F(ColourTraining, APictureIsDecodedOnceForItsThreeChannels) {
  const TrainingData data = open_training_data(config("run"));
  data.train->clean(5);
  EXPECT_EQ(data.train->cached_bytes(), 3u * 16 * 16);
  fs::remove(folder_ / "train/c_colour.png");
  EXPECT_EQ(data.train->clean(4).numel(), 256);
  EXPECT_EQ(data.train->clean(6).numel(), 256);
}

TEST_F(ColourTraining, NumbersOfPicturesCountFilesAndGreyIsTheDefault) {
  TrainConfig two = config("run");
  two.data.n_train = 2;
  two.data.n_validation = 1;
  const TrainingData data = open_training_data(two);
  EXPECT_EQ(data.train->size(), 4);
  EXPECT_EQ(data.validation->size(), 1);
  TrainConfig grey = config("run");
  grey.data.colour = TrainConfig{}.data.colour;
  EXPECT_EQ(open_training_data(grey).train->size(), 4);
  EXPECT_EQ(open_training_data(grey).train->name(1), "b_colour.png");
}

TEST_F(ColourTraining, ResumesBitForBit) {
  testing::expect_resumes_bit_for_bit(config("whole"), config("part"));
  for (const char* loss : {"sure", "noise2noise"}) {
    TrainConfig whole = config(std::string("whole_") + loss), part = config(std::string("part_") + loss);
    whole.training.loss = part.training.loss = loss;
    testing::expect_resumes_bit_for_bit(whole, part);
  }
}

TEST_F(ColourTraining, BrokenPicturesAreLeftOutWithTheirChannels) {
  fs::resize_file(folder_ / "train/b_colour.png", fs::file_size(folder_ / "train/b_colour.png") / 2);
  EXPECT_THROW(open_training_data(config("run")), DataError);
  TrainConfig skipping = config("run");
  skipping.data.skip_broken = true;
  EXPECT_EQ(open_training_data(skipping).train->size(), 5);
}

TEST_F(ColourTraining, APictureThatHasLostItsColourIsNamed) {
  const TrainingData data = open_training_data(config("run"));
  write_png(folder_ / "train/b_colour.png", made(1, 0));
  try {
    data.train->clean(2);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("b_colour.png was in colour"), std::string::npos)
        << error.what();
  }
}

TEST_F(ColourTraining, PicturesOfAManifestBecomeGrey) {
  TrainConfig pairs = config("run");
  pairs.data.manifest = "pairs.csv";
  EXPECT_THROW(DenoisingTask{pairs}, ConfigError);
}

}  // namespace
}  // namespace primal
