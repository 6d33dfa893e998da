#include "tensor/threads/in_order.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace primal {

InOrder::InOrder(size_t n, int n_threads, Work work)
    : work_(std::move(work)), ahead_(2 * static_cast<size_t>(std::max(n_threads, 1))), pieces_(n) {
  if (n_threads < 2) return;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new threads
  try {
    while (threads_.size() < std::min(static_cast<size_t>(n_threads), n))
      threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    // A limit on processes or memory: those that are there do the work, the caller where there are none.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

InOrder::~InOrder() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void InOrder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

size_t InOrder::n_done() const {
  const std::lock_guard lock(mutex_);
  return n_done_;
}

bool InOrder::may_begin() const { return n_begun_ < pieces_.size() && n_begun_ < n_taken_ + ahead_; }

void InOrder::finish(size_t i, std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    pieces_[i] = {true, std::move(error)};
    ++n_done_;
  }
  changed_.notify_all();
}

void InOrder::run() {
  for (;;) {
    size_t i = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || n_begun_ == pieces_.size() || may_begin(); });
      if (stop_ || n_begun_ == pieces_.size()) return;
      i = n_begun_++;
    }
    std::exception_ptr error;
    try {
      work_(i);
    } catch (...) {
      error = std::current_exception();
    }
    finish(i, error);
  }
}

bool InOrder::wait(size_t i, const std::function<void()>& idle) {
  constexpr std::chrono::milliseconds kTenth{100};
  std::unique_lock lock(mutex_);
  n_taken_ = i;
  changed_.notify_all();
  if (threads_.empty()) {
    if (stop_) return false;
    n_begun_ = i + 1;
    lock.unlock();
    work_(i);
    finish(i, nullptr);
    return true;
  }
  const auto decided = [&] { return pieces_[i].done || (stop_ && n_begun_ <= i); };
  while (!changed_.wait_for(lock, kTenth, decided)) {
    if (!idle) continue;
    lock.unlock();
    idle();
    lock.lock();
  }
  if (!pieces_[i].done) return false;
  if (const std::exception_ptr error = std::exchange(pieces_[i].error, nullptr)) {
    lock.unlock();
    std::rethrow_exception(error);
  }
  return true;
}

}  // namespace primal
