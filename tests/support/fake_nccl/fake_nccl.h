// A fake of NCCL for ranks that are threads of one process, with faults on demand. Like the real one it does
// not block: joining waits in the background for all ranks, and messages wait on a stream for those of their
// peers.
//
//   fake_nccl::Streams streams;                                  one in each test; api() uses it
//                                                                while it exists
//   streams.launch = ...                                         how work gets onto streams that are not null
//   streams.fail("ncclGroupEnd", 1, NcclResult::system_error);   the next such call of rank 1 fails
//   streams.hang(2, 5);                                          from group 5 on, rank 2 sends nothing
//   const NcclApi& nccl = fake_nccl::api();
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tensor/vendor/nccl_api.h"

namespace fake_nccl {

using primal::cuda::NcclResult;

const primal::cuda::NcclApi& api();

class Streams {
 public:
  Streams();
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // Queues work on a stream; the stream calls the work until it returns true.
  std::function<void(void* stream, std::function<bool()> work)> launch;
  // Whether a device may read and write this memory. If the function is empty, it may use all memory.
  std::function<bool(const void* begin, size_t bytes)> is_device_memory;

  void fail(const std::string& call, int rank, NcclResult result);
  // From this group of messages on (counted from 0), ncclCommGetAsyncError returns the error on that rank.
  void break_at(int rank, int group, NcclResult error);
  void hang(int rank, int group);

  int n_communicators() const;  // those that were neither destroyed nor aborted
  int n_aborted() const;

  struct State;
  const std::shared_ptr<State>& state() const { return state_; }

 private:
  std::shared_ptr<State> state_;  // work that is still queued has it too
};

}  // namespace fake_nccl
