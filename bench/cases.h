// The cases of a bench: each bench defines this, and main.cpp runs what it registers.
#pragma once

namespace primal {

// Adds the cases, named OP_DIRECTION/IMPLEMENTATION/TYPE/STAGE, to Google Benchmark.
void register_cases();

}  // namespace primal
