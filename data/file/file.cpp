#include "data/file/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tensor/error.h"

namespace primal {
namespace {

std::string reason(int error_number) { return std::strerror(error_number); }

// Closes on every way out of read_file.
struct Descriptor {
  int number;
  ~Descriptor() { ::close(number); }
};

// One read of up to `bytes`, repeated when a signal interrupts it; 0 at the end of the file.
size_t read_some(int descriptor, uint8_t* to, size_t bytes, const std::filesystem::path& path) {
  for (;;) {
    const ssize_t n = ::read(descriptor, to, bytes);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) throw IoError("[file] cannot read {}: {}", path.string(), reason(errno));
  }
}

std::vector<uint8_t> read_all(int descriptor, const std::filesystem::path& path, uint64_t max_bytes,
                              const StartCheck& check) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    throw IoError("[file] cannot read {}: {}", path.string(), reason(errno));
  if (S_ISDIR(status.st_mode)) throw IoError("[file] {} is a folder, expected a file", path.string());
  const bool regular = S_ISREG(status.st_mode);
  if (regular && static_cast<uint64_t>(status.st_size) > max_bytes) {
    throw DataError("[file] {} has {} bytes, at most {} are read", path.string(), status.st_size, max_bytes);
  }
  constexpr size_t kStep = size_t{1} << 16;
  std::vector<uint8_t> bytes(kStep);
  size_t filled = 0;
  while (filled < kFileStartBytes) {
    const size_t n = read_some(descriptor, bytes.data() + filled, bytes.size() - filled, path);
    if (n == 0) break;
    filled += n;
  }
  if (check) check(std::span(bytes).first(std::min(filled, kFileStartBytes)));
  // The size is a hint only: the file may grow or shrink while it is read, and a pipe has none.
  if (regular && static_cast<size_t>(status.st_size) >= kStep)
    bytes.resize(static_cast<size_t>(status.st_size) + 1);
  for (;;) {
    if (filled > max_bytes) throw DataError("[file] {} has more than {} bytes", path.string(), max_bytes);
    if (filled == bytes.size()) bytes.resize(bytes.size() + std::max(kStep, bytes.size() / 2));
    const size_t n = read_some(descriptor, bytes.data() + filled, bytes.size() - filled, path);
    if (n == 0) break;
    filled += n;
  }
  bytes.resize(filled);
  return bytes;
}

// The folder that holds a file; "" stands for the current one.
std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Where a write to `path` lands: the target of a symbolic link, else the path itself.
std::filesystem::path write_target(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  return error ? path : target;  // a dangling link is replaced
}

// Attributes that speak of the contents that are replaced, or that no copy may take along.
bool is_kept_attribute(std::string_view name) {
  for (const std::string_view left : {"security.capability", "security.ima", "security.evm"}) {
    if (name == left) return false;
  }
  return !name.starts_with("trusted.");
}

std::vector<std::string> attribute_names(const std::filesystem::path& path) {
  std::string list(static_cast<size_t>(std::max<ssize_t>(::listxattr(path.c_str(), nullptr, 0), 0)), '\0');
  const ssize_t n = ::listxattr(path.c_str(), list.data(), list.size());
  list.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  std::vector<std::string> names;
  for (size_t at = 0; at < list.size(); at += names.back().size() + 1) names.emplace_back(list.c_str() + at);
  return names;
}

void copy_attributes(const std::filesystem::path& from, int to) {
  // One that the folder gave to the new file, and the old file lacks, goes.
  constexpr const char* kAccess = "system.posix_acl_access";
  ::fremovexattr(to, kAccess);
  for (const std::string& name : attribute_names(from)) {
    if (!is_kept_attribute(name)) continue;
    const ssize_t size = ::getxattr(from.c_str(), name.c_str(), nullptr, 0);
    if (size < 0) continue;
    std::vector<uint8_t> value(static_cast<size_t>(size));
    const ssize_t n = ::getxattr(from.c_str(), name.c_str(), value.data(), value.size());
    if (n >= 0) ::fsetxattr(to, name.c_str(), value.data(), static_cast<size_t>(n), 0);
  }
}

// The new file gets owner, access and attributes of the one it replaces, as far as this process may
// give them and the file system has them: what is refused is no failure. It never becomes open to more
// people than the old one was.
void take_over(const std::filesystem::path& old, const struct stat& status, int descriptor) {
  struct stat own {};
  if (::fstat(descriptor, &own) != 0) return;
  bool same_owner = own.st_uid == status.st_uid && own.st_gid == status.st_gid;
  if (!same_owner) same_owner = ::fchown(descriptor, status.st_uid, status.st_gid) == 0;
  const bool same_group = same_owner || own.st_gid == status.st_gid ||
                          ::fchown(descriptor, static_cast<uid_t>(-1), status.st_gid) == 0;
  if (same_group) copy_attributes(old, descriptor);
  mode_t mode = status.st_mode & 07777;
  if (!same_owner) mode &= 0777;  // no set-user-id of another user
  if (!same_group)
    mode = (mode & 0707) | ((mode & 07) << 3);  // the group is another: it gets what everybody has
  ::fchmod(descriptor, mode);
}

