// What multiplications of float32 may become on CUDA devices, in the vendor libraries: fp32 keeps 24 bits, tf32 rounds the
// operands to 11 bits and adds in fp32, several times faster on tensor cores. Our own kernels always compute in fp32.
#pragma once

#include <string_view>

namespace primal {

enum class Precision { fp32, tf32 };

Precision precision();  // of this process; fp32 at first
void set_precision(Precision precision);
Precision parse_precision(std::string_view text);  // ConfigError for anything but fp32 and tf32

}  // namespace primal
