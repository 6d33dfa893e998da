#include "autograd/op_check.h"

#include <algorithm>
#include <cmath>

#include "autograd/gradcheck.h"
#include "tensor/cuda/precision.h"
#include "tensor/random.h"

namespace primal {
namespace {

constexpr double kGradientTolerance = 1e-6;  // central differences in f64 with h = 1e-6 reach about 1e-9
constexpr double kAdjointTolerance = 1e-12;

// One case of one op on one implementation.
class CaseCheck {
 public:
  CaseCheck(const OpInfo& info, const ImplementationInfo& implementation, const OpCase& op_case,
            Device device)
      : info_(info), implementation_(implementation), case_(op_case), device_(device) {}

  std::vector<OpCheckRow> run() {
    if (device_.is_cpu() && info_.f64 && runs_in(DType::f64)) {
      if (info_.differentiable) check_gradient();
      for (const std::string& input : info_.linear_in) {
        if (std::ranges::count(case_.inputs, input, &OpInput::name) > 0) check_adjoint(input);
      }
    }
    // With tf32 an implementation is proven on operands that need no rounding, so that an error is the
    // kernel's own, and no sum close to zero takes the other side of an activation.
    in_tf32_ = !device_.is_cpu() && precision() == Precision::tf32;
    if (runs_in(DType::f32)) {
      check_against_reference();
    } else if (!device_.is_cpu() && !in_tf32_) {
      const PrecisionScope allowed(Precision::tf32);  // it may run with tf32 only
      in_tf32_ = true;
      if (runs_in(DType::f32)) check_against_reference();
    }
    return std::move(rows_);
  }

 private:
  OpResult call(TensorMap inputs, TensorMap upstream = {}) const {
    const ImplementationScope forced(info_.chooser(), implementation_.name);
    return info_.run({std::move(inputs), case_.attrs, std::move(upstream), case_.name, {}, device_});
  }

  bool runs_in(DType dtype) const {
    const ImplementationScope forced(info_.chooser(), implementation_.name);
    info_.run({make_inputs(case_, dtype), case_.attrs, {}, case_.name, {}, device_});
    return forced.used(info_.chooser(), implementation_.name) ||
           info_.implementations_on(device_.kind).size() == 1;
  }

