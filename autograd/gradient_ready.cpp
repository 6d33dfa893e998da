#include "autograd/gradient_ready.h"

namespace primal {
namespace {

thread_local const GradientReady* innermost = nullptr;

}  // namespace

GradientReady::GradientReady(std::vector<Variable> leaves, Ready ready)
    : leaves_(std::move(leaves)), ready_(std::move(ready)), before_(std::exchange(innermost, this)) {}
GradientReady::~GradientReady() { innermost = before_; }

const GradientReady* GradientReady::current() { return innermost; }

}  // namespace primal
