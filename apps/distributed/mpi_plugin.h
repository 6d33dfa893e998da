// What the module primal_mpi offers: the few functions of MPI that training needs, as a table of C functions.
// The program loads the module when it is one of several ranks, so nothing else depends on an MPI library.
// The module is compiled against the MPI found by CMake.
//
// Every function but `text` and `close` returns MPI's error code, 0 for success.
#pragma once

#include <cstdint>

extern "C" {

struct PrimalMpiMessage {
  int peer;
  void* data;
  int64_t bytes;
  bool is_sent;  // otherwise received
};

struct PrimalMpiTable {
  int interface_version;               // kMpiInterface
  int (*begin)(int* rank, int* size);  // MPI_Init_thread, unless MPI has begun already
  int (*start)(const PrimalMpiMessage* messages, int64_t n, int tag, void** transfer);
  int (*test)(void* transfer, bool* done);
  bool (*is_open)(void* transfer, int peer);  // is a message to or from `peer` still under way?
  void (*close)(void* transfer);              // receives that are still under way are cancelled
  int (*probe)(int tag, bool* there, int* source, int64_t* bytes);
  int (*receive)(int source, int tag, void* data, int64_t bytes);
  int (*abort)(int exit_code);
  int (*end)();
  void (*text)(int error, char* buffer, int64_t size);
  void (*library)(char* buffer, int64_t size);  // "Open MPI v4.1.4, ..."
};

const PrimalMpiTable* primal_mpi_table();

}  // extern "C"

inline constexpr int kMpiInterface = 1;
