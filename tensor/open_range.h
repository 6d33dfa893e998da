// The innermost range (range.h) that is open on this thread: for lists of what is launched in it.
#pragma once

#include <optional>
#include <string>

#include "tensor/range.h"

namespace primal {

struct OpenRange {
  std::string op, phase;  // the phase is empty where the range has none
  std::string layer;      // "cnn.encoder.0.double_conv.conv_block.2"
  RangeDetail detail;     // as described so far
};

// Nothing while no range is open, or nobody watches them.
std::optional<OpenRange> open_range();

}  // namespace primal
