#include "tensor/vendor/cublaslt_api.h"

#include <cublasLt.h>
#include <map>
#include <mutex>

#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/rehearsal.h"
#include "tensor/scratch.h"
#include "tensor/vendor/choice_cache.h"
#include "tensor/vendor/vendor_library.h"

namespace primal::cuda {
namespace {

#define PRIMAL_CUBLASLT_FUNCTIONS(X)      \
  X(cublasLtCreate)                       \
  X(cublasLtMatmul)                       \
  X(cublasLtMatmulDescCreate)             \
  X(cublasLtMatmulDescDestroy)            \
  X(cublasLtMatmulDescSetAttribute)       \
  X(cublasLtMatrixLayoutCreate)           \
  X(cublasLtMatrixLayoutDestroy)          \
  X(cublasLtMatrixLayoutSetAttribute)     \
  X(cublasLtMatmulPreferenceCreate)       \
  X(cublasLtMatmulPreferenceDestroy)      \
  X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatmulAlgoGetHeuristic)

PRIMAL_VENDOR_API(CublasLtApi, PRIMAL_CUBLASLT_FUNCTIONS);

VendorLibrary library_for_this_build() {
  // From CUDA 13 on, Python's packages have all libraries of a version in one folder.
  return {.name = "cuBLASLt",
          .file = fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR),
          .root = "CUBLAS_ROOT",
          .of_python = {"cublas/lib", fmt::format("cu{}/lib", CUDART_VERSION / 1000)}};
}

const VendorApi<CublasLtApi>& library() {
  static const VendorApi<CublasLtApi> loaded(library_for_this_build());
  return loaded;
}

const CublasLtApi& api() { return library().functions(); }

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError("[cublas] could not {}: status {}", what, static_cast<int>(status));
}

cublasLtHandle_t handle_of(Device device) {
  static std::mutex mutex;
  static std::map<int, cublasLtHandle_t> handles;
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = handles[device.index];
  if (handle == nullptr) check(api().cublasLtCreate(&handle), "begin");
  return handle;
}

// A row-major matrix as cuBLASLt sees it: column-major, transposed.
class Layout {
 public:
  Layout(int64_t rows, int64_t columns, int64_t batch, int64_t stride) {
    check(api().cublasLtMatrixLayoutCreate(&layout_, CUDA_R_32F, static_cast<uint64_t>(columns),
                                           static_cast<uint64_t>(rows), columns),
          "describe a matrix");
    if (batch == 1) return;
    const auto n = static_cast<int32_t>(batch);
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &n, sizeof n);
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
  }
  ~Layout() { api().cublasLtMatrixLayoutDestroy(layout_); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  operator cublasLtMatrixLayout_t() const { return layout_; }

 private:
  void set(cublasLtMatrixLayoutAttribute_t attribute, const void* value, size_t bytes) {
    check(api().cublasLtMatrixLayoutSetAttribute(layout_, attribute, value, bytes), "describe a batch");
  }
  cublasLtMatrixLayout_t layout_ = nullptr;
};

class Operation {
 public:
  explicit Operation(const MatrixProduct& p) {
    const auto compute = precision() == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check(api().cublasLtMatmulDescCreate(&description_, compute, CUDA_R_32F), "describe a product");
    // c' = b' a': the operands change places.
    const cublasOperation_t first = p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    set(CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
    set(CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
    if (p.bias == nullptr) return;
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p.bias, sizeof p.bias);
  }
  ~Operation() { api().cublasLtMatmulDescDestroy(description_); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  operator cublasLtMatmulDesc_t() const { return description_; }

 private:
  void set(cublasLtMatmulDescAttributes_t attribute, const void* value, size_t bytes) {
    check(api().cublasLtMatmulDescSetAttribute(description_, attribute, value, bytes), "describe a product");
  }
  cublasLtMatmulDesc_t description_ = nullptr;
};

constexpr uint64_t kMostWorkspace = uint64_t{32} << 20;  // what NVIDIA recommends for Hopper

// What the algorithm may need and rely on.
class Preference {
 public:
  explicit Preference(const MatrixProduct& p) {
    check(api().cublasLtMatmulPreferenceCreate(&preference_), "state a preference");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMostWorkspace);
    // cuBLASLt's A is b, as in Operation.
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(p.b, p.batch, p.stride_b));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(p.a, p.batch, p.stride_a));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(p.c, p.batch, p.stride_c));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(p.c, p.batch, p.stride_c));
  }
  ~Preference() { api().cublasLtMatmulPreferenceDestroy(preference_); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  operator cublasLtMatmulPreference_t() const { return preference_; }

 private:
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    check(api().cublasLtMatmulPreferenceSetAttribute(preference_, attribute, &value, sizeof value),
          "state a preference");
  }
  cublasLtMatmulPreference_t preference_ = nullptr;
};

// Everything that the heuristic's answer depends on.
ChoiceKey key_of(const Exec& exec, const MatrixProduct& p) {
  return {exec.device.index,
          static_cast<int64_t>(precision()),
          p.m,
          p.n,
          p.k,
          p.batch,
          p.stride_a,
          p.stride_b,
          p.stride_c,
          p.transpose_a ? 1 : 0,
          p.transpose_b ? 1 : 0,
          p.bias != nullptr ? 1 : 0,
          alignment_of(p.a, p.batch, p.stride_a),
          alignment_of(p.b, p.batch, p.stride_b),
          alignment_of(p.c, p.batch, p.stride_c)};
}

}  // namespace

CublasLtStatus cublaslt_status() { return {library().path(), library().problem()}; }

bool has_cublaslt() { return library().usable(); }

void multiply(const Exec& exec, const MatrixProduct& p) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return;
  const cudaStream_t stream = stream_of(exec.device);
  const cublasLtHandle_t handle = handle_of(exec.device);
  const Operation operation(p);
  const Layout a(p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.batch, p.stride_a);
  const Layout b(p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.batch, p.stride_b);
  const Layout c(p.m, p.n, p.batch, p.stride_c);

  static ChoiceCache<cublasLtMatmulHeuristicResult_t> cache;
  const cublasLtMatmulHeuristicResult_t chosen = cache.get(key_of(exec, p), [&] {
    const Preference preference(p);
    cublasLtMatmulHeuristicResult_t first{};
    int n_found = 0;
    check(
        api().cublasLtMatmulAlgoGetHeuristic(handle, operation, b, a, c, c, preference, 1, &first, &n_found),
        "choose an algorithm");
    if (n_found == 0 || first.state != CUBLAS_STATUS_SUCCESS)
      throw DeviceError("[cublas] no algorithm for {} x {} x {}, batch {}", p.m, p.n, p.k, p.batch);
    return first;
  });
  const Scratch<std::byte> workspace(exec, static_cast<int64_t>(chosen.workspaceSize));
  const float one = 1.0F, beta = p.add ? 1.0F : 0.0F;
  unless_rehearsing([&] {
    check(api().cublasLtMatmul(handle, operation, &one, p.b, b, p.a, a, &beta, p.c, c, p.c, c, &chosen.algo,
                               workspace.data(), chosen.workspaceSize, stream),
          "multiply");
  });
}

}  // namespace primal::cuda
