// conv3d and its activation as one kernel of cuDNN's, by cuDNN's graph API.
//
// One describes the computation as operations that hand each other tensors,
//
//   x, weight -> [convolution] -> (u) -> [add bias] -> (v) -> [ReLU of slope below 0] -> y
//
// where those in parentheses are virtual: they have a shape but no memory. cuDNN's heuristics name engine
// configurations for the graph, best first (mode A, then `fallback`), each with numerical notes. The first
// one that computes the same bits each time, keeps to --precision and can be made into an execution plan is
// taken and kept for the geometry. Running a plan is one call with the pointers of x, weight, bias and y and
// a workspace. Operations that would do nothing are left out.
//
// Layout: the engines that take this graph want the channels last. Asked without a device for an H200,
// cuDNN 9.19 has none for channels first: the fused engines refuse the layout, the precompiled ones the
// slope. So x and weight are transposed before and y afterwards (conv3d_channels_last.cu), which joins two
// tensors of channels on the way. It has engines for pictures in tf32 (mode A) and fp32 (fallback), for
// volumes in tf32 alone. So this one is for --impl and plans and not the rule, until a device has shown
// whether it pays.
#include <algorithm>
#include <array>
#include <compare>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "nn/conv3d/libraries/conv3d_cudnn.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace primal::cuda {
namespace {

// The type that an attribute's value has for cuDNN.
template <class T>
cudnnBackendAttributeType_t type_of(T) = delete;
constexpr cudnnBackendAttributeType_t type_of(int64_t) { return CUDNN_TYPE_INT64; }
constexpr cudnnBackendAttributeType_t type_of(bool) { return CUDNN_TYPE_BOOLEAN; }
constexpr cudnnBackendAttributeType_t type_of(float) { return CUDNN_TYPE_FLOAT; }
constexpr cudnnBackendAttributeType_t type_of(double) { return CUDNN_TYPE_DOUBLE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnDataType_t) { return CUDNN_TYPE_DATA_TYPE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnConvolutionMode_t) { return CUDNN_TYPE_CONVOLUTION_MODE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnPointwiseMode_t) { return CUDNN_TYPE_POINTWISE_MODE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnBackendHeurMode_t) { return CUDNN_TYPE_HEUR_MODE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnBackendNumericalNote_t) {
  return CUDNN_TYPE_NUMERICAL_NOTE;
}
constexpr cudnnBackendAttributeType_t type_of(cudnnHandle_t) { return CUDNN_TYPE_HANDLE; }
constexpr cudnnBackendAttributeType_t type_of(cudnnBackendDescriptor_t) {
  return CUDNN_TYPE_BACKEND_DESCRIPTOR;
}

using Ints = std::vector<int64_t>;

// A descriptor of the graph API. It is filled by set(), then made usable by finalize().
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    cudnn_check(cudnn().cudnnBackendCreateDescriptor(type, &handle_), "make a descriptor of a graph");
  }
  ~Descriptor() {
    if (handle_ != nullptr) cudnn().cudnnBackendDestroyDescriptor(handle_);
  }
  Descriptor(Descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  cudnnBackendDescriptor_t get() const { return handle_; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set_array(name, type_of(T{}), 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) { set(name, value.handle_); }
  template <class T>
  void set(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
    set_array(name, type_of(T{}), values.size(), values.data());
  }
  void set_pointers(cudnnBackendAttributeName_t name, const std::vector<void*>& values) {
    set_array(name, CUDNN_TYPE_VOID_PTR, values.size(), values.data());
  }

  // How many values there are; none where cuDNN does not support what they are asked of.
  template <class T>
  int64_t count(cudnnBackendAttributeName_t name) const {
    return get_array<T>(name, 0, nullptr);
  }
  // Up to `most` of them; how many.
  template <class T>
  int64_t read(cudnnBackendAttributeName_t name, int64_t most, T* values) const {
    return std::min(most, get_array(name, most, values));
  }

  void finalize() { cudnn_check(cudnn().cudnnBackendFinalize(handle_), "finish a descriptor of a graph"); }
  // False where cuDNN says no.
  bool try_finalize() { return cudnn().cudnnBackendFinalize(handle_) == CUDNN_STATUS_SUCCESS; }

 private:
  template <class T>
  int64_t get_array(cudnnBackendAttributeName_t name, int64_t most, T* values) const {
    int64_t n = 0;
    const cudnnStatus_t status =
        cudnn().cudnnBackendGetAttribute(handle_, name, type_of(T{}), most, &n, values);
    if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return 0;
    cudnn_check(status, "read a descriptor of a graph");
    return n;
  }
  void set_array(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, size_t n,
                 const void* values) {
    cudnn_check(cudnn().cudnnBackendSetAttribute(handle_, name, type, static_cast<int64_t>(n), values),
                "fill a descriptor of a graph");
  }

  cudnnBackendDescriptor_t handle_ = nullptr;
};

enum Id : int64_t { kX = 1, kWeight, kBias, kY, kFirstVirtual };  // of the tensors

// [N,C,...] with the channels last in memory.
Descriptor make_tensor(int64_t id, const Ints& extents, bool is_virtual = false) {
  Ints strides(extents.size());
  int64_t stride = strides[1] = 1;
  stride *= extents[1];
  for (size_t axis = extents.size(); axis-- > 2;) {
    strides[axis] = stride;
    stride *= extents[axis];
  }
  strides[0] = stride;
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, extents);
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, strides);
  // The bias may be part of another tensor; the others are scratch memory.
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, static_cast<int64_t>(id == kBias ? sizeof(float) : 16));
  tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual);
  tensor.finalize();
  return tensor;
}

