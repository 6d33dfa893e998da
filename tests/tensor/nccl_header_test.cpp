// What tensor/vendor/nccl_api.h declares is what nccl.h declares, where a build finds that; all of it is
// checked by the compiler.
#include <cstddef>
#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <nccl.h>
#include <type_traits>

#include "tensor/vendor/nccl_api.h"

namespace primal::cuda {
namespace {

// NCCL's own type for one of ours.
template <class T>
struct Own {
  using type = T;
};
template <>
struct Own<NcclResult> {
  using type = ncclResult_t;
};
template <>
struct Own<NcclType> {
  using type = ncclDataType_t;
};
template <>
struct Own<NcclUniqueId> {
  using type = ncclUniqueId;
};
template <>
struct Own<NcclConfig> {
  using type = ncclConfig_t;
};
template <>
struct Own<NcclCommunicator> {
  using type = ncclComm;
};
template <class T>
struct Own<T*> {
  using type = typename Own<T>::type*;
};

// The same parameters, with a cudaStream_t for our void* where nccl.h has one.
template <class Ours, class Theirs>
constexpr bool kSame = std::is_same_v<typename Own<Ours>::type, Theirs> ||
                       (std::is_same_v<Ours, void*> && std::is_same_v<Theirs, cudaStream_t>);
template <class Ours, class Theirs>
constexpr bool kSameFunction = false;
template <class R, class... P, class TheirR, class... TheirP>
requires(sizeof...(P) == sizeof...(TheirP)) constexpr bool kSameFunction<R (*)(P...), TheirR (*)(TheirP...)> =
    (kSame<R, TheirR> && ... && kSame<P, TheirP>);

#define PRIMAL_NCCL_COMPARE(name, Result, parameters) \
  static_assert(kSameFunction<decltype(NcclApi::name), decltype(&::name)>, #name);
PRIMAL_NCCL_FUNCTIONS(PRIMAL_NCCL_COMPARE)

static_assert(static_cast<int>(NcclResult::success) == ncclSuccess);
static_assert(static_cast<int>(NcclResult::unhandled_cuda_error) == ncclUnhandledCudaError);
static_assert(static_cast<int>(NcclResult::system_error) == ncclSystemError);
static_assert(static_cast<int>(NcclResult::internal_error) == ncclInternalError);
static_assert(static_cast<int>(NcclResult::invalid_argument) == ncclInvalidArgument);
static_assert(static_cast<int>(NcclResult::invalid_usage) == ncclInvalidUsage);
static_assert(static_cast<int>(NcclResult::remote_error) == ncclRemoteError);
static_assert(static_cast<int>(NcclResult::in_progress) == ncclInProgress);
static_assert(static_cast<int>(NcclType::float32) == ncclFloat32);
static_assert(sizeof(NcclResult) == sizeof(ncclResult_t) && sizeof(NcclType) == sizeof(ncclDataType_t));
static_assert(sizeof(NcclUniqueId) == sizeof(ncclUniqueId) && alignof(NcclUniqueId) == alignof(ncclUniqueId));
static_assert(offsetof(NcclConfig, size) == offsetof(ncclConfig_t, size));
static_assert(offsetof(NcclConfig, magic) == offsetof(ncclConfig_t, magic));
static_assert(offsetof(NcclConfig, version) == offsetof(ncclConfig_t, version));
static_assert(offsetof(NcclConfig, blocking) == offsetof(ncclConfig_t, blocking));
static_assert(sizeof(NcclConfig) <= sizeof(ncclConfig_t));

TEST(NcclHeader, TheConfigurationBeginsAsNcclsOwn) {
  const ncclConfig_t own = NCCL_CONFIG_INITIALIZER;
  const NcclConfig ours;
  EXPECT_EQ(ours.magic, own.magic);
  EXPECT_LE(ours.version, own.version);
}

}  // namespace
}  // namespace primal::cuda
