// CUDA's short vectors, for wide loads and stores.
#pragma once

#include <cstdint>

namespace primal::simt {

#define PRIMAL_SIMT_VECTORS(Type)                                             \
  struct alignas(2 * sizeof(Type)) Type##2 {                                  \
    using Component = Type;                                                   \
    Type x, y;                                                                \
  };                                                                          \
  struct Type##3 {                                                            \
    using Component = Type;                                                   \
    Type x, y, z;                                                             \
  };                                                                          \
  struct alignas(sizeof(Type) < 8 ? 4 * sizeof(Type) : 16) Type##4 {          \
    using Component = Type;                                                   \
    Type x, y, z, w;                                                          \
  };                                                                          \
  inline Type##2 make_##Type##2(Type x, Type y) { return {x, y}; }            \
  inline Type##3 make_##Type##3(Type x, Type y, Type z) { return {x, y, z}; } \
  inline Type##4 make_##Type##4(Type x, Type y, Type z, Type w) { return {x, y, z, w}; }

using uint = unsigned;
using uchar = unsigned char;
PRIMAL_SIMT_VECTORS(float)
PRIMAL_SIMT_VECTORS(double)
PRIMAL_SIMT_VECTORS(int)
PRIMAL_SIMT_VECTORS(uint)
PRIMAL_SIMT_VECTORS(uchar)
#undef PRIMAL_SIMT_VECTORS

}  // namespace primal::simt
