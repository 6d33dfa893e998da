// PDHG of a batch on a device: a cluster of at most 16 blocks for each picture, 4 iterations between two
// meetings of a cluster (pdhg_clusters.h).
//
// Choice: first for large batches (is_large_batch()) whose pictures fit a cluster, for example 280x264
//   pixels. A device without such clusters (before compute capability 9.0, or without room for that many
//   blocks) gets pdhg_overlapped from here.
// Adjoint: that of pdhg_overlapped, with a meeting of the grid every 8 iterations; the tape is the same. The
//   cluster's tile has room for the fields of the forward pass, but not for the sums that the adjoint keeps
//   for each pixel in addition.
// Local memory: what a tape needs at an exchange is spilled, 32 and 56 bytes by nvcc 13.0; the
//   iterations use none of it.
// Bounds: clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 0>
//         128 registers, 17408 bytes of shared memory, no local memory, no read-only loads
// Bounds: clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 1>
//         128 registers, 17408 bytes of shared memory, local memory, no read-only loads
// Bounds: clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 2>
//         128 registers, 17408 bytes of shared memory, local memory, no read-only loads
#include "solvers/pdhg/cuda/pdhg_clusters_forward.h"

namespace primal::PRIMAL_SIMT {
namespace {

using Tile = ClusterTile<4, 4, 16, 6, 2>;

void forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  if (!clusters_forward<Tile>(exec, problem, params, fields, tape))
    pdhg_overlapped.kernels.forward(exec, problem, params, fields, tape);
}

void adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgTapeView<float>& tape, View5<const float> grad_x, const PdhgGradients<float>& grads) {
  pdhg_overlapped.kernels.adjoint(exec, problem, params, tape, grad_x, grads);
}

// The emulation runs these kernels only where they are chosen by name, and then for any batch, so
// that tests can be small.
bool supports(const PdhgGeometry& g) {
  return clusters_support<Tile>(g) && (kDevice == Device::Kind::simt || is_large_batch(g));
}

}  // namespace

const PdhgImplementation<float> pdhg_clusters = {
    {"clusters", "a cluster of blocks for each picture, which meets every 4 iterations", kDevice},
    supports,
    {forward, adjoint, pdhg_add_reduced, true, true}};

}  // namespace primal::PRIMAL_SIMT
