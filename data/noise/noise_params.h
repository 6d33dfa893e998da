// The kinds of noise; equations in noise.h.
#pragma once

namespace primal {

enum class NoiseKind { relative, absolute, unclipped };

// How the level of a picture's noise is drawn from a range: uniformly, or so that its logarithm is uniform.
enum class NoiseLevels { uniform, logarithmic };

}  // namespace primal
