#include "data/file/file.h"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>
#include <unistd.h>

#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(File, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  std::vector<uint8_t> bytes(200001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i >> 3);
  write_file_atomically(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a"), bytes);
  write_file_atomically(folder / "a", {});
  EXPECT_TRUE(read_file(folder / "a").empty());
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, RefusesWhatIsMissingOrAFolderOrTooLarge) {
  const TemporaryFolder folder;
  const std::string missing = message_of<IoError>([&] { read_file(folder / "none"); });
  EXPECT_NE(missing.find((folder / "none").string()), std::string::npos) << missing;
  EXPECT_NE(missing.find("No such file"), std::string::npos) << missing;
  EXPECT_THROW(read_file(folder.path()), IoError);
  write_file_atomically(folder / "a", bytes_of("12345"));
  EXPECT_THROW(read_file(folder / "a", 4), DataError);
  EXPECT_EQ(read_file(folder / "a", 5).size(), 5u);
  EXPECT_THROW(read_file("/dev/zero", 100000), DataError);
}

TEST(File, WritingWithoutCommitLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", bytes_of("old"));
  {
    AtomicFile file(folder / "a");
    file.write(bytes_of("new"));
    EXPECT_EQ(files_in(folder.path()), 2u);
  }
  EXPECT_EQ(read_file(folder / "a"), bytes_of("old"));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

// What a killed process of the same number left, as in a container, where each program is process 1.
TEST(File, PassesByTheTemporaryFilesOfAnother) {
  const TemporaryFolder folder;
  for (int i = 0; i < 100; ++i)
    std::ofstream(folder / fmt::format(".a.{}.{}.tmp", ::getpid(), i)) << "unfinished";
  write_file_atomically(folder / "a", bytes_of("new"));
  EXPECT_EQ(read_file(folder / "a"), bytes_of("new"));
  EXPECT_EQ(files_in(folder.path()), 101u);
}

TEST(File, WritesNamesAsLongAsTheyMayBe) {
  const TemporaryFolder folder;
  for (const size_t n : {200u, 235u, 252u, 255u}) {
    const std::string name(n, 'a');
    write_file_atomically(folder / name, bytes_of("new"));
    EXPECT_EQ(read_file(folder / name), bytes_of("new")) << n;
  }
  std::string letters;  // of two bytes, which the temporary name does not cut in two
  for (int i = 0; i < 127; ++i) letters += "\xc3\xa4";
  for (const std::string& name : {letters, "a" + letters}) {
    const AtomicFile file(folder / name);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      const std::string found = entry.path().filename().string();
      if (!found.ends_with(".tmp")) continue;
      EXPECT_LE(found.size(), 255u);
      EXPECT_EQ(found[found.find("." + std::to_string(::getpid())) - 1], '\xa4') << found;
    }
  }
  EXPECT_THROW(AtomicFile(folder / std::string(256, 'a')), IoError);
  EXPECT_EQ(files_in(folder.path()), 4u);
}

TEST(File, AFailingWriteKeepsTheOldFileAndRemovesTheTemporaryOne) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", bytes_of("old"));
  // A file size limit makes write() fail as a full disk does.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message =
      message_of<IoError>([&] { write_file_atomically(folder / "a", std::vector<uint8_t>(10000)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_NE(message.find((folder / "a").string()), std::string::npos) << message;
  EXPECT_EQ(read_file(folder / "a"), bytes_of("old"));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, RefusesToReplaceFoldersAndDevices) {
  const TemporaryFolder folder;
  EXPECT_THROW(AtomicFile{folder.path()}, IoError);
  EXPECT_THROW(AtomicFile{"/dev/null"}, IoError);
  EXPECT_THROW(AtomicFile(folder / "none" / "a"), IoError);
  EXPECT_EQ(files_in(folder.path()), 0u);
}

TEST(File, WritesThroughASymbolicLink) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "target", bytes_of("old"));
  std::filesystem::create_symlink("target", folder / "link");
  write_file_atomically(folder / "link", bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), bytes_of("new"));
}

}  // namespace
}  // namespace primal
