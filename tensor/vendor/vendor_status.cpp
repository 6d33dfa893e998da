#include "tensor/vendor/vendor_status.h"

#if PRIMAL_HAS_CUDA
#include "tensor/vendor/nccl_api.h"
#endif
#if PRIMAL_HAS_CUBLASLT
#include "tensor/vendor/cublaslt_api.h"
#endif
#if PRIMAL_HAS_CUDNN
#include "tensor/vendor/cudnn_api.h"
#endif

namespace primal {

std::vector<VendorStatus> vendor_libraries() {
  std::vector<VendorStatus> all;
#if PRIMAL_HAS_CUDNN
  all.push_back({"cuDNN", "cudnn", cuda::cudnn_library().path(), cuda::cudnn_library().problem()});
#endif
#if PRIMAL_HAS_CUBLASLT
  const cuda::CublasLtStatus cublaslt = cuda::cublaslt_status();
  all.push_back({"cuBLASLt", "cublaslt", cublaslt.path, cublaslt.problem});
#endif
#if PRIMAL_HAS_CUDA
  all.push_back({"NCCL", "", cuda::nccl_library().path(), cuda::nccl_library().problem()});
#endif
  return all;
}

}  // namespace primal
