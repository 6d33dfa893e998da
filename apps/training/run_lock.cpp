#include "apps/training/run_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <unistd.h>

#include "tensor/error.h"

namespace primal {

RunLock::RunLock(const std::filesystem::path& folder) {
  const std::string path = (folder / ".lock").string();
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw IoError("[train] cannot write {}: {}", path, std::strerror(errno));
  int result = 0;
  do result = ::flock(descriptor_, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  held_ = result == 0;
  if (held_) {
    // What the file says is for people; the lock itself does not depend on it.
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(descriptor_, 0) == 0) {
      [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, pid.data(), pid.size(), 0);
    }
    return;
  }
  if (errno != EWOULDBLOCK) return;  // the file system has no locks
  char text[32] = {};
  const ssize_t n = ::pread(descriptor_, text, sizeof text - 1, 0);
  std::string pid(text, n > 0 ? static_cast<size_t>(n) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  ::close(descriptor_);
  throw ConfigError(
      "[train] {} is in use by another training, process {}: wait for it, or give another --output",
      folder.string(), pid.empty() ? "unknown" : pid);
}

RunLock::~RunLock() { ::close(descriptor_); }

}  // namespace primal
