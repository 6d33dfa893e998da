// Calls of Primal from Python: the global interpreter lock is released while they work, Ctrl-C is noticed, and a child process made by
// fork() gets an error where it could hang.
//
//   Python's main thread   the work runs on a helper thread, and the main thread looks for signals every 50 ms. After Ctrl-C the work
//                          is asked to stop (Stop::asked), and the call raises KeyboardInterrupt at the latest after a third of a
//                          second; work that has not stopped by then is left to end by itself, and its result is dropped.
//   other threads          the work runs where it was called: Python delivers signals to the main thread alone.
//   short work             (Work::brief) runs where it was called, since handing it to another thread would take longer.
//
// Each thread that works has worker threads of its own (tensor/threads), so calls from two threads do not wait for each other.
//
// fork(): worker threads are made anew in the child. What a thread of the parent held at the moment of the fork, the lock of a memory
// pool say, is held in the child forever; so in a child that was forked while a call was at work, every call raises DeviceError.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <nanobind/nanobind.h>
#include <optional>
#include <utility>

namespace primal::python {

// Whether somebody still waits for the work: not after Ctrl-C, nor when the interpreter ends.
class Stop {
 public:
  bool asked() const;
  void ask() const { *asked_ = true; }
  // Throws Interrupted where it was asked.
  void check() const;

 private:
  std::shared_ptr<std::atomic<bool>> asked_ = std::make_shared<std::atomic<bool>>(false);
};

// Ends work that nobody waits for any more; never reaches Python.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

struct Work {
  std::function<void(const Stop&)> run;
  bool brief = false;  // takes less than about 20 ms
  bool finishes =
      false;  // saves what it has when asked to stop: the first Ctrl-C waits for that, the second does not
};

// Called with the lock held, which is released while the work runs. Rethrows what the work throws, and python_error
// (KeyboardInterrupt) where a signal handler of Python raised.
void call(const Work& work);

// The result of work, which must not touch objects of Python.
template <class F>
auto without_lock(bool brief, F&& f) {
  using Result = decltype(f(std::declval<const Stop&>()));
  // Shared, so that work which is left alone has somewhere to put its result.
  auto result = std::make_shared<std::optional<Result>>();
  call({[f = std::forward<F>(f), result](const Stop& stop) { result->emplace(f(stop)); }, brief});
  return std::move(**result);
}

// Called when the interpreter ends: asks work that was left alone and the work of daemon threads to stop and waits for it, ten seconds at
// most for the latter, since memory that it uses goes with the process. Daemon threads do not come back from calls after that.
void end_calls();

// Registers the handler of fork(); once, when the module is imported.
void watch_forks();

}  // namespace primal::python
