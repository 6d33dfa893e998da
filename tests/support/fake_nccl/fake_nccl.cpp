#include "support/fake_nccl/fake_nccl.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

namespace primal::cuda {

struct NcclCommunicator {
  int64_t clique;  // of the id
  int size, rank;
  std::map<int, int64_t> n_sent, n_received;  // by peer
  int n_groups = 0;
  bool is_aborted = false;
  NcclResult error = NcclResult::success;
  std::deque<std::function<bool()>> background;  // what the null stream still has to do
};

}  // namespace primal::cuda

namespace fake_nccl {

using primal::cuda::NcclApi;
using primal::cuda::NcclComm;
using primal::cuda::NcclCommunicator;
using primal::cuda::NcclConfig;
using primal::cuda::NcclType;
using primal::cuda::NcclUniqueId;

struct Streams::State {
  using Address = std::tuple<int64_t, int, int, int64_t>;  // clique, from, to, number

  std::recursive_mutex mutex;
  int64_t n_cliques = 0;
  std::map<int64_t, int> n_joined;
  std::map<Address, std::vector<float>> mail;
  std::map<std::pair<std::string, int>, NcclResult> failing;
  std::map<int, std::pair<int, NcclResult>> breaking;  // rank -> group, error
  std::map<int, int> hanging;                          // rank -> group
  std::vector<std::unique_ptr<NcclCommunicator>> all;
  int n_live = 0, n_aborted = 0;
};

namespace {

Streams* current = nullptr;

struct Message {
  NcclComm comm;
  float* data;
  size_t n;
  int peer;
  bool is_sent;
  void* stream;
};
thread_local int depth = 0;
thread_local std::vector<Message> grouped;

Streams::State& state() { return *current->state(); }

NcclResult planned(const char* call, int rank) {
  const std::lock_guard lock(state().mutex);
  const auto found = state().failing.find({call, rank});
  if (found == state().failing.end()) return NcclResult::success;
  const NcclResult result = found->second;
  state().failing.erase(found);
  return result;
}

// Messages that were started together, as a kernel that waits for those of the peers.
class Exchange {
 public:
  Exchange(NcclComm comm, std::vector<Message> messages, int number)
      : state_(current->state()), comm_(comm), messages_(std::move(messages)), number_(number) {
    for (const Message& m : messages_)
      numbers_.push_back(m.is_sent ? comm->n_sent[m.peer]++ : comm->n_received[m.peer]++);
  }

  bool operator()() {
    const std::lock_guard lock(state_->mutex);
    if (comm_->is_aborted) return true;
    const auto hanging = state_->hanging.find(comm_->rank);
    if (hanging != state_->hanging.end() && number_ >= hanging->second) return false;
    if (!std::exchange(are_sent_, true)) send();
    if (!all_arrived()) return false;
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& m = messages_[i];
      if (m.is_sent) continue;
      const auto found = state_->mail.find(address(i));
      if (found->second.size() == m.n) {
        std::ranges::copy(found->second, m.data);
      } else {
        comm_->error = NcclResult::invalid_argument;
      }
      state_->mail.erase(found);
    }
    return true;
  }

 private:
  Streams::State::Address address(size_t i) const {
    const Message& m = messages_[i];
    return {comm_->clique, m.is_sent ? comm_->rank : m.peer, m.is_sent ? m.peer : comm_->rank, numbers_[i]};
  }
  void send() {
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& m = messages_[i];
      if (m.is_sent) state_->mail[address(i)] = std::vector<float>(m.data, m.data + m.n);
    }
  }
  bool all_arrived() const {
    for (size_t i = 0; i < messages_.size(); ++i) {
      if (!messages_[i].is_sent && !state_->mail.contains(address(i))) return false;
    }
    return true;
  }

  std::shared_ptr<Streams::State> state_;
  NcclComm comm_;
  std::vector<Message> messages_;
  std::vector<int64_t> numbers_;
  int number_;  // of the group
  bool are_sent_ = false;
};

// Messages of a group, which is the number of those before it on this rank.
Exchange next_exchange(NcclComm comm, const std::vector<Message>& messages) {
  const std::lock_guard lock(state().mutex);
  const int number = comm->n_groups++;
  const auto breaking = state().breaking.find(comm->rank);
  if (breaking != state().breaking.end() && number >= breaking->second.first)
    comm->error = breaking->second.second;
  return {comm, messages, number};
}

// The streams have a lock of their own, and run work while they hold it: so none is held here.
NcclResult start(NcclComm comm, const std::vector<Message>& messages) {
  for (const Message& m : messages) {
    const auto& is_there = current->is_device_memory;
    if (is_there && !is_there(m.data, m.n * sizeof(float))) return NcclResult::invalid_argument;
  }
  Exchange exchange = next_exchange(comm, messages);
  if (void* const stream = messages.front().stream; stream != nullptr) {
    current->launch(stream, std::move(exchange));
  } else {
    const std::lock_guard lock(state().mutex);
    comm->background.emplace_back(std::move(exchange));
  }
  return NcclResult::in_progress;
}

