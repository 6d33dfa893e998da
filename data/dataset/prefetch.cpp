#include "data/dataset/prefetch.h"

#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

size_t checked_ahead(int64_t ahead) {
  if (ahead < 1) throw ConfigError("[prefetch] must hold at least 1 picture, got {}", ahead);
  return static_cast<size_t>(ahead);
}

}  // namespace

Prefetch::Prefetch(const Dataset& dataset, std::vector<int64_t> order, int64_t ahead)
    : dataset_(dataset),
      order_(std::move(order)),
      ahead_(checked_ahead(ahead)),
      thread_([this] { work(); }) {}

Prefetch::~Prefetch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Prefetch::work() {
  const WorkAlone alone;  // a second team of threads would only be in the way of the one that trains
  for (const int64_t i : order_) {
    Item item;
    try {
      item.picture = dataset_.clean(i);
    } catch (...) {
      item.error = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_ || ready_.size() < ahead_; });
    if (stop_) return;
    ready_.push_back(std::move(item));
    changed_.notify_all();
  }
}

Tensor Prefetch::next() {
  std::unique_lock lock(mutex_);
  if (n_given_ == order_.size())
    throw ShapeError("[prefetch] all {} pictures have been given", order_.size());
  changed_.wait(lock, [this] { return !ready_.empty(); });
  const Item item = std::move(ready_.front());
  ready_.pop_front();
  ++n_given_;
  changed_.notify_all();
  if (item.error) std::rethrow_exception(item.error);
  return item.picture;
}

}  // namespace primal
