// How much more memory a call makes resident at its peak.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

namespace primal::testing {

// "VmHWM:   1234 kB" of /proc/self/status, in bytes.
inline int64_t status_bytes(const char* name) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return -1;
  char line[256];
  int64_t bytes = -1;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, name, std::strlen(name)) == 0)
      bytes = std::strtoll(line + std::strlen(name), nullptr, 10) * 1024;
  }
  std::fclose(file);
  return bytes;
}

// Runs `call`, which may throw, in a process of its own. Nothing where the peak cannot be told: under a
// sanitizer, whose own memory would count, and where /proc is not as Linux has it.
template <class Call>
std::optional<int64_t> peak_growth(const Call& call) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::nullopt;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return std::nullopt;
#endif
#endif
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  const pid_t child = ::fork();
  if (child == 0) {
    std::FILE* reset = std::fopen("/proc/self/clear_refs", "w");  // 5: the peak is what is resident now
    bool told = reset != nullptr && std::fputs("5", reset) >= 0;
    if (reset != nullptr) told = std::fclose(reset) == 0 && told;
    const int64_t before = status_bytes("VmRSS:");
    try {
      call();
    } catch (...) {
    }
    const int64_t growth = told ? status_bytes("VmHWM:") - before : -1;
    const bool sent = ::write(ends[1], &growth, sizeof growth) == sizeof growth;
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  int64_t growth = -1;
  const bool read = child > 0 && ::read(ends[0], &growth, sizeof growth) == sizeof growth;
  ::close(ends[0]);
  if (child > 0) ::waitpid(child, nullptr, 0);
  if (!read || growth < 0) return std::nullopt;
  return growth;
}

}  // namespace primal::testing
