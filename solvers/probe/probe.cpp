#include "solvers/probe/probe.h"

#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {

Tensor probe_signs(const Tensor& z, uint64_t seed, int64_t number) {
  const Tensor b = Tensor::empty(z.shape(), DType::f64);
  RandomStream(seed, RandomPurpose::probe, 0, static_cast<uint32_t>(number)).fill_signs(b);
  return b;
}

Tensor probe_moved(const Tensor& z, const Tensor& b, double e) {
  const Tensor sum = z.to(Device{}).to(DType::f64).clone();
  double* out = sum.data<double>();
  const double* sign = b.data<double>();
  parallel_for(Exec{}, sum.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] += e * sign[i];
  });
  return sum.to(z.dtype()).to(z.device());
}

}  // namespace primal
