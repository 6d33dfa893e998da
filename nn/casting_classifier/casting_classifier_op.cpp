// What verify, check and the tests know of the model.
#include "nn/casting_classifier/casting_classifier.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/model_case/model_case.h"

namespace primal {
namespace {

std::unique_ptr<CastingClassifier> model_of(const OpCall& call, const Tensor& x) {
  CastingClassifierOptions o;
  o.channels = x.size(1);
  o.height = x.size(3);
  o.width = x.size(4);
  o.filters = call.attrs.value("filters", o.filters);
  o.hidden = call.attrs.value("hidden", o.hidden);
  o.classes = call.attrs.value("classes", o.classes);
  o.relu = call.attrs.value("relu", o.relu);
  o.dropout = call.attrs.value("dropout", std::array<double, 2>{0.0, 0.0});
  Initialiser init(1, x.dtype(), call.device);
  auto model = std::make_unique<CastingClassifier>(o, init);
  load_case_state(call, *model);
  return model;
}

OpResult run(const OpCall& call) {
  const Tensor x = case_input(call, "x");
  const auto model = model_of(call, x);
  const Variable logits = model->forward(x, Mode::training);
  const Variable loss = cross_entropy(logits, case_input(call, "labels"));
  OpResult out;
  out.grads = case_gradients(call, *model, loss);
  out.outputs = {{"logits", logits.value().to(Device{})}, {"loss", loss.value().to(Device{})}};
  return out;
}

OpResult run_training(const OpCall& call) {
  const Tensor x = case_input(call, "x"), labels = case_input(call, "labels");
  const auto model = model_of(call, x);
  return case_training(call, *model,
                       [&] { return cross_entropy(model->forward(x, Mode::training), labels); });
}

std::vector<OpInput> batch(const Shape& x, double classes) {
  return {{"x", x, OpInput::Fill::uniform, 0.0, 1.0, false},
          {"labels", {x[0]}, OpInput::Fill::labels, 0.0, classes, false}};
}

}  // namespace

OpInfo casting_classifier_info() {
  OpInfo info = model_case_info(run);
  info.name = "casting_classifier";
  info.equation = "logits = linear(linear(conv(conv(x)))), loss = cross-entropy";
  info.corner_cases = {
      {"three_classes", {{"filters", {3, 4}}, {"hidden", 5}, {"classes", 3}}, batch({4, 3, 1, 27, 34}, 3.0)},
      {"smallest",
       {{"filters", {2, 3}}, {"hidden", 4}, {"relu", false}, {"dropout", {0.0, 0.0}}},
       batch({2, 1, 1, 9, 9}, 2.0)}};
  return info;
}

OpInfo casting_classifier_training_info() {
  OpInfo info = training_case_info(run_training);
  info.name = "casting_classifier_training";
  info.equation = "Adam on the loss of casting_classifier, one fixed batch";
  info.corner_cases = {{"three_steps",
                        {{"filters", {2, 3}}, {"hidden", 6}, {"lr", 1e-3}, {"steps", 3}},
                        batch({3, 1, 1, 20, 25}, 2.0)},
                       {"amsgrad",
                        {{"filters", {3, 2}},
                         {"hidden", 4},
                         {"classes", 3},
                         {"relu", false},
                         {"dropout", {0.0, 0.0}},
                         {"lr", 2e-3},
                         {"eps", 1e-7},
                         {"amsgrad", true},
                         {"steps", 2}},
                        batch({4, 1, 1, 12, 13}, 3.0)}};
  return info;
}

}  // namespace primal
