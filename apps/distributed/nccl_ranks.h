// NcclRanks: the CUDA devices of all ranks, one for each rank, joined by NCCL. Messages between them are
// queued on a side stream of this rank's device (tensor/side_stream.h), in the order of the calls, which must
// be the same on every rank.
//
// No call of NCCL blocks this rank while another rank is missing. The communicator of NCCL does not block: a
// call that needs the other ranks (joining, or the first message to a rank) continues in the background.
// Meanwhile Communicator::wait() checks its state, the farewells of other ranks, their processes and the
// timeout, as it does for messages of the host. So if a rank dies, hangs or reports an error, all ranks end
// with the same message. After an error, abandon() stops the device from waiting for messages that will not
// come.
//
// Errors: RankError if another rank ended or does not answer; DeviceError if NCCL refuses a call.
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
  // Every rank makes its NcclRanks at the same time. `nccl` and `ranks` must outlive it.
  NcclRanks(const cuda::NcclApi& nccl, Communicator& ranks, Device device);
  ~NcclRanks();
  NcclRanks(const NcclRanks&) = delete;
  NcclRanks& operator=(const NcclRanks&) = delete;

  Communicator& ranks() const { return ranks_; }
  SideStream& stream() const { return *stream_; }

  // Memory of this rank's device that is sent to the rank `peer`, or received from it.
  struct Message {
    int peer;
    std::span<float> data;
    bool is_sent;
  };
  void exchange(std::span<const Message> messages);
  // `all` has one piece for each rank, in their order and of equal size. The piece of this rank is sent to
  // all ranks, and the other pieces are received.
  void all_gather(std::span<float> all);
  // Returns when the stream has reached that mark.
  void wait(size_t mark);
  // Cancels the messages under way, so that the device does not wait for them. Nothing else may be called
  // afterwards.
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
