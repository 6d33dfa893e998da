// PDHG on a device in overlapped tiles, 12 iterations between two meetings of the grid (pdhg_overlapped.h).
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped_12 = {
    {"overlapped_12", "as overlapped, the grid meets every 12 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<12, 12, 11, 8>>};

}  // namespace primal::PRIMAL_SIMT
