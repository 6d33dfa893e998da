// NCCL, loaded at run time: messages between the CUDA devices of several processes.
//
// The types and functions below are the part of NCCL's C interface that training uses. They have been the
// same since NCCL 2.14 (2022), the first with communicators that do not block, so a build needs no header of
// NCCL, and tests can use a table of their own functions. tests/tensor/nccl_header_test.cpp compares them
// with nccl.h where a build finds one.
//
// The library is libnccl.so.2 of the system, of the folder NCCL_ROOT, or of the package nvidia-nccl of a
// Python environment (tensor/vendor/vendor_library.h).
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "tensor/vendor/vendor_library.h"

namespace primal::cuda {

enum class NcclResult : unsigned {
  success = 0,
  unhandled_cuda_error = 1,
  system_error = 2,
  internal_error = 3,
  invalid_argument = 4,
  invalid_usage = 5,
  remote_error = 6,  // another process ended, or the network failed
  in_progress = 7    // not an error: the call goes on in the background
};
enum class NcclType : unsigned { float32 = 7 };

struct NcclUniqueId {
  std::array<char, 128> internal{};
};
using NcclComm = struct NcclCommunicator*;

// The first members of ncclConfig_t. All versions since 2.14 recognise them by this size and version, and use
// defaults for the members that follow.
struct NcclConfig {
  size_t size = sizeof(NcclConfig);
  unsigned magic = 0xcafebeef;
  unsigned version = 21400;
  int blocking = 0;  // calls return in_progress instead of waiting for other ranks
};

// Streams are cudaStream_t.
#define PRIMAL_NCCL_FUNCTIONS(X)                                                                      \
  X(ncclGetVersion, NcclResult, (int* version))                                                       \
  X(ncclGetUniqueId, NcclResult, (NcclUniqueId * id))                                                 \
  X(ncclCommInitRankConfig, NcclResult,                                                               \
    (NcclComm * comm, int n_ranks, NcclUniqueId id, int rank, NcclConfig* config))                    \
  X(ncclCommFinalize, NcclResult, (NcclComm comm))                                                    \
  X(ncclCommDestroy, NcclResult, (NcclComm comm))                                                     \
  X(ncclCommAbort, NcclResult, (NcclComm comm))                                                       \
  X(ncclCommGetAsyncError, NcclResult, (NcclComm comm, NcclResult * error))                           \
  X(ncclGetErrorString, const char*, (NcclResult result))                                             \
  X(ncclGetLastError, const char*, (NcclComm comm))                                                   \
  X(ncclGroupStart, NcclResult, ())                                                                   \
  X(ncclGroupEnd, NcclResult, ())                                                                     \
  X(ncclSend, NcclResult,                                                                             \
    (const void* from, size_t n, NcclType type, int peer, NcclComm comm, void* stream))               \
  X(ncclRecv, NcclResult, (void* to, size_t n, NcclType type, int peer, NcclComm comm, void* stream)) \
  X(ncclAllGather, NcclResult,                                                                        \
    (const void* own, void* all, size_t n, NcclType type, NcclComm comm, void* stream))

struct NcclApi {
#define PRIMAL_NCCL_MEMBER(name, Result, parameters) Result(*name) parameters = nullptr;
  PRIMAL_NCCL_FUNCTIONS(PRIMAL_NCCL_MEMBER)
#undef PRIMAL_NCCL_MEMBER
  void load(const LoadedLibrary& library);
};

const VendorApi<NcclApi>& nccl_library();  // loaded at the first call

// The version 22809 of NCCL as "2.28.9".
std::string nccl_version_text(int version);
// The version of the library that was loaded; 0 if the library does not report it.
int nccl_version(const NcclApi& api);

}  // namespace primal::cuda
