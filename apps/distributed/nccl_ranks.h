// NcclRanks: the CUDA devices of all ranks, one each, joined by NCCL. Messages between them are queued on a
// side stream of this rank's device (tensor/side_stream.h), in the order of the calls, which must be the same
// on every rank.
//
// Nothing of NCCL waits for another rank unseen. The communicator does not block: a call that needs the other
// ranks (joining, the first message to a rank) goes on in the background, and Communicator::wait() looks at
// it, at farewells, at the other processes and at the clock, as it does for messages of the host. So a rank
// that dies, hangs or reports an error ends all with the same message. After an error, abandon() frees the
// device from waiting for messages that will not come.
//
// Errors: RankError where another rank ended or does not answer; DeviceError where NCCL refuses a call.
// Source: NVIDIA, "NCCL user guide", sections "Fault tolerance" and "Creating a communication with options".
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "apps/distributed/communicator.h"
#include "tensor/side_stream.h"
#include "tensor/vendor/nccl_api.h"

namespace primal {

class NcclRanks {
 public:
  // Every rank makes one at the same time. The ranks and the functions must outlive it.
  NcclRanks(const cuda::NcclApi& nccl, Communicator& ranks, Device device);
  ~NcclRanks();
  NcclRanks(const NcclRanks&) = delete;
  NcclRanks& operator=(const NcclRanks&) = delete;

  Communicator& ranks() const { return ranks_; }
  SideStream& stream() const { return *stream_; }

  // Memory of this rank's device that is sent to a rank, or received from it.
  struct Message {
    int peer;
    std::span<float> data;
    bool is_sent;
  };
  void exchange(std::span<const Message> messages);
  // `all` is one piece for each rank, in their order and of one size; this rank's is sent to all, and the
  // others are received.
  void all_gather(std::span<float> all);
  // Returns when the stream has reached that mark.
  void wait(size_t mark);
  // Gives up what is under way, so that the device does not wait for it; nothing else may be called afterwards.
  void abandon() noexcept;

 private:
  class Call;
  void join();
  void finish(cuda::NcclResult result, const char* what);
  void wait_for(const char* what, const std::function<bool()>& is_done);
  bool finalize() const noexcept;
  cuda::NcclResult state() const;
  std::string text_of(cuda::NcclResult result, const char* what) const;

  const cuda::NcclApi& nccl_;
  Communicator& ranks_;
  std::unique_ptr<SideStream> stream_;
  cuda::NcclComm comm_ = nullptr;
  bool is_under_way_ = false;  // messages were started since the last wait()
};

}  // namespace primal
