// The innermost range (range.h) that is open on this thread, so that a list of launches can name
// the op and layer of each.
#pragma once

#include <optional>
#include <string>

#include "tensor/range.h"

namespace primal {

struct OpenRange {
  std::string op, phase;  // the phase is empty if the range has none
  std::string layer;      // "cnn.encoder.0.double_conv.conv_block.2"
  RangeDetail detail;     // what has been described so far
};

// Returns nothing if no range is open, or if ranges are not being recorded.
std::optional<OpenRange> open_range();

}  // namespace primal
