// OpInfo: what `primal verify`, `primal check`, the tests and the benches know of an op.
//
// An op describes itself once, in its own folder, and register_ops() (apps/ops/register_ops.cpp) lists it in
// one line. The description is independent of how the op is written: run() takes named tensors and
// attributes, as a golden case stores them, and returns named results and gradients.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/cost.h"
#include "tensor/op/attributes.h"
#include "tensor/op/implementation.h"
#include "tensor/tensor.h"

namespace primal {

using TensorMap = std::map<std::string, Tensor>;

// One call of an op. With upstream (the gradient of a scalar with respect to each result) the gradients are
// wanted too.
struct OpCall {
  TensorMap inputs;
  Attributes attrs;
  TensorMap upstream;
  std::string name;                      // of the case
  std::set<std::string> constants = {};  // inputs whose gradient is not wanted though upstream is given
  Device device = {};  // where to compute; inputs, upstream and results are on the CPU all the same
};

struct OpResult {
  TensorMap outputs;
  TensorMap grads;  // grads["x"] belongs to inputs["x"]
};

// How an input of a case is filled. All values are reproducible from the case's name.
struct OpInput {
  enum class Fill {
    normal,    // mean 0, deviation 1, no closer to 0 than 0.05: clear of the kink of LeakyReLU
    uniform,   // in [low, high)
    distinct,  // a shuffled even grid over [-1, 1]: no ties, values at least 2 / numel apart
    labels,    // i64 in [low, high)
  };
  std::string name;
  Shape shape;
  Fill fill = Fill::normal;
  double low = 0.0, high = 1.0;
  bool differentiable = true;
};

struct OpCase {
  std::string name;  // "odd_extents", or for stages the layer: "e1b"
  Attributes attrs;
  std::vector<OpInput> inputs;
};

// How far one tensor of a result may be from what is expected.
struct Verdict {
  double error = 0.0;
  double allowed = 0.0;  // infinity: looked at, not judged
  std::string measure = "relative L2";
  bool pass() const { return error <= allowed; }  // false for a NaN
};

// Judges one tensor ("output.y", "grad.x") of a call; got and expected have the same shape.
using Judge = std::function<Verdict(const std::string& tensor, const Tensor& got, const Tensor& expected,
                                    const OpCall& call)>;

// The shapes of a call, as a count of its cost needs them.
struct OpShapes {
  std::map<std::string, Shape> inputs, outputs;
  Attributes attrs;

  const Shape& in(const char* name) const { return inputs.at(name); }
  const Shape& out(const char* name = "y") const { return outputs.at(name); }
  bool has(const char* name) const { return inputs.count(name) > 0; }
};
OpShapes shapes_of(const OpCall& call, const OpResult& result);

// What an op with several implementations knows of the text form of its geometry (implementation.h, key()).
// Both throw DataError for a text that is not one.
struct OpGeometry {
  // A case of that geometry, for measuring.
  std::function<OpCase(const std::string& geometry)> as_case;
  // The implementations on a kind of device that support it in f32, fastest first: the first is the static
  // rule's.
  std::function<std::vector<std::string>(const std::string& geometry, Device::Kind)> supporting;
};

struct OpInfo {
  std::string name;                            // "conv3d"
  std::string equation;                        // one line, with the letters of the header
  std::function<OpResult(const OpCall&)> run;  // computes in the type of the inputs
  Judge judge;
  std::vector<OpCase> corner_cases;    // the edges of the definition: tests and `primal check` run them all
  std::vector<OpCase> stages;          // named shapes of the thesis network: benches
  std::vector<std::string> linear_in;  // inputs in which the op is linear or affine: the adjoint check runs
  std::vector<std::string> results{"y"};  // the outputs that have gradients
  // What a call costs, by phase; null for chains of ops (models), which are counted op by op, and for file
  // readers.
  std::function<PhaseCosts(const OpShapes&)> cost = nullptr;
  OpGeometry geometry = {};  // empty where there is nothing to choose
  std::string chooses = {};  // the op among whose implementations it chooses; empty: its own
  std::vector<ImplementationInfo>
      implementations;         // of f32, on all devices; fastest first, the reference last
  bool differentiable = true;  // false: no gradient check (metrics, preprocessing, optimiser)
  bool f64 = true;             // false: defined in float32 or in integers only

  std::vector<ImplementationInfo> implementations_on(Device::Kind kind) const;
  const std::string& chooser() const { return chooses.empty() ? name : chooses; }
  // Their names, each once, for messages: "tiled direct blocked winograd reference".
  std::string implementation_names() const;
};

// ||a - b|| / max(||b||, 1e-30), in double. ShapeError when the shapes differ.
double relative_l2(const Tensor& a, const Tensor& b);

// The usual judge: relative L2, `outputs` and `grads` allowed in f32, 1e-6 in f64 throughout.
Judge judge_relative_l2(double outputs, double grads);

// Every tensor of the map, there.
TensorMap moved_to(const TensorMap& tensors, Device device);

// The inputs of a case, in the given type (labels stay i64); the same call gives the same values.
TensorMap make_inputs(const OpCase& op_case, DType dtype, uint64_t seed = 0);

// A random gradient with respect to each of these results of a call, of its shape and type; the same
// call gives the same values.
TensorMap make_upstream(const std::vector<std::string>& results, const TensorMap& outputs);

// The ops of this program, in the order of registration. Adding a name twice is a ConfigError.
class OpRegistry {
 public:
  void add(OpInfo info);
  const OpInfo* find(std::string_view name) const;  // nullptr when unknown
  const std::vector<OpInfo>& ops() const { return ops_; }

 private:
  std::vector<OpInfo> ops_;
};

}  // namespace primal
