// PDHG on a device in overlapped tiles, 8 iterations between two synchronisations of the grid
// (pdhg_overlapped.h).
// Bounds: overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 0>
//         128 registers, 7168 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 1>
//         128 registers, 7168 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 2>
//         128 registers, 7168 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, false, false>
//         128 registers, 7168 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, false, true>
//         168 registers, 7232 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, true, false>
//         128 registers, 7168 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, true, true>
//         168 registers, 7232 bytes of shared memory, no local memory, no read-only loads
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped = {
    {"overlapped", "a tile and its halo in registers, the grid meets every 8 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<8, 8, 12, 4>>};

}  // namespace primal::PRIMAL_SIMT