Descriptor make_convolution(const Ints& stride, const Ints& padding) {
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::ssize(stride));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride);
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding);
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding);
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, Ints(stride.size(), 1));
  convolution.finalize();
  return convolution;
}

Descriptor make_pointwise(cudnnPointwiseMode_t mode, double slope = 0.0) {
  Descriptor pointwise(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_RELU_FWD) pointwise.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, slope);
  pointwise.finalize();
  return pointwise;
}

// What a plan is made for; extents as cuDNN sees them, with a depth or without.
struct Problem {
  Ints x, weight, y, stride, padding;
  bool has_bias;
  float slope;
  auto operator<=>(const Problem&) const = default;
};

Problem problem_of(const ChannelParts<const float>& x, View5<const float> weight, bool has_bias,
                   const Conv3dParams& params, float slope, View5<float> y) {
  const bool flat = is_flat(x.first, weight, params);
  const auto extents = [&](const auto& view, int64_t n_channels) {
    Ints all{view.size(0), n_channels, view.size(2), view.size(3), view.size(4)};
    if (flat) all.erase(all.begin() + 2);
    return all;
  };
  const auto triple = [&](const std::array<int64_t, 3>& of) { return Ints(of.begin() + flat, of.end()); };
  return {.x = extents(x.first, x.count()),
          .weight = extents(weight, weight.size(1)),
          .y = extents(y, y.size(1)),
          .stride = triple(params.stride),
          .padding = triple(params.padding),
          .has_bias = has_bias,
          .slope = slope};
}

// Descriptors refer to each other; a deque, so that one stays where it is.
using Kept = std::deque<Descriptor>;

const Descriptor& keep(Kept& kept, Descriptor descriptor) { return kept.emplace_back(std::move(descriptor)); }

// The operations of the graph, in order.
std::vector<cudnnBackendDescriptor_t> describe(const Problem& problem, Kept& kept) {
  const bool has_activation = problem.slope != 1.0f;
  int n_after = int{problem.has_bias} + int{has_activation};  // operations after the convolution
  int64_t next_virtual = kFirstVirtual;
  // What the next operation makes: y if it is the last.
  const auto result = [&]() -> const Descriptor& {
    const bool is_last = n_after-- == 0;
    return keep(kept, make_tensor(is_last ? int64_t{kY} : next_virtual++, problem.y, !is_last));
  };
  std::vector<cudnnBackendDescriptor_t> operations;
  const auto add = [&](Descriptor operation) {
    operation.finalize();
    operations.push_back(keep(kept, std::move(operation)).get());
  };

  const Descriptor* u = &result();
  Descriptor convolution(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                  keep(kept, make_convolution(problem.stride, problem.padding)));
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, keep(kept, make_tensor(kX, problem.x)));
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                  keep(kept, make_tensor(kWeight, problem.weight)));
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, *u);
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0f);
  convolution.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0f);
  add(std::move(convolution));

  // u <- how(u, second)
  const auto add_pointwise = [&](Descriptor how, const Descriptor* second) {
    Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(kept, std::move(how)));
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *u);
    if (second != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *second);
    u = &result();
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *u);
    add(std::move(operation));
  };
  if (problem.has_bias) {
    Ints one_each(problem.y.size(), 1);
    one_each[1] = problem.y[1];
    const Descriptor& bias = keep(kept, make_tensor(kBias, one_each));
    add_pointwise(make_pointwise(CUDNN_POINTWISE_ADD), &bias);
  }
  if (has_activation)
    add_pointwise(make_pointwise(CUDNN_POINTWISE_RELU_FWD, static_cast<double>(problem.slope)), nullptr);
  return operations;
}

