// Which instruction sets Highway compiles vector kernels for. Included before hwy/foreach_target.h by every
// file that is compiled once for each of them.
#pragma once

// These have vectors without a fixed size, of which there are no arrays and no members.
#define PRIMAL_SIZELESS_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#ifdef PRIMAL_FEW_SIMD_TARGETS  // on x86: AVX2, and what runs everywhere (cmake/PrimalBuildTime.cmake)
#define HWY_DISABLED_TARGETS (PRIMAL_SIZELESS_TARGETS | HWY_SSSE3 | HWY_SSE4 | HWY_AVX3)
#else  // processors of before 2011 whose best is SSSE3 take the scalar code
#define HWY_DISABLED_TARGETS (PRIMAL_SIZELESS_TARGETS | HWY_SSSE3)
#endif

#include <hwy/detect_targets.h>
