// What the commands for pictures share: ranges of levels, and what a person who waits is told.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>

#include "apps/pictures/folder_meter.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/remarks.h"
#include "apps/pictures/ticker.h"
#include "apps/shell/machine_memory.h"
#include "data/preprocess/level_range.h"
#include "data/preprocess/preprocess.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using namespace std::chrono_literals;

Image grey16(std::vector<uint16_t> levels) {
  Image image(std::ssize(levels), 1, 1, 16);
  image.levels = std::move(levels);
  return image;
}

TEST(LevelRange, ScalesAndScalesBack) {
  const Image image = grey16({0, 100, 1050, 2000, 4000});
  const Levels levels = levels_of(image, parse_level_range("100:2000"), "a.png");
  const Tensor x = to_unit(image, levels);
  EXPECT_FLOAT_EQ(x.data<float>()[1], 0.0f);
  EXPECT_FLOAT_EQ(x.data<float>()[2], 0.5f);
  EXPECT_FLOAT_EQ(x.data<float>()[3], 1.0f);
  EXPECT_LT(x.data<float>()[0], 0.0f);  // what lies outside is kept
  EXPECT_EQ(from_unit(x, levels, 16).levels, image.levels);
  EXPECT_EQ(stretched(image, levels).levels, (std::vector<uint16_t>{0, 0, 32768, 65535, 65535}));
}

TEST(LevelRange, FullIsThePictureItself) {
  const Image image = grey16({0, 100, 65535});
  const Levels levels = levels_of(image, parse_level_range("full"), "a.png");
  EXPECT_EQ(to_unit(image, levels).to_doubles(), to_tensor(image).to_doubles());
  EXPECT_EQ(stretched(image, levels), image);
}

TEST(LevelRange, AutomaticTakesTheBitsThatHoldThePicture) {
  const auto high = [](uint16_t largest) {
    return levels_of(grey16({0, largest}), parse_level_range("auto"), "a.png").high;
  };
  EXPECT_EQ(high(0), 255);
  EXPECT_EQ(high(255), 255);
  EXPECT_EQ(high(256), 511);
  EXPECT_EQ(high(4095), 4095);
  EXPECT_EQ(high(4096), 8191);
  EXPECT_EQ(high(65535), 65535);
}

TEST(LevelRange, RemarksOnSixteenBitThatAreHardlyUsed) {
  EXPECT_NE(small_range_remark("a.png", 16, 4095).find("a.png uses 6.2 %"), std::string::npos);
  EXPECT_NE(small_range_remark("a.png", 16, 3000).find("--range 0:4095"), std::string::npos);
  EXPECT_EQ(small_range_remark("a.png", 16, 40000), "");
  EXPECT_EQ(small_range_remark("a.png", 16, 0), "");
  EXPECT_EQ(small_range_remark("a.png", 8, 10), "");
}

TEST(LevelRange, RefusesWhatIsNone) {
  for (const char* wrong : {"", "all", "1:1", "2:1", "0:inf", "nan:1", "0:5:7", "0:"}) {
    EXPECT_THROW(parse_level_range(wrong), ConfigError) << wrong;
  }
  for (const char* beyond : {"0:4095", "-1:5", "0:255.5"})
    EXPECT_THROW(levels_of(Image(2, 2, 1), parse_level_range(beyond), "a.png"), DataError) << beyond;
}

TEST(Meter, SaysNothingOfWhatIsDoneSoonAndThenHowMuchIsLeft) {
  const Meter::Clock::time_point start = Meter::Clock::now();
  Meter terminal("a.png", true, true);
  EXPECT_FALSE(terminal.line("tile", 1, 4, start + 500ms));
  EXPECT_EQ(terminal.line("tile", 1, 4, start + 20s).value_or("").substr(0, 20), "a.png: tile 1 of 4, ");
  EXPECT_FALSE(terminal.line("tile", 2, 4, start + 20100ms));  // a moment after the line before
  EXPECT_FALSE(terminal.line("tile", 4, 4, start + 40s));      // done
  // Another stage has a time of its own.
  EXPECT_FALSE(terminal.line("iteration", 16, 256, start + 41s));
  EXPECT_EQ(terminal.line("iteration", 128, 256, start + 71s), "a.png: iteration 128 of 256, 30.0 s left");
  EXPECT_EQ(terminal.line("iteration", 160, 0, start + 80s), "a.png: iteration 160");

  Meter elsewhere("a.png", true, false);
  EXPECT_FALSE(elsewhere.line("tile", 1, 4, start + 5s));
  EXPECT_TRUE(elsewhere.line("tile", 1, 4, start + 15s));
  EXPECT_FALSE(elsewhere.line("tile", 2, 4, start + 30s));
  EXPECT_TRUE(elsewhere.line("tile", 3, 4, start + 50s));
}

