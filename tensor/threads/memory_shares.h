// MemoryShares: an amount of memory that pieces of work beside each other share, so that many small ones run
// at once and large ones one after the other.
//
//   MemoryShares memory(limit);
//   MemoryShare share(memory, i, few);      what piece i takes at first, for reading its input
//   share.grow(more);                       what it takes in all, once that is known
//
// A piece waits until what it asks for fits beside what the others have. Whoever has the lowest number
// never waits for those behind it that wait themselves, so a piece larger than the limit runs alone, and
// nothing waits for ever: what is taken at once exceeds the limit by no more than the lowest piece and the
// first shares of the others.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace primal {

class MemoryShares {
 public:
  explicit MemoryShares(int64_t limit_bytes) : limit_(limit_bytes) {}
  MemoryShares(const MemoryShares&) = delete;
  MemoryShares& operator=(const MemoryShares&) = delete;

  int64_t limit() const { return limit_; }

 private:
  friend class MemoryShare;
  struct Share {
    int64_t bytes = 0;
    bool grown = false;
  };
  bool fits(size_t number, int64_t bytes, bool grown) const;
  void take(size_t number, int64_t bytes, bool grown);
  void give_back(size_t number);

  const int64_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Share> shares_;  // by the number of the piece
};

// What one piece has, while it lives.
class MemoryShare {
 public:
  MemoryShare(MemoryShares& memory, size_t number, int64_t bytes);
  ~MemoryShare();
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  void grow(int64_t bytes);

 private:
  MemoryShares& memory_;
  size_t number_;
};

}  // namespace primal
