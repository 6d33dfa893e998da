// PDHG on a device in overlapped tiles, 8 iterations between two meetings of the grid (pdhg_overlapped.h).
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped = {
    {"overlapped", "a tile and its halo in registers, the grid meets every 8 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<8, 8, 12, 4>>};

}  // namespace primal::PRIMAL_SIMT
