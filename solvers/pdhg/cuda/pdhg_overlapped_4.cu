// PDHG on a device in overlapped tiles, 4 iterations between two synchronisations of the grid
// (pdhg_overlapped.h).
// Bounds: overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 0>
//         128 registers, 5120 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 1>
//         128 registers, 5120 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 2>
//         128 registers, 5120 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, false, false>
//         128 registers, 5120 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, false, true>
//         176 registers, 5184 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, true, false>
//         128 registers, 5120 bytes of shared memory, no local memory, no read-only loads
// Bounds: overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, true, true>
//         176 registers, 5184 bytes of shared memory, no local memory, no read-only loads
#include "solvers/pdhg/cuda/pdhg_overlapped_kernels.h"

namespace primal::PRIMAL_SIMT {

const PdhgImplementation<float> pdhg_overlapped_4 = {
    {"overlapped_4", "as overlapped, the grid meets every 4 iterations", kDevice},
    overlapped_supports,
    overlapped_kernels<OverlappedTile<4, 4, 8, 4>>};

}  // namespace primal::PRIMAL_SIMT
