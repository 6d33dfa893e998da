// What multiplications of float32 may become on CUDA devices and their emulation: fp32 keeps 24 bits, tf32
// rounds the operands to 11 bits and adds in fp32, several times faster on tensor cores. Vendor libraries and
// conv3d's implementation tensor_core use tf32; all other kernels of Primal compute in fp32.
#pragma once

#include <string_view>

namespace primal {

enum class Precision { fp32, tf32 };

Precision precision();  // of this process; fp32 at first
void set_precision(Precision precision);

// x with 11 bits, ties away from zero: the operand that tf32 makes of it.
float rounded_to_tf32(float x);

// Another precision while it lives: for proofs of implementations that only run with it.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision wanted) : before_(precision()) { set_precision(wanted); }
  ~PrecisionScope() { set_precision(before_); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Precision before_;
};

Precision parse_precision(std::string_view text);  // ConfigError for anything but fp32 and tf32

}  // namespace primal
