// Four floats that a thread reads from shared memory in one access.
#pragma once

namespace primal {

struct alignas(16) Float4 {
  float at[4];
};

}  // namespace primal
