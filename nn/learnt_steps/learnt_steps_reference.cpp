#include "nn/learnt_steps/learnt_steps_kernels.h"

namespace primal::cpu {
namespace {

template <class T>
void forward(const Exec&, const std::array<const T*, 3>& raw, double a, T* y) {
  const T factor = static_cast<T>(a);
  y[0] = factor * sigmoid_of_step(*raw[0]);
  y[1] = factor * sigmoid_of_step(*raw[1]);
  y[2] = sigmoid_of_step(*raw[2]);
}

template <class T>
void backward(const Exec&, const std::array<const T*, 3>& raw, const T* grad_y, double a,
              const std::array<T*, 3>& grads) {
  for (size_t i = 0; i < 3; ++i) {
    if (grads[i] != nullptr)
      *grads[i] += gradient_of_step(*raw[i], i < 2 ? static_cast<T>(a) : T(1), grad_y[i]);
  }
}

template <class T>
constexpr LearntStepsImplementation<T> kReferenceOf{
    {kReference, "three numbers"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const LearntStepsImplementation<float> learnt_steps_reference_f32 = kReferenceOf<float>;
const LearntStepsImplementation<double> learnt_steps_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