TEST(Ticker, SaysHowLongItHasTakenAndNothingOfWhatIsDoneSoon) {
  const auto said_in = [](std::chrono::milliseconds time, bool shown, bool terminal) {
    ::testing::internal::CaptureStderr();
    {
      const Ticker ticker("conv3d e0b", shown, terminal, {5ms, 5ms});
      std::this_thread::sleep_for(time);
    }
    return ::testing::internal::GetCapturedStderr();
  };
  const std::string elsewhere = said_in(100ms, true, false), terminal = said_in(100ms, true, true);
  EXPECT_TRUE(elsewhere.starts_with("conv3d e0b: 0.0 s so far\n")) << elsewhere;
  EXPECT_GE(std::ranges::count(elsewhere, '\n'), 2);
  EXPECT_TRUE(terminal.starts_with("\r\033[Kconv3d e0b: 0.0 s so far") && terminal.ends_with("\r\033[K"));
  EXPECT_EQ(said_in(100ms, false, true), "");
  ::testing::internal::CaptureStderr();
  { const Ticker ticker("conv3d e0b", true, true); }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(FolderMeter, SaysHowFastItGoesAndHowMuchIsLeft) {
  const FolderMeter::Clock::time_point start = FolderMeter::Clock::now();
  FolderMeter terminal(44, true, true);
  EXPECT_FALSE(terminal.line(3, start + 500ms));
  EXPECT_EQ(terminal.line(4, start + 2s), "4 of 44 pictures, 2 per second, 20.0 s left");
  EXPECT_FALSE(terminal.line(5, start + 2100ms));  // a moment after the line before
  EXPECT_EQ(terminal.line(1, start + 100s), "1 of 44 pictures, 0.01 per second, 1:11 h left");
  EXPECT_FALSE(terminal.line(44, start + 200s));

  FolderMeter elsewhere(44, true, false);
  EXPECT_FALSE(elsewhere.line(3, start + 5s));
  EXPECT_TRUE(elsewhere.line(4, start + 15s));
  EXPECT_FALSE(elsewhere.line(5, start + 30s));
}

TEST(Remarks, AreKeptUntilTheirTurnAndCountedByTheirKind) {
  RemarkPrinter printer(true);
  Remarks kept;
  kept.add(Remark::Kind::far, "far {}\n", 1);
  kept.add(Remark::Kind::far, "far {}\n", 2);
  for (int channel = 0; channel < 3; ++channel) kept.add(Remark::Kind::outside, "outside\n");
  EXPECT_EQ(printer.count(Remark::Kind::far), 0u);
  kept.print_to(printer);
  EXPECT_EQ(printer.count(Remark::Kind::far), 2u);
  EXPECT_EQ(printer.count(Remark::Kind::outside), 1u);  // of a picture once
  Remarks now(&printer);
  now.add(Remark::Kind::outside, "outside\n");
  EXPECT_EQ(printer.count(Remark::Kind::outside), 2u);
}

TEST(AvailableMemory, IsWhatTheSystemOrTheContainerLeaves) {
  const testing::TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  };
  const std::filesystem::path root = folder / "";
  write("proc/meminfo", "MemTotal: 2000 kB\nMemFree: 10 kB\nMemAvailable:    1000 kB\nBuffers: 1 kB\n");
  EXPECT_EQ(available_memory(root), 1024000);
  write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(available_memory(root), 1024000);
  write("sys/fs/cgroup/memory.max", "500000\n");
  write("sys/fs/cgroup/memory.current", "100000\n");
  EXPECT_EQ(available_memory(root), 400000);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "300000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "400000\n");
  EXPECT_EQ(available_memory(root), 0);
}

}  // namespace
}  // namespace primal
