#include "python/src/calls.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <vector>

#include "tensor/error.h"

namespace nb = nanobind;

namespace primal::python {
namespace {

constexpr std::chrono::milliseconds kLook{50}, kGrace{300};

std::atomic<int> calls_at_work = 0;
std::atomic<unsigned> forks = 0;
std::atomic<bool> forked_at_work = false;
std::atomic<bool> ending = false;  // the interpreter is

class AtWork {
 public:
  AtWork() { ++calls_at_work; }
  ~AtWork() { --calls_at_work; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
};

struct Job {
  std::function<void(const Stop&)> run;
  Stop stop;
  std::exception_ptr error;
  bool done = false;
};

// A thread that does one job after another.
class Helper {
 public:
  Helper() : thread_([this] { work(); }) {}
  ~Helper() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  void post(std::shared_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = std::move(job);
    }
    changed_.notify_all();
  }
  bool wait(const Job& job, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return job.done; });
  }

 private:
  void work() {
    for (;;) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return job_ != nullptr || ends_; });
        if (job_ == nullptr) return;
        job = std::exchange(job_, nullptr);
      }
      {
        const AtWork at_work;
        try {
          job->run(job->stop);
        } catch (...) {
          job->error = std::current_exception();
        }
      }
      job->run = nullptr;  // what it captured goes before anybody is told
      {
        const std::lock_guard lock(mutex_);
        job->done = true;
      }
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Job> job_;
  bool ends_ = false;
  std::thread thread_;
};

// What the main thread has; only it touches it. Never destroyed, since a child of fork() would wait for
// threads that it does not have.
struct Helpers {
  std::unique_ptr<Helper> mine;
  std::vector<std::unique_ptr<Helper>> abandoned;
  unsigned fork = 0;  // that they belong to
};
Helpers& helpers() {
  static Helpers& all = *new Helpers;
  return all;
}

// A child of fork() has the objects but not the threads, so they can only be forgotten.
Helper& main_helper() {
  Helpers& all = helpers();
  if (all.fork != forks) {
    static_cast<void>(all.mine.release());
    for (auto& one : all.abandoned) static_cast<void>(one.release());
    all.abandoned.clear();
    all.fork = forks;
  }
  if (!all.mine) all.mine = std::make_unique<Helper>();
  return *all.mine;
}

void require_usable() {
  if (!forked_at_work) return;
  throw DeviceError(
      "[fork] this process was forked while another thread of its parent was computing with Primal, whose "
      "locks it cannot get: start it with multiprocessing's method \"spawn\" or \"forkserver\", or fork "
      "while nothing computes");
}

bool on_main_thread() {
  const nb::object threading = nb::module_::import_("threading");
  return nb::cast<unsigned long>(threading.attr("get_ident")()) ==
         nb::cast<unsigned long>(threading.attr("main_thread")().attr("ident"));
}

// A daemon thread of an interpreter that ends: what it would go on with is being taken apart. It
// is not counted any more.
[[noreturn]] void sleep_forever() {
  --calls_at_work;
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// The call counts until it has Python's lock again: an interpreter that ends before that would end
// this thread inside of a destructor, which terminates the process. So end_calls(), which has let
// the lock go, waits for it.
void run_here(const Work& work) {
  const AtWork at_work;
  const nb::gil_scoped_release released;
  if (ending) sleep_forever();
  try {
    work.run(Stop());
  } catch (const Interrupted&) {  // nobody asks this Stop, so the interpreter ends
    sleep_forever();
  }
}

// With the lock: runs Python's handlers of the signals that came. True where one of them raised.
bool signal_raised() { return PyErr_CheckSignals() != 0; }

// A signal handler has raised: true once the job has stopped, false where it is to be left alone.
bool stops(Helper& at, const Job& job, bool finishes) {
  job.stop.ask();
  // What the handler raised is kept while the work saves what it has.
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  bool done = false;
  bool again = false;
  do {
    {
      const nb::gil_scoped_release released;
      done = at.wait(job, finishes ? kLook : kGrace);
    }
    again = finishes && !done && signal_raised();
    if (again) PyErr_Clear();
  } while (finishes && !done && !again);
  PyErr_Restore(type, value, trace);
  return done;
}

}  // namespace

bool Stop::asked() const { return *asked_ || ending; }

void Stop::check() const {
  if (asked()) throw Interrupted();
}

void call(const Work& work) {
  require_usable();
  if (work.brief || !on_main_thread()) return run_here(work);
  Helper& at = main_helper();
  const auto job = std::make_shared<Job>(Job{.run = work.run, .stop = {}, .error = {}, .done = false});
  {
    const nb::gil_scoped_release released;
    at.post(job);
  }
  for (bool done = false; !done;) {
    {
      const nb::gil_scoped_release released;
      done = at.wait(*job, kLook);
    }
    if (done || !signal_raised()) continue;
    if (!stops(at, *job, work.finishes)) helpers().abandoned.push_back(std::move(helpers().mine));
    throw nb::python_error();
  }
  if (job->error) std::rethrow_exception(job->error);
}

void end_calls() {
  ending = true;
  const nb::gil_scoped_release released;
  Helpers& all = helpers();
  if (all.fork == forks) {
    all.abandoned.clear();
    all.mine.reset();
  }
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (calls_at_work > 0 && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void watch_forks() {
  pthread_atfork(nullptr, nullptr, [] {
    ++forks;
    if (calls_at_work.exchange(0) > 0) forked_at_work = true;
  });
}

}  // namespace primal::python
