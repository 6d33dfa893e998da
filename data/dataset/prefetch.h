// Prefetch: the clean pictures of a data set in a given order, decoded ahead by a thread of its own.
// next() gives the pictures exactly in that order; an error in decoding one is thrown by the next() that
// would have given it. The destructor stops the thread, at the latest after the picture it is busy with.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "data/dataset/dataset.h"

namespace primal {

class Prefetch {
 public:
  // `dataset` must outlive this object. At most `ahead` pictures wait at a time; ConfigError when it is
  // below 1.
  Prefetch(const Dataset& dataset, std::vector<int64_t> order, int64_t ahead = 4);
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  Tensor next();  // ShapeError after the last picture

 private:
  struct Item {
    Tensor picture;
    std::exception_ptr error;
  };
  void work();

  const Dataset& dataset_;
  const std::vector<int64_t> order_;
  const size_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  size_t n_given_ = 0;
  bool stop_ = false;
  std::thread thread_;  // last: it starts when everything else is there
};

}  // namespace primal
