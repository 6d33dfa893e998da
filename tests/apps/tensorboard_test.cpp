// The event files of TensorBoard: checksums, records, and what a reader finds after a training went
// on from an earlier step.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/tensorboard/crc32c.h"
#include "apps/tensorboard/event_file.h"
#include "data/file/file.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensorboard/messages.pb.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
namespace tb = tensorboard;

class EventFiles : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_ / name; }
  testing::TemporaryFolder folder_;
};

// The messages of a file; a record that does not fit its checksums fails the test.
std::vector<tb::Event> events_of(const fs::path& file) {
  const std::vector<uint8_t> bytes = read_file(file, uint64_t{1} << 20);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<tb::Event> events;
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, all.data() + at, 4);
    return value;
  };
  for (size_t at = 0; at < all.size();) {
    const size_t length = number(at);
    EXPECT_EQ(number(at + 8), masked(crc32c(all.substr(at, 8))));
    const std::string_view message = all.substr(at + 12, length);
    EXPECT_EQ(number(at + 12 + length), masked(crc32c(message)));
    EXPECT_TRUE(events.emplace_back().ParseFromArray(message.data(), static_cast<int>(message.size())));
    at += 16 + length;
  }
  return events;
}

TEST(Crc32c, HasTheVectorsOfItsStandard) {  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  std::string rising(32, '\0'), falling(32, '\0');
  std::iota(rising.begin(), rising.end(), '\0');
  std::reverse_copy(rising.begin(), rising.end(), falling.begin());
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  EXPECT_EQ(crc32c(falling), 0x113fdb5cU);
}

TEST_F(EventFiles, BeginWithTheVersionAndTheFirstStep) {
  EventFile file(path("log"), 7);
  file.scalar(7, "loss", 0.25);
  const std::vector<tb::Event> events = events_of(file.path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[1].session_log().status(), tb::SessionLog::START);
  EXPECT_EQ(events[1].step(), 7);
  EXPECT_EQ(events[2].summary().value(0).tag(), "loss");
  EXPECT_EQ(events[2].summary().value(0).simple_value(), 0.25f);
  EXPECT_EQ(file.path().filename().string().find("events.out.tfevents."), 0u);
}

TEST_F(EventFiles, OfOneFolderAreInOrder) {
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) names.push_back(EventFile(path("log"), i).path().filename().string());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_NE(names[0], names[1]);
  remove_event_files(path("log"));
  EXPECT_TRUE(fs::is_empty(path("log")));
}

TEST_F(EventFiles, LeaveOutWhatIsNotFinite) {
  EventFile file(path("log"), 0);
  file.scalar(1, "loss", std::numeric_limits<double>::quiet_NaN());
  file.scalar(1, "loss", HUGE_VAL);
  file.histogram(1, "nothing", Tensor::from(Shape{2}, std::vector<double>{HUGE_VAL, NAN}));
  EXPECT_EQ(events_of(file.path()).size(), 2u);
}

TEST_F(EventFiles, CountEveryFiniteValueInAHistogram) {
  EventFile file(path("log"), 0);
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), -30.0);
  values.push_back(NAN);
  file.histogram(3, "weights", Tensor::from(Shape{101}, values));
  file.histogram(3, "constant", Tensor::from(Shape{5}, std::vector<double>(5, 2.0)));
  const std::vector<tb::Event> events = events_of(file.path());
  ASSERT_EQ(events.size(), 4u);
  const tb::Histogram& h = events[2].summary().value(0).histo();
  EXPECT_EQ(h.num(), 100.0);
  EXPECT_EQ(h.min(), -30.0);
  EXPECT_EQ(h.max(), 69.0);
  EXPECT_DOUBLE_EQ(h.sum(), 1950.0);
  ASSERT_EQ(h.bucket_size(), h.bucket_limit_size());
  EXPECT_EQ(std::accumulate(h.bucket().begin(), h.bucket().end(), 0.0), 100.0);
  EXPECT_TRUE(std::ranges::is_sorted(h.bucket_limit()));
  EXPECT_EQ(h.bucket_limit(h.bucket_limit_size() - 1), 69.0);
  const tb::Histogram& constant = events[3].summary().value(0).histo();
  EXPECT_EQ(std::accumulate(constant.bucket().begin(), constant.bucket().end(), 0.0), 5.0);
}

TEST_F(EventFiles, HoldPicturesAsPng) {
  EventFile file(path("log"), 0);
  Image image(5, 3, 3);
  image.at(4, 2, 1) = 200;
  file.picture(2, "sample_0/lambda", image);
  const std::vector<tb::Event> events = events_of(file.path());
  const tb::Summary::Image& picture = events.back().summary().value(0).image();
  EXPECT_EQ(picture.width(), 5);
  EXPECT_EQ(picture.height(), 3);
  EXPECT_EQ(picture.colorspace(), 3);
  const std::string& png = picture.encoded_image_string();
  EXPECT_EQ(decode_image({reinterpret_cast<const uint8_t*>(png.data()), png.size()}, "picture").levels,
            image.levels);
}

TEST_F(EventFiles, HoldSettingsAsHyperparameters) {
  EventFile file(path("log"), 0);
  file.settings({{"seed", 42}, {"training.baselines", true}, {"task.kind", "denoise"}}, {"validation_ssim"});
  file.end(true);
  const std::vector<tb::Event> events = events_of(file.path());
  ASSERT_EQ(events.size(), 5u);
  const auto content = [&](size_t i) {
    const tb::SummaryMetadata& metadata = events.at(i).summary().value(0).metadata();
    EXPECT_EQ(metadata.plugin_data().plugin_name(), "hparams");
    tb::HParams parsed;
    EXPECT_TRUE(parsed.ParseFromString(metadata.plugin_data().content()));
    return parsed;
  };
  EXPECT_EQ(content(2).experiment().metric_infos(0).name().tag(), "validation_ssim");
  const auto settings = content(3).session_start_info().hparams();
  EXPECT_EQ(settings.at("seed").number_value(), 42.0);
  EXPECT_TRUE(settings.at("training.baselines").bool_value());
  EXPECT_EQ(settings.at("task.kind").string_value(), "denoise");
  EXPECT_EQ(content(4).session_end_info().status(), tb::HParams::SessionEnd::SUCCESS);
}

TEST_F(EventFiles, NeedAFolderThatCanBeWritten) {
  std::ofstream(path("file")) << "x";
  EXPECT_THROW(EventFile(path("file"), 0), IoError);
}

}  // namespace
}  // namespace primal