  void check_gradient() {
    const TensorMap inputs = make_inputs(case_, DType::f64);
    const TensorMap upstream = make_upstream(info_.results, call(inputs).outputs);
    NamedGradcheck check;
    std::vector<Tensor> values;
    std::vector<bool> wanted;
    for (const OpInput& input : case_.inputs) {
      check.names.push_back(input.name);
      values.push_back(inputs.at(input.name));
      wanted.push_back(input.differentiable);
    }
    const auto named = [&](const std::vector<Tensor>& list) {
      TensorMap map;
      for (size_t i = 0; i < list.size(); ++i) map[check.names[i]] = list[i];
      return map;
    };
    check.loss = [&](const std::vector<Tensor>& list) {
      const TensorMap outputs = call(named(list)).outputs;
      double sum = 0.0;
      for (const auto& [name, c] : upstream) {
        const std::vector<double> y = outputs.at(name).to_doubles(), weights = c.to_doubles();
        for (size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
      }
      return Tensor::scalar(sum, DType::f64);
    };
    check.gradients = [&](const std::vector<Tensor>& list) {
      const TensorMap grads = call(named(list), upstream).grads;
      std::vector<Tensor> result;
      for (size_t i = 0; i < list.size(); ++i) {
        const auto found = grads.find(check.names[i]);
        result.push_back(wanted[i] && found != grads.end() ? found->second : Tensor());
        if (wanted[i] && is_floating(list[i].dtype()) && found == grads.end()) {
          throw CheckFailed("[{}] {} gives no gradient for {}", info_.name, implementation_.name,
                            check.names[i]);
        }
      }
      return result;
    };
    GradcheckOptions options;
    options.tolerance = kGradientTolerance;
    add("gradient", gradcheck(check, values, options), kGradientTolerance);
  }

  void check_adjoint(const std::string& input) {
    const TensorMap inputs = make_inputs(case_, DType::f64);
    const std::string& result = info_.results.front();
    const auto forward = [&](const Tensor& x) {
      TensorMap with = inputs;
      with[input] = x;
      const Tensor affine = call(with).outputs.at(result).clone();
      with[input] = Tensor::zeros(x.shape(), x.dtype());
      const Tensor constant = call(with).outputs.at(result);
      for (int64_t i = 0; i < affine.numel(); ++i) affine.data<double>()[i] -= constant.data<double>()[i];
      return affine;
    };
    const auto adjoint = [&](const Tensor& y) { return call(inputs, {{result, y}}).grads.at(input); };
    const Tensor y = make_upstream(info_.results, call(inputs).outputs).at(result);
    add("adjoint in " + input, adjoint_check(forward, adjoint, inputs.at(input), y, kAdjointTolerance),
        kAdjointTolerance);
  }

  void check_against_reference() {
    const TensorMap inputs = operands(make_inputs(case_, DType::f32));
    const DType dtype = info_.f64 ? DType::f64 : DType::f32;
    OpCall reference_call{
        in_tf32_ ? converted(inputs, dtype) : make_inputs(case_, dtype), case_.attrs, {}, case_.name};
    const ImplementationScope forced(info_.chooser(), kReference);
    OpResult reference = info_.run(reference_call);
    TensorMap upstream;
    if (info_.differentiable) {
      reference_call.upstream = make_upstream(info_.results, reference.outputs);
      upstream = operands(converted(reference_call.upstream, DType::f32));
      if (in_tf32_) reference_call.upstream = converted(upstream, dtype);
      reference = info_.run(reference_call);
    }
    const OpResult result = call(inputs, upstream);
    const OpCall judged{inputs, case_.attrs, upstream, case_.name};
    const auto compare = [&](const std::string& kind, const TensorMap& got, const TensorMap& expected) {
      for (const auto& [name, value] : expected) {
        const Tensor& mine = got.at(name);
        Verdict v = info_.judge(kind + name, mine, value.to(mine.dtype()), judged);
        v.allowed *= implementation_.tolerance_factor;
        OpCheckRow row = new_row("reference " + kind + name, v.error, v.allowed);
        row.ok = v.pass();
        if (!row.ok)
          row.message = fmt::format("[{}] {}{}: error {:.3g}, allowed {:.3g}", info_.name, kind, name,
                                    v.error, v.allowed);
        rows_.push_back(row);
      }
    };
    compare("output.", result.outputs, reference.outputs);
    compare("grad.", result.grads, reference.grads);
  }

  // All floating-point tensors in that type.
  static TensorMap converted(TensorMap tensors, DType dtype) {
    for (auto& [name, tensor] : tensors) {
      if (is_floating(tensor.dtype())) tensor = tensor.to(dtype);
    }
    return tensors;
  }

  TensorMap operands(TensorMap tensors) const {
    if (!in_tf32_) return tensors;
    for (auto& [name, tensor] : tensors) {
      if (tensor.dtype() != DType::f32) continue;
      tensor = tensor.clone();
      float* values = tensor.data<float>();
      for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = rounded_to_tf32(values[i]);
    }
    return tensors;
  }

  OpCheckRow new_row(std::string proof, double error, double allowed) const {
    return {info_.name, std::string(implementation_.name), case_.name, std::move(proof), error, allowed, true,
            {}};
  }

  void add(std::string proof, const CheckReport& report, double allowed) {
    OpCheckRow row = new_row(std::move(proof), report.worst, allowed);
    row.ok = report.ok;
    row.message = report.message;
    rows_.push_back(row);
  }

  const OpInfo& info_;
  const ImplementationInfo& implementation_;
  const OpCase& case_;
  const Device device_;
  bool in_tf32_ = false;
  std::vector<OpCheckRow> rows_;
};

}  // namespace

bool stands_alone(const OpCheckRow& row) { return !row.proof.starts_with("reference "); }

bool reference_fails(const std::vector<OpCheckRow>& rows) {
  return std::ranges::any_of(rows, [](const OpCheckRow& row) {
    return row.implementation == kReference && stands_alone(row) && !row.ok;
  });
}

std::vector<OpCheckRow> check_op(const OpInfo& info, Device device) {
  std::vector<OpCheckRow> rows;
  std::vector<ImplementationInfo> implementations = info.implementations_on(device.kind);
  std::stable_partition(implementations.begin(), implementations.end(),
                        [](const ImplementationInfo& i) { return i.name == kReference; });
  for (const ImplementationInfo& implementation : implementations) {
    const auto first = std::ssize(rows);
    for (const OpCase& op_case : info.corner_cases) {
      for (OpCheckRow& row : CaseCheck(info, implementation, op_case, device).run())
        rows.push_back(std::move(row));
    }
    std::stable_partition(rows.begin() + first, rows.end(), stands_alone);
  }
  return rows;
}

}  // namespace primal