// Whether an engine gives the same bits each time and keeps to --precision.
bool may_run(const Descriptor& engine) {
  std::array<cudnnBackendNumericalNote_t, 32> notes{};
  const int64_t n = engine.read(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, notes.size(), notes.data());
  return std::none_of(notes.begin(), notes.begin() + n, [](cudnnBackendNumericalNote_t note) {
    switch (note) {
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        return true;
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        return precision() != Precision::tf32;
      default:
        return false;
    }
  });
}

struct Plan {
  Kept parts;  // what it is made of
  Descriptor plan;
  size_t workspace_bytes;
};

// The first engine configuration of a heuristic mode that may run and that cuDNN can make a plan of.
std::optional<Descriptor> first_plan(cudnnHandle_t handle, const Descriptor& graph,
                                     cudnnBackendHeurMode_t mode, Kept& kept) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (!heuristics.try_finalize()) return {};
  const int64_t most = heuristics.count<cudnnBackendDescriptor_t>(CUDNN_ATTR_ENGINEHEUR_RESULTS);
  std::vector<cudnnBackendDescriptor_t> handles;
  Kept configurations;
  for (int64_t i = 0; i < most; ++i) {
    handles.push_back(keep(configurations, Descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)).get());
  }
  const int64_t n = heuristics.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, most, handles.data());
  for (int64_t i = 0; i < n; ++i) {
    Descriptor& configuration = configurations[static_cast<size_t>(i)];
    const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t engine_handle = engine.get();
    configuration.read(CUDNN_ATTR_ENGINECFG_ENGINE, 1, &engine_handle);
    if (!may_run(engine)) continue;
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    if (!plan.try_finalize()) continue;
    keep(kept, std::move(configuration));
    return plan;
  }
  return {};
}

// Null where cuDNN has no engine that may run.
std::unique_ptr<const Plan> make_plan(cudnnHandle_t handle, const Problem& problem) {
  Kept parts;
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, describe(problem, parts));
  if (!graph.try_finalize()) return nullptr;
  std::optional<Descriptor> plan = first_plan(handle, graph, CUDNN_HEUR_MODE_A, parts);
  if (!plan) plan = first_plan(handle, graph, CUDNN_HEUR_MODE_FALLBACK, parts);
  if (!plan) return nullptr;
  keep(parts, std::move(graph));
  int64_t workspace_bytes = 0;
  plan->read(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1, &workspace_bytes);
  return std::make_unique<Plan>(
      Plan{std::move(parts), std::move(*plan), static_cast<size_t>(workspace_bytes)});
}

// The plan of a problem, made when it is first asked for. Plans are never freed: at the program's end the
// driver may be gone before them.
const Plan* plan_of(const Exec& exec, cudnnHandle_t handle, const Problem& problem) {
  using Key = std::tuple<int, Precision, Problem>;
  static std::mutex mutex;
  static auto& plans = *new std::map<Key, std::unique_ptr<const Plan>>;
  const std::lock_guard lock(mutex);
  const auto [at, is_new] = plans.try_emplace({exec.device.index, precision(), problem});
  if (is_new) at->second = make_plan(handle, problem);
  return at->second.get();
}

// For a tensor of these extents with the channels last.
Scratch<float> last_channels(const Exec& exec, const Ints& extents) {
  return {exec, std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies())};
}

}  // namespace

bool conv3d_forward_by_graph(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
                             View<const float, 1> bias, const Conv3dParams& params, float slope,
                             View5<float> y) {
  const cudnnHandle_t handle = cudnn_handle(exec.device);
  const Problem problem = problem_of(x, weight, bias.data != nullptr, params, slope, y);
  const Plan* const plan = plan_of(exec, handle, problem);
  if (plan == nullptr) return false;

  const Scratch<float> x_last = last_channels(exec, problem.x),
                       weight_last = last_channels(exec, problem.weight),
                       y_last = last_channels(exec, problem.y);
  conv3d_channels_last.to_last(exec, x, x_last.span());
  conv3d_channels_last.to_last(exec, {weight}, weight_last.span());
  const Scratch<std::byte> workspace(exec, static_cast<int64_t>(plan->workspace_bytes));
  Ints ids{kX, kWeight, kY};
  std::vector<void*> data{x_last.data(), weight_last.data(), y_last.data()};
  if (problem.has_bias) {
    ids.push_back(kBias);
    data.push_back(const_cast<float*>(bias.data));  // it is only read
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data);
  pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {workspace.data()});
  pack.finalize();
  cudnn_compute("run conv3d's graph",
                [&] { return cudnn().cudnnBackendExecute(handle, plan->plan.get(), pack.get()); });
  conv3d_channels_last.from_last(exec, y_last.span(), y);
  return true;
}

}  // namespace primal::cuda
