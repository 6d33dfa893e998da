// Calls of Primal from Python: the global interpreter lock is released while they work, Ctrl-C is noticed,
// and a child process made by fork() gets an error instead of hanging.
//
//   Python's main thread   the work runs on a second thread, and the main thread checks for signals every
//                          50 ms. After Ctrl-C the work is asked to stop (Stop::asked), and the call raises
//                          KeyboardInterrupt at the latest after a third of a second; work that has not
//                          stopped by then ends in the background, and its result is dropped.
//   other threads          the work runs where it was called: Python delivers signals to the main thread
//                          alone.
//   short work             (Work::brief) runs where it was called, since handing it to another
//                          thread would take longer.
//
// Each thread that works has worker threads of its own (tensor/threads), so calls from two threads do
// not wait for each other.
//
// fork(): worker threads are made anew in the child. A lock that a thread of the parent held at the moment of
// the fork, such as that of a memory pool, is held in the child forever; so in a child forked during a call,
// every call raises DeviceError.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <nanobind/nanobind.h>
#include <optional>
#include <utility>

namespace primal::python {

// Whether the work is still needed: not after Ctrl-C, nor when the interpreter ends.
class Stop {
 public:
  bool asked() const;
  void ask() const { *asked_ = true; }
  // Throws Interrupted if the work was asked to stop.
  void check() const;

 private:
  std::shared_ptr<std::atomic<bool>> asked_ = std::make_shared<std::atomic<bool>>(false);
};

// Ends work that is no longer needed; never reaches Python.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

struct Work {
  std::function<void(const Stop&)> run;
  bool brief = false;  // takes less than about 20 ms
  bool finishes =
      false;  // saves what it has when asked to stop: the first Ctrl-C waits for that, the second does not
};

// Called with the lock held, which is released while the work runs. Rethrows what the work throws, and
// python_error (KeyboardInterrupt) if a Python signal handler raised an exception.
void call(const Work& work);

// The result of work, which must not touch Python objects.
template <class F>
auto without_lock(bool brief, F&& f) {
  using Result = decltype(f(std::declval<const Stop&>()));
  // Shared, so that abandoned work still has a place for its result.
  auto result = std::make_shared<std::optional<Result>>();
  call({[f = std::forward<F>(f), result](const Stop& stop) { result->emplace(f(stop)); }, brief});
  return std::move(**result);
}

// Called when the interpreter ends: asks abandoned work and the work of daemon threads to stop and waits for
// it (at most ten seconds for the latter), since the memory that it uses is freed with the process. Daemon
// threads do not return from calls after that.
void end_calls();

// Registers the handler of fork(); once, when the module is imported.
void watch_forks();

}  // namespace primal::python
