// The kinds of noise; equations in noise.h.
#pragma once

namespace primal {

enum class NoiseKind { relative, absolute };

}  // namespace primal