NcclResult get_version(int* version) { return *version = 22809, NcclResult::success; }
NcclResult get_unique_id(NcclUniqueId* id) {
  if (const NcclResult result = planned("ncclGetUniqueId", 0); result != NcclResult::success) return result;
  const std::lock_guard lock(state().mutex);
  const int64_t number = state().n_cliques++;
  std::memcpy(id->internal.data(), &number, sizeof number);
  return NcclResult::success;
}
NcclResult init(NcclComm* comm, int size, NcclUniqueId id, int rank, NcclConfig* config) {
  if (config->size != sizeof(NcclConfig) || config->magic != 0xcafebeef || config->blocking != 0)
    return NcclResult::invalid_argument;
  const NcclResult result = planned("ncclCommInitRankConfig", rank);
  if (result != NcclResult::success) return result;
  const std::lock_guard lock(state().mutex);
  auto made = std::make_unique<NcclCommunicator>();
  std::memcpy(&made->clique, id.internal.data(), sizeof made->clique);
  made->size = size;
  made->rank = rank;
  *comm = made.get();
  ++state().n_joined[made->clique];
  ++state().n_live;
  state().all.push_back(std::move(made));
  return NcclResult::in_progress;
}
NcclResult finalize(NcclComm comm) { return planned("ncclCommFinalize", comm->rank); }
NcclResult destroy(NcclComm) {
  const std::lock_guard lock(state().mutex);
  --state().n_live;
  return NcclResult::success;
}
NcclResult abort_now(NcclComm comm) {
  const std::lock_guard lock(state().mutex);
  comm->is_aborted = true;
  comm->background.clear();
  --state().n_live;
  ++state().n_aborted;
  return NcclResult::success;
}
NcclResult async_error(NcclComm comm, NcclResult* error) {
  const std::lock_guard lock(state().mutex);
  while (!comm->background.empty() && comm->background.front()()) comm->background.pop_front();
  const bool waits = state().n_joined[comm->clique] < comm->size || !comm->background.empty();
  *error = comm->error != NcclResult::success ? comm->error
           : waits                            ? NcclResult::in_progress
                                              : NcclResult::success;
  return NcclResult::success;
}
const char* error_string(NcclResult result) {
  return result == NcclResult::remote_error ? "remote process exited or there was a network error"
                                            : "a fault of the fake";
}
const char* last_error(NcclComm) { return "socket closed"; }

NcclResult group_start() { return ++depth, NcclResult::success; }
NcclResult group_end() {
  if (--depth > 0) return NcclResult::success;
  const std::vector<Message> messages = std::exchange(grouped, {});
  if (messages.empty()) return NcclResult::success;
  NcclComm const comm = messages.front().comm;
  const NcclResult result = planned("ncclGroupEnd", comm->rank);
  return result != NcclResult::success ? result : start(comm, messages);
}
NcclResult one(const char* call, const Message& message) {
  const NcclResult result = planned(call, message.comm->rank);
  if (result != NcclResult::success) return result;
  if (depth == 0) return start(message.comm, {message});
  grouped.push_back(message);
  return NcclResult::success;
}
NcclResult send(const void* from, size_t n, NcclType, int peer, NcclComm comm, void* stream) {
  return one("ncclSend", {comm, static_cast<float*>(const_cast<void*>(from)), n, peer, true, stream});
}
NcclResult receive(void* to, size_t n, NcclType, int peer, NcclComm comm, void* stream) {
  return one("ncclRecv", {comm, static_cast<float*>(to), n, peer, false, stream});
}
NcclResult all_gather(const void* own, void* all, size_t n, NcclType, NcclComm comm, void* stream) {
  const NcclResult result = planned("ncclAllGather", comm->rank);
  if (result != NcclResult::success) return result;
  auto* const pieces = static_cast<float*>(all);
  const size_t rank = static_cast<size_t>(comm->rank);
  if (own != pieces + rank * n) return NcclResult::invalid_argument;  // only in place here
  std::vector<Message> messages;
  for (int r = 0; r < comm->size; ++r) {
    if (r == comm->rank) continue;
    messages.push_back({comm, pieces + rank * n, n, r, true, stream});
    messages.push_back({comm, pieces + static_cast<size_t>(r) * n, n, r, false, stream});
  }
  return messages.empty() ? NcclResult::success : start(comm, messages);
}

}  // namespace

const NcclApi& api() {
  static const NcclApi table = [] {
    NcclApi made;
    made.ncclGetVersion = get_version;
    made.ncclGetUniqueId = get_unique_id;
    made.ncclCommInitRankConfig = init;
    made.ncclCommFinalize = finalize;
    made.ncclCommDestroy = destroy;
    made.ncclCommAbort = abort_now;
    made.ncclCommGetAsyncError = async_error;
    made.ncclGetErrorString = error_string;
    made.ncclGetLastError = last_error;
    made.ncclGroupStart = group_start;
    made.ncclGroupEnd = group_end;
    made.ncclSend = send;
    made.ncclRecv = receive;
    made.ncclAllGather = all_gather;
    return made;
  }();
  return table;
}

Streams::Streams() : state_(std::make_shared<State>()) { current = this; }
Streams::~Streams() { current = nullptr; }

void Streams::fail(const std::string& call, int rank, NcclResult result) {
  state_->failing[{call, rank}] = result;
}
void Streams::break_at(int rank, int group, NcclResult error) { state_->breaking[rank] = {group, error}; }
void Streams::hang(int rank, int group) { state_->hanging[rank] = group; }
int Streams::n_communicators() const { return state_->n_live; }
int Streams::n_aborted() const { return state_->n_aborted; }

}  // namespace fake_nccl
