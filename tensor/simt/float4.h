// CUDA's float4 with its components in an array, so that loops go over them: one access to memory.
#pragma once

namespace primal {

struct alignas(16) Float4 {
  using Component = float;
  float at[4];
};

}  // namespace primal
