// PDHG on a device in overlapped tiles, 4 iterations between two meetings of the grid (pdhg_overlapped.h).
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped_4 = {
    {"overlapped_4", "as overlapped, the grid meets every 4 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<4, 4, 8, 4>>};

}  // namespace primal::PRIMAL_SIMT
