#include "apps/distributed/mpi_plugin.h"

#include <algorithm>
#include <cstring>
#include <mpi.h>
#include <new>
#include <vector>

namespace {

constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // MPI counts in int

struct Transfer {
  std::vector<MPI_Request> requests;
  std::vector<int> peers;
  std::vector<bool> sent;
};

int begin(int* rank, int* size) {
  int begun = 0;
  MPI_Initialized(&begun);
  if (begun == 0) {
    int provided = 0;
    if (const int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided)) return error;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (const int error = MPI_Comm_rank(MPI_COMM_WORLD, rank)) return error;
  return MPI_Comm_size(MPI_COMM_WORLD, size);
}

int start_one(const PrimalMpiMessage& message, int tag, Transfer& transfer) {
  for (int64_t done = 0; done < message.bytes; done += kMostAtOnce) {
    auto* const data = static_cast<char*>(message.data) + done;
    const auto count = static_cast<int>(std::min(kMostAtOnce, message.bytes - done));
    MPI_Request request = MPI_REQUEST_NULL;
    const int error = message.is_sent
                          ? MPI_Isend(data, count, MPI_BYTE, message.peer, tag, MPI_COMM_WORLD, &request)
                          : MPI_Irecv(data, count, MPI_BYTE, message.peer, tag, MPI_COMM_WORLD, &request);
    if (error != MPI_SUCCESS) return error;
    transfer.requests.push_back(request);
    transfer.peers.push_back(message.peer);
    transfer.sent.push_back(message.is_sent);
  }
  return MPI_SUCCESS;
}

int start(const PrimalMpiMessage* messages, int64_t n, int tag, void** transfer) {
  auto* const made = new (std::nothrow) Transfer;
  if (made == nullptr) return MPI_ERR_NO_MEM;
  *transfer = made;
  for (int64_t i = 0; i < n; ++i) {
    if (const int error = start_one(messages[i], tag, *made)) return error;
  }
  return MPI_SUCCESS;
}

int test(void* transfer, bool* done) {
  auto& t = *static_cast<Transfer*>(transfer);
  int all = 0;
  const int error =
      MPI_Testall(static_cast<int>(t.requests.size()), t.requests.data(), &all, MPI_STATUSES_IGNORE);
  *done = all != 0;
  return error;
}

bool is_open(void* transfer, int peer) {
  auto& t = *static_cast<Transfer*>(transfer);
  for (size_t i = 0; i < t.requests.size(); ++i) {
    if (t.peers[i] != peer || t.requests[i] == MPI_REQUEST_NULL) continue;
    int done = 0;
    MPI_Request_get_status(t.requests[i], &done, MPI_STATUS_IGNORE);
    if (done == 0) return true;
  }
  return false;
}

void close(void* transfer) {
  auto* const t = static_cast<Transfer*>(transfer);
  for (size_t i = 0; i < t->requests.size(); ++i) {
    if (t->requests[i] == MPI_REQUEST_NULL) continue;
    if (!t->sent[i]) MPI_Cancel(&t->requests[i]);  // nothing may be written there any more
    MPI_Request_free(&t->requests[i]);
  }
  delete t;
}

int probe(int tag, bool* there, int* source, int64_t* bytes) {
  int found = 0, count = 0;
  MPI_Status status;
  if (const int error = MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &found, &status)) return error;
  *there = found != 0;
  if (found == 0) return MPI_SUCCESS;
  *source = status.MPI_SOURCE;
  const int error = MPI_Get_count(&status, MPI_BYTE, &count);
  *bytes = count;
  return error;
}

int receive(int source, int tag, void* data, int64_t bytes) {
  return MPI_Recv(data, static_cast<int>(bytes), MPI_BYTE, source, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

int abort_all(int exit_code) { return MPI_Abort(MPI_COMM_WORLD, exit_code); }

int end() {
  int begun = 0, ended = 0;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  return begun != 0 && ended == 0 ? MPI_Finalize() : MPI_SUCCESS;
}

void copy_text(const char* text, char* buffer, int64_t size) {
  const size_t n = std::min(std::strlen(text), static_cast<size_t>(size - 1));
  std::memcpy(buffer, text, n);
  buffer[n] = '\0';
}

void text(int error, char* buffer, int64_t size) {
  char found[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(error, found, &length);
  copy_text(found, buffer, size);
}

void library(char* buffer, int64_t size) {
  char found[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(found, &length);
  copy_text(found, buffer, size);
}

constexpr PrimalMpiTable kTable = {kMpiInterface, begin,   start,     test, is_open, close,
                                   probe,         receive, abort_all, end,  text,    library};

}  // namespace

extern "C" const PrimalMpiTable* primal_mpi_table() { return &kTable; }
