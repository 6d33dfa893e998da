// What golden cases of whole models share. Such a case gives the batch and the state of a model, each tensor
// under its name; one that gives no state has fresh weights. Results are the model's, and its loss; or the
// losses of a few steps of Adam.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

// An input of the case where it computes; DataError where it is missing.
Tensor case_input(const OpCall& call, const std::string& name);

// Puts the tensors of the case that are not of the batch ("x", "target", "labels") into the
// model, if there are any.
void load_case_state(const OpCall& call, const Module& model);

// The gradients of all parameters: backward from a loss with the upstream gradient of the case, or 1.
TensorMap case_gradients(const OpCall& call, const Module& model, const Variable& loss);

// The losses of attrs.steps steps of Adam (attrs.lr, eps, amsgrad) as output "losses"; `steps` and `lr`
// where a case does not say.
OpResult case_training(const OpCall& call, const Module& model, const std::function<Variable()>& loss,
                       int64_t steps = 3, double lr = 1e-3);

// Outputs 5e-6 and gradients 1e-4 in f32, 1e-6 in f64.
Judge judge_model_case();
// Each loss by itself, relative: 1e-4 in f32, 1e-6 in f64.
Verdict judge_training_case(const std::string& tensor, const Tensor& got, const Tensor& expected,
                            const OpCall& call);

// For corner cases: pictures "x" and "target" of this shape, uniform in [0,1].
std::vector<OpInput> case_pictures(const Shape& shape);

// A description of the two ops of a model but for their names, equations and cases.
OpInfo model_case_info(std::function<OpResult(const OpCall&)> run);
OpInfo training_case_info(std::function<OpResult(const OpCall&)> run);

}  // namespace primal
