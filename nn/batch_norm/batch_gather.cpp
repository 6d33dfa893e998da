#include "nn/batch_norm/batch_gather.h"

namespace primal {
namespace {

thread_local const BatchGather* innermost = nullptr;

}  // namespace

BatchGather::BatchGather(Gather gather, bool is_first)
    : gather_(std::move(gather)), is_first_(is_first), before_(std::exchange(innermost, this)) {}
BatchGather::~BatchGather() { innermost = before_; }

const BatchGather* BatchGather::current() { return innermost; }

}  // namespace primal
