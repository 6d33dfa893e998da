// InOrder: n pieces of work side by side on threads of their own, whose results are taken in order by the
// thread that asked for them.
//
//   InOrder all(n, n_threads, work);                 work(i) puts its result where the caller wants it
//   for (i = 0; i < n; ++i) { all.wait(i, idle); ... take result i ... }
//
// Pieces begin in order, and none begins that is more than twice the number of threads ahead of what has
// been taken, so that results which wait do not pile up. With one thread there is none but the caller's:
// wait(i) does the work itself.
// Signals go to the threads that the program made before.
// Errors:  what work(i) throws is thrown by wait(i).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace primal {

class InOrder {
 public:
  using Work = std::function<void(size_t)>;

  InOrder(size_t n, int n_threads, Work work);
  // Nothing else begins; waits for what has begun.
  ~InOrder();
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  // For i = 0, 1, ...: returns true once piece i is done, false where it never will be, since stop() came
  // first. `idle` is called every tenth of a second while there is nothing else to do.
  bool wait(size_t i, const std::function<void()>& idle = {});
  // Nothing else begins.
  void stop();
  // Pieces that are done.
  size_t n_done() const;

 private:
  void run();
  bool may_begin() const;
  void finish(size_t i, std::exception_ptr error);

  struct Piece {
    bool done = false;
    std::exception_ptr error;
  };

  const Work work_;
  const size_t ahead_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Piece> pieces_;
  size_t n_begun_ = 0, n_taken_ = 0, n_done_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace primal
