// A project that uses the installed package: its own tensor, from installed headers and libraries alone.
#include <cstdio>

#include "tensor/tensor.h"

int main() {
  const primal::Tensor x = primal::Tensor::full({2, 3}, 1.5);
  std::printf("%s, first element %g\n", x.str().c_str(), x.to_doubles()[0]);
  return x.numel() == 6 && x.to_doubles()[5] == 1.5 ? 0 : 1;
}
