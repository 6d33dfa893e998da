// PDHG on a device in one launch for each iteration (pdhg_device.h).
#include "solvers/pdhg/cuda/pdhg_device.h"

namespace primal::PRIMAL_SIMT {
namespace {

bool anything(const PdhgGeometry&) { return true; }

}  // namespace

const PdhgImplementation<float> pdhg_fused = {
    {"fused", "one launch per iteration, a thread for each pixel, neighbours' duals computed again", kDevice},
    anything,
    {pdhg_forward<Way::fused>, pdhg_adjoint<Way::fused>, pdhg_add_reduced}};

}  // namespace primal::PRIMAL_SIMT
