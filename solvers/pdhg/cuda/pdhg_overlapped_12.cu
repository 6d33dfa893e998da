// PDHG on a device in overlapped tiles, 12 iterations between two synchronisations of the grid
// (pdhg_overlapped.h).
// Bounds: overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 0>
//         168 registers, 6656 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 1>
//         168 registers, 6656 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 2>
//         168 registers, 6656 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, false, false>
//         168 registers, 6656 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, false, true>
//         168 registers, 6720 bytes of shared memory, local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, true, false>
//         168 registers, 6656 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, true, true>
//         168 registers, 6720 bytes of shared memory, local memory, no read-only loads
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped_12 = {
    {"overlapped_12", "as overlapped, the grid meets every 12 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<12, 12, 11, 8>>};

}  // namespace primal::PRIMAL_SIMT
