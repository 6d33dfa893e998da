// Files as the readers and writers of data/ need them: read whole, written whole or not at all.
//
// A file under its own name is always complete. Writing goes to a temporary file in the same folder, which is
// synced to the disk and then renamed over the name; the folder is synced too, so that the name survives a
// power cut. When anything fails in between, the temporary file is removed and the old file stays as it was.
// A file that is replaced keeps its permissions, and its owner, access lists and extended attributes as far
// as the process may set them. A symbolic link stays, and the file it points to is replaced; a link to
// nothing is replaced itself.
//
// Errors: IoError for everything the file system refuses, with the path and the system's reason; DataError
//         for a file that is too large to be read whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace primal {

// Larger files are refused unread: no picture or checkpoint of this program comes near.
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 34;  // 16 GiB

// Sees the first bytes, up to kFileStartBytes of them, and throws where the rest need not be read.
using StartCheck = std::function<void(std::span<const uint8_t> start)>;
inline constexpr size_t kFileStartBytes = 512;

// All bytes of a file, at most max_bytes. Pipes and devices are read to their end.
std::vector<uint8_t> read_file(const std::filesystem::path& path, uint64_t max_bytes = kMaxFileBytes,
                               const StartCheck& check = {});

// The first bytes, kFileStartBytes of them or all there are.
std::vector<uint8_t> read_file_start(const std::filesystem::path& path);

// All bytes of standard input.
std::vector<uint8_t> read_standard_input(uint64_t max_bytes = kMaxFileBytes, const StartCheck& check = {});

// AtomicFile file(path); file.write(...); file.commit();
class AtomicFile {
 public:
  // Creates the temporary file. The name may be new or an existing regular file (through a symbolic link its
  // target is replaced, the link stays); a folder, a device or a pipe is refused.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();  // without commit(): removes the temporary file
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const uint8_t> bytes);
  void commit();  // sync, rename, sync the folder; once
  // The same, but only if nothing has the name by then: otherwise false, and what is there stays as it is. On
  // a file system without hard links a file that appears in the last microseconds is replaced.
  [[nodiscard]] bool commit_new();

 private:
  void close_and_remove() noexcept;
  void sync_folder() const noexcept;
  [[noreturn]] void fail(const char* what, int error_number);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);

// Never replaces a file: false if something has the name, which stays as it is. If several processes write
// the same name, one succeeds.
[[nodiscard]] bool write_new_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace primal
