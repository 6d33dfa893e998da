#include "tensor/vendor/nccl_api.h"

#include <fmt/format.h>

namespace primal::cuda {

void NcclApi::load(const LoadedLibrary& library) {
#define PRIMAL_NCCL_LOAD(name, Result, parameters) name = library.function<decltype(name)>(#name);
  PRIMAL_NCCL_FUNCTIONS(PRIMAL_NCCL_LOAD)
#undef PRIMAL_NCCL_LOAD
}

const VendorApi<NcclApi>& nccl_library() {
  static const VendorApi<NcclApi> library(
      {.name = "NCCL", .file = "libnccl.so.2", .root = "NCCL_ROOT", .of_python = {"nccl/lib"}});
  return library;
}

std::string nccl_version_text(int version) {
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

int nccl_version(const NcclApi& api) {
  int version = 0;
  return api.ncclGetVersion(&version) == NcclResult::success ? version : 0;
}

}  // namespace primal::cuda
