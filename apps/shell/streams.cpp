#include "apps/shell/streams.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>

#include "apps/shell/speaker.h"

namespace primal {
namespace {

bool ends_by_broken_pipe = false;  // what SIGPIPE did before prepare_streams
std::atomic<bool> is_silent = false;

}  // namespace

void prepare_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // Opened the wrong way round; the lowest number that is free is the stream's.
    if (::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
  ends_by_broken_pipe = std::signal(SIGPIPE, SIG_IGN) == SIG_DFL;
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit (ulimit -f) is an error of the write too
}

void end_without_reader() {
  if (!ends_by_broken_pipe) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

void flush_output() {
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "standard output");
}

void let_talk(bool talks) { is_silent = !talks; }

void say_drawn(std::string_view text) noexcept {
  if (is_silent) return;
  // Whom could a failure be told?
  [[maybe_unused]] const size_t written = std::fwrite(text.data(), 1, text.size(), stderr);
}

void say_text(std::string_view text) noexcept {
  try {
    say_drawn(visible_lines(text));
  } catch (const std::bad_alloc&) {
    say_drawn("primal: [memory] the system has no more memory\n");
  }
}

void put_text(std::string_view text) {
  if (is_silent) return;
  const std::string shown = visible_lines(text);
  if (std::fwrite(shown.data(), 1, shown.size(), stdout) < shown.size())
    throw std::system_error(errno, std::generic_category(), "standard output");
}

}  // namespace primal
