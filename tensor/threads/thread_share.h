// ThreadShare: how many threads the loops of the calling thread may have, while one lives, whatever
// num_threads() (tensor/exec.h) is for the process. For threads that work beside each other and share the
// processors. Results do not depend on it.
#pragma once

namespace primal {

class ThreadShare {
 public:
  explicit ThreadShare(int n_threads);  // 0: as many as the process has
  ~ThreadShare();
  ThreadShare(const ThreadShare&) = delete;
  ThreadShare& operator=(const ThreadShare&) = delete;

 private:
  int before_;
};

}  // namespace primal
