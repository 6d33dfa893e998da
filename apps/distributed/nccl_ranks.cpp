#include "apps/distributed/nccl_ranks.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <thread>
#include <vector>

namespace primal {
namespace {

using cuda::NcclResult;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{1};  // the time between two checks of a call that takes long
constexpr std::chrono::seconds kFinalize{5};   // the time for the last messages at the end of a training
constexpr std::chrono::duration<double> kRollCall{2.0};  // the time for the ranks that still run to answer

// The ranks that do not answer. NCCL does not report whose message is missing, so the hosts ask each other.
std::vector<int> absent_ranks(Communicator& ranks, int64_t number) {
  const char here = 1;
  std::vector<char> all(static_cast<size_t>(ranks.size()));
  const std::vector<ConstBytes> out(all.size(), std::as_bytes(std::span(&here, 1)));
  std::vector<Bytes> in;
  for (char& answer : all) in.push_back(std::as_writable_bytes(std::span(&answer, 1)));
  const std::unique_ptr<Transfer> roll_call = ranks.start(out, in, number);
  const Clock::time_point began = Clock::now();
  while (!roll_call->done() && Clock::now() - began < std::min(kRollCall, ranks.timeout()))
    std::this_thread::sleep_for(kLook);
  return roll_call->missing();
}

}  // namespace

// A call that NCCL continues in the background, as a transfer for Communicator::wait().
class NcclRanks::Call final : public Transfer {
 public:
  Call(const NcclRanks& owner, const char* what, const std::function<bool()>& is_done)
      : owner_(owner), what_(what), is_done_(is_done), number_(owner.ranks_.take_number()) {}

  bool done() override {
    if (!problem_.empty()) return false;
    const NcclResult state = owner_.state();
    if (state != NcclResult::success && state != NcclResult::in_progress)
      problem_ = owner_.text_of(state, what_);
    return state == NcclResult::success && is_done_();
  }
  std::vector<int> missing() const override { return absent_ranks(owner_.ranks_, number_); }
  std::string problem() const override { return problem_; }

 private:
  const NcclRanks& owner_;
  const char* what_;
  const std::function<bool()>& is_done_;
  int64_t number_;
  std::string problem_;
};

NcclRanks::NcclRanks(const cuda::NcclApi& nccl, Communicator& ranks, Device device)
    : nccl_(nccl), ranks_(ranks), stream_(make_side_stream(device)) {
  try {
    join();
  } catch (...) {
    abandon();
    throw;
  }
}

NcclRanks::~NcclRanks() {
  if (comm_ == nullptr) return;
  if (!is_under_way_ && finalize()) {
    nccl_.ncclCommDestroy(comm_);
  } else {
    abandon();
  }
}

void NcclRanks::join() {
  cuda::NcclUniqueId own;
  if (ranks_.is_first()) {
    const NcclResult result = nccl_.ncclGetUniqueId(&own);
    if (result != NcclResult::success) throw DeviceError("[nccl] {}", text_of(result, "begin"));
  }
  const cuda::NcclUniqueId id = ranks_.all_gather_value(own).front();
  cuda::NcclConfig config;
  finish(nccl_.ncclCommInitRankConfig(&comm_, ranks_.size(), id, ranks_.rank(), &config),
         "join the devices of the ranks");
}

void NcclRanks::exchange(std::span<const Message> messages) {
  constexpr const char* kWhat = "exchange gradients";
  is_under_way_ = true;
  NcclResult result = nccl_.ncclGroupStart();
  for (const Message& m : messages) {
    if (result != NcclResult::success) break;
    result = m.is_sent ? nccl_.ncclSend(m.data.data(), m.data.size(), cuda::NcclType::float32, m.peer, comm_,
                                        stream_->handle())
                       : nccl_.ncclRecv(m.data.data(), m.data.size(), cuda::NcclType::float32, m.peer, comm_,
                                        stream_->handle());
  }
  const NcclResult end = nccl_.ncclGroupEnd();  // in any case: a group of this thread must not stay open
  finish(result != NcclResult::success ? result : end, kWhat);
}

void NcclRanks::all_gather(std::span<float> all) {
  is_under_way_ = true;
  const size_t n = all.size() / static_cast<size_t>(ranks_.size());
  const float* const own = all.data() + n * static_cast<size_t>(ranks_.rank());
  finish(nccl_.ncclAllGather(own, all.data(), n, cuda::NcclType::float32, comm_, stream_->handle()),
         "gather the sums of gradients");
}

void NcclRanks::wait(size_t mark) {
  wait_for("add the gradients", [&] { return stream_->reached(mark); });
  is_under_way_ = false;
}

// Completes a call that has returned: its messages are on the stream once NCCL has finished its work in the
// background.
void NcclRanks::finish(NcclResult result, const char* what) {
  if (result != NcclResult::success && result != NcclResult::in_progress)
    throw DeviceError("[nccl] {}; --exchange host trains without it", text_of(result, what));
  wait_for(what, [] { return true; });
}

void NcclRanks::wait_for(const char* what, const std::function<bool()>& is_done) {
  Call call(*this, what, is_done);
  ranks_.wait(call);
}

void NcclRanks::abandon() noexcept {
  if (comm_ != nullptr) nccl_.ncclCommAbort(comm_);
  comm_ = nullptr;
}

// Returns whether all messages were sent in time.
bool NcclRanks::finalize() const noexcept {
  const NcclResult result = nccl_.ncclCommFinalize(comm_);
  if (result != NcclResult::success && result != NcclResult::in_progress) return false;
  const Clock::time_point began = Clock::now();
  while (state() == NcclResult::in_progress) {
    if (Clock::now() - began > kFinalize) return false;
    std::this_thread::sleep_for(kLook);
  }
  return state() == NcclResult::success;
}

NcclResult NcclRanks::state() const {
  NcclResult state = NcclResult::success;
  const NcclResult result = nccl_.ncclCommGetAsyncError(comm_, &state);
  return result == NcclResult::success ? state : result;
}

std::string NcclRanks::text_of(NcclResult result, const char* what) const {
  const char* const last = comm_ == nullptr ? nullptr : nccl_.ncclGetLastError(comm_);
  return fmt::format("NCCL could not {}: {}{}", what, nccl_.ncclGetErrorString(result),
                     last == nullptr || *last == '\0' ? "" : fmt::format(" ({})", last));
}

}  // namespace primal