// ".NAME.PID.COUNT.tmp"; of a name so long that this would not be legal only the beginning, up to a
// whole character of UTF-8.
std::string temporary_name(const std::string& name, unsigned count) {
  const std::string rest = fmt::format(".{}.{}.tmp", ::getpid(), count);
  size_t n = std::min<size_t>(name.size(), NAME_MAX - 1 - rest.size());
  while (n > 0 && n < name.size() && (static_cast<uint8_t>(name[n]) & 0xc0) == 0x80) --n;
  return fmt::format(".{}{}", name.substr(0, n), rest);
}

}  // namespace

std::vector<uint8_t> read_file(const std::filesystem::path& path, uint64_t max_bytes,
                               const StartCheck& check) {
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) throw IoError("[file] cannot open {}: {}", path.string(), reason(errno));
  const Descriptor file{number};
  return read_all(file.number, path, max_bytes, check);
}

std::vector<uint8_t> read_file_start(const std::filesystem::path& path) {
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) throw IoError("[file] cannot open {}: {}", path.string(), reason(errno));
  const Descriptor file{number};
  std::vector<uint8_t> bytes(kFileStartBytes);
  size_t filled = 0, n = 0;
  do {
    n = read_some(file.number, bytes.data() + filled, bytes.size() - filled, path);
    filled += n;
  } while (n > 0 && filled < bytes.size());
  bytes.resize(filled);
  return bytes;
}

std::vector<uint8_t> read_standard_input(uint64_t max_bytes, const StartCheck& check) {
  return read_all(STDIN_FILENO, "standard input", max_bytes, check);
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(write_target(path)) {
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (!exists && errno == ENAMETOOLONG)  // its temporary name would not be
    throw IoError("[file] cannot write {}: {}", path_.string(), reason(errno));
  if (exists && !S_ISREG(status.st_mode)) {
    throw IoError("[file] cannot write {}: it exists and is {}, not a regular file", path_.string(),
                  S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe");
  }
  // Process and counter make the name unique among the writers of this machine. In a container
  // each program may be process 1, so that a killed one's leftover has the name: O_EXCL tells, and
  // the next number is tried.
  static std::atomic<unsigned> counter{0};
  constexpr int kAttempts = 1000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary_ = folder_of(path_) / temporary_name(path_.filename().string(), counter.fetch_add(1));
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, exists ? 0600 : 0666);
    if (descriptor_ >= 0 || errno != EEXIST) break;
  }
  if (descriptor_ < 0) {
    throw IoError("[file] cannot write {}: {}", path_.string(), reason(errno));
  }
  if (exists) take_over(path_, status, descriptor_);
}

AtomicFile::~AtomicFile() { close_and_remove(); }

void AtomicFile::close_and_remove() noexcept {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
  descriptor_ = -1;
}

void AtomicFile::fail(const char* what, int error_number) {
  close_and_remove();
  throw IoError("[file] cannot {} {}: {}; what was there before is unchanged", what, path_.string(),
                reason(error_number));
}

void AtomicFile::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      fail("write", errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("sync", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename the finished file to", errno);
  ::close(descriptor_);
  descriptor_ = -1;
  sync_folder();
}

bool AtomicFile::commit_new() {
  if (::fsync(descriptor_) != 0) fail("sync", errno);
  // A hard link is the one way to give a finished file a name only if the name is free. A link to nothing is
  // free: commit() replaces it.
  const bool linked = ::link(temporary_.c_str(), path_.c_str()) == 0;
  const int refusal = linked ? 0 : errno;
  std::error_code error;
  if (linked || std::filesystem::exists(path_, error)) {
    close_and_remove();
    if (linked) sync_folder();
    return linked;
  }
  const bool has_no_links = refusal == EPERM || refusal == EOPNOTSUPP || refusal == ENOSYS;
  if (!has_no_links && refusal != EEXIST) fail("name the finished file", refusal);
  commit();
  return true;
}

// The file is complete under its name by now. Some file systems cannot sync a folder; that is no failure.
void AtomicFile::sync_folder() const noexcept {
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

bool write_new_file(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return false;
  AtomicFile file(path);
  file.write(bytes);
  return file.commit_new();
}

}  // namespace primal
