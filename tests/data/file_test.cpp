#include "data/file/file.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "data/file/lines.h"
#include "support/memory.h"
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

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST(File, AReplacedFileKeepsItsPermissions) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(022);
  write_file_atomically(folder / "new", bytes_of("new"));
  EXPECT_EQ(mode_of(folder / "new"), 0644u);
  for (const mode_t mode : {0600u, 0640u, 0666u, 0444u, 0755u}) {
    ::chmod((folder / "new").c_str(), mode);
    write_file_atomically(folder / "new", bytes_of("newer"));
    EXPECT_EQ(mode_of(folder / "new"), mode);
  }
  ::umask(mask);
}

TEST(File, AReplacedFileIsNeverOpenerThanItWasWhileItIsWritten) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", bytes_of("secret"));
  ::chmod((folder / "a").c_str(), 0600);
  AtomicFile file(folder / "a");
  file.write(bytes_of("also secret"));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(mode_of(entry.path()), 0600u) << entry.path();
}

TEST(File, AReplacedFileKeepsItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", bytes_of("old"));
  ASSERT_EQ(::chown((folder / "a").c_str(), 1234, 4321), 0);
  write_file_atomically(folder / "a", bytes_of("new"));
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234u);
  EXPECT_EQ(status.st_gid, 4321u);
}

TEST(File, AReplacedFileKeepsItsAttributes) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "a";
  write_file_atomically(file, bytes_of("old"));
  const std::string value = "of a scan";
  if (::setxattr(file.c_str(), "user.origin", value.data(), value.size(), 0) != 0)
    GTEST_SKIP() << "no extended attributes on this file system";
  write_file_atomically(file, bytes_of("new"));
  char found[32] = {};
  ASSERT_EQ(::getxattr(file.c_str(), "user.origin", found, sizeof found), static_cast<ssize_t>(value.size()));
  EXPECT_EQ(found, value);
}

TEST(File, ThroughALinkItsTargetIsReplacedAndKeepsItsPermissions) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", bytes_of("old"));
  ::chmod((folder / "a").c_str(), 0600);
  std::filesystem::create_symlink(folder / "a", folder / "link");
  write_file_atomically(folder / "link", bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "a"), bytes_of("new"));
  EXPECT_EQ(mode_of(folder / "a"), 0600u);
}

TEST(File, TheRestIsNotReadWhereTheStartIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "start";
  std::filesystem::resize_file(folder / "a", uint64_t{1} << 32);  // a hole
  const StartCheck refuse = [](std::span<const uint8_t> start) {
    EXPECT_EQ(start.size(), kFileStartBytes);
    throw DataError("[test] {}", start[0]);
  };
  EXPECT_THROW(read_file(folder / "a", kMaxFileBytes, refuse), DataError);
  const auto growth = testing::peak_growth([&] { read_file(folder / "a", kMaxFileBytes, refuse); });
  if (growth) {
    EXPECT_LT(*growth, 2 << 20);
  }
}

TEST(NewFile, OfManyWritersOneSucceedsAndNothingIsReplaced) {
  const TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    const std::filesystem::path path = folder / fmt::format("{}", round);
    std::vector<int> wrote(8);
    std::vector<std::thread> writers;
    for (size_t i = 0; i < wrote.size(); ++i) {
      writers.emplace_back([&, i] {
        wrote[i] = write_new_file(path, std::vector<uint8_t>(1000 + i, static_cast<uint8_t>(i)));
      });
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(std::ranges::count(wrote, 1), 1);
    const auto winner = static_cast<size_t>(std::ranges::find(wrote, 1) - wrote.begin());
    EXPECT_EQ(read_file(path), std::vector<uint8_t>(1000 + winner, static_cast<uint8_t>(winner)));
  }
  EXPECT_EQ(files_in(folder / "."), 20u) << "a temporary file was left";
}

TEST(NewFile, ALinkToNothingIsFreeAndAnUnwritableFolderIsAnError) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "nowhere", folder / "link");
  EXPECT_TRUE(write_new_file(folder / "link", std::vector<uint8_t>{1}));
  EXPECT_EQ(read_file(folder / "link"), std::vector<uint8_t>{1});
  std::filesystem::create_symlink(folder / "link", folder / "to_a_file");
  EXPECT_FALSE(write_new_file(folder / "to_a_file", std::vector<uint8_t>{2}));
  EXPECT_EQ(read_file(folder / "link"), std::vector<uint8_t>{1});
  EXPECT_THROW((void)write_new_file(folder / "none/a", std::vector<uint8_t>{1}), IoError);
}

TEST(Lines, AreThoseThatEndAndNoneIsLong) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "one\n\nthree\r\nfour";
  LineReader lines(folder / "a");
  std::string line;
  std::vector<std::string> found;
  while (lines.next(line)) found.push_back(line);
  EXPECT_EQ(found, (std::vector<std::string>{"one", "", "three\r"}));
  std::ofstream(folder / "b") << "short\n" << std::string(100, 'x') << "\n";
  LineReader few(folder / "b", 99);
  EXPECT_TRUE(few.next(line));
  const std::string message = message_of<DataError>([&] { few.next(line); });
  EXPECT_NE(message.find("b:2: a line of more than 99 bytes"), std::string::npos) << message;
  LineReader endless("/dev/zero");
  EXPECT_THROW(endless.next(line), DataError);
  EXPECT_THROW(LineReader(folder / "none"), IoError);
}

}  // namespace
}  // namespace primal
