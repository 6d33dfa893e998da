// PDHG on a device in one launch for all iterations (pdhg_device.h).
#include "solvers/pdhg/cuda/pdhg_device.h"

namespace primal::PRIMAL_SIMT {
namespace {

// Up to four pictures of the thesis: a thread has about one pixel, and the fields fit the L2 of a large
// device.
bool supports(const PdhgGeometry& g) { return g.x.numel() <= int64_t{1} << 18; }

}  // namespace

const PdhgImplementation<float> pdhg_persistent = {
    {"persistent", "one cooperative launch, the grid meets after each iteration", kDevice},
    supports,
    {pdhg_forward<Way::persistent>, pdhg_adjoint<Way::persistent>, pdhg_add_reduced}};

}  // namespace primal::PRIMAL_SIMT
