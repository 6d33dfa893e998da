// conv3d by oneDNN 2 (Debian: libdnnl-dev), on the CPU: any kernel, stride and padding. It runs by name or
// plan only, so that results do not depend on what a machine has installed.
//
// Layouts: oneDNN chooses those of x, weight and y for each direction (blocks of channels, mostly); its
// reorders bring our tensors into them and back, and add where a gradient is added. Depth 1 is a
// convolution of pictures, for which it has its fastest kernels. Where a layout is ours already, the
// tensor is taken as it is.
// Threads: Debian's build has OpenMP inside, which our own loops do not use (tensor/threads).
// omp_set_num_threads, an affair of the calling thread, holds it to those of Exec during a call; primitives
// are made for a number of threads and kept by it.
// Memory: layouts and workspace lie in Scratch; what oneDNN keeps for itself is its code.
// The same bits run after run on the same number of threads, but not on another: sums over pixels are split
// by threads.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <omp.h>
#include <optional>
#include <vector>

#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/rehearsal.h"
#include "tensor/scratch.h"
#include "tensor/vendor/onednn_api.h"

namespace primal::cpu {
namespace {

enum class Phase { forward, backward_data, backward_weights };
constexpr const char* kOp = "conv3d";

using Layout = dnnl_memory_desc_t;

size_t bytes_of(const Layout& layout) { return onednn().dnnl_memory_desc_get_size(&layout); }
bool same(const Layout& a, const Layout& b) { return onednn().dnnl_memory_desc_equal(&a, &b) != 0; }

// What a primitive is made for. Gradients count as the tensor they belong to.
struct Call {
  Phase phase;
  bool has_bias;
  int n_threads;
  std::array<int64_t, 5> x, weight, y;
  std::array<int64_t, 3> stride, padding;
  auto operator<=>(const Call&) const = default;
};

template <class X, class W, class Y>
Call make_call(Phase phase, const Exec& exec, const X& x, const W& weight, const Y& y,
               const Conv3dParams& params, bool has_bias) {
  const auto extents = [](const auto& view) {
    return std::array{view.size(0), view.size(1), view.size(2), view.size(3), view.size(4)};
  };
  return {phase,           has_bias,   exec.n_threads, extents(x),
          extents(weight), extents(y), params.stride,  params.padding};
}

bool is_flat(const Call& call) { return call.x[2] == 1 && call.weight[2] == 1 && call.padding[0] == 0; }

// Contiguous, as our tensors are; with `chooses`, whatever oneDNN finds best.
Layout layout_of(const std::array<int64_t, 5>& extents, bool flat, bool chooses) {
  dnnl_dims_t dims, strides;
  int rank = 0;
  for (size_t a = 0; a < 5; ++a) {
    if (!(flat && a == 2)) dims[rank++] = extents[a];
  }
  strides[rank - 1] = 1;
  for (int a = rank - 1; a > 0; --a) strides[a - 1] = strides[a] * dims[a];
  Layout layout;
  onednn_check(onednn().dnnl_memory_desc_init_by_strides(&layout, rank, dims, dnnl_f32, strides), kOp,
               "describe a tensor");
  if (chooses) layout.format_kind = dnnl_format_kind_any;
  return layout;
}

Layout layout_of_bias(int64_t n) {
  const dnnl_dims_t dims = {n}, strides = {1};
  Layout layout;
  onednn_check(onednn().dnnl_memory_desc_init_by_strides(&layout, 1, dims, dnnl_f32, strides), kOp,
               "describe a bias");
  return layout;
}

// Workspace is the caller's; `add`: the result is added to what is there.
OneDnnAttributes attributes(bool add) {
  const OneDnnApi& api = onednn();
  dnnl_primitive_attr_t made = nullptr;
  onednn_check(api.dnnl_primitive_attr_create(&made), kOp, "make attributes");
  OneDnnAttributes result(made);
  onednn_check(api.dnnl_primitive_attr_set_scratchpad_mode(made, dnnl_scratchpad_mode_user), kOp,
               "take workspace from the caller");
  if (add) {
    dnnl_post_ops_t sum = nullptr;
    onednn_check(api.dnnl_post_ops_create(&sum), kOp, "make attributes");
    const OneDnnPostOps owner(sum);
    onednn_check(api.dnnl_post_ops_append_sum(sum, 1.0F), kOp, "add to a gradient");
    onednn_check(api.dnnl_primitive_attr_set_post_ops(made, sum), kOp, "add to a gradient");
  }
  return result;
}

Layout queried(const OneDnnPrimitiveDesc& desc, dnnl_query_t what) {
  return *onednn().dnnl_primitive_desc_query_md(desc.get(), what, 0);
}

// A primitive and the workspace it wants.
struct Step {
  OneDnnPrimitive primitive;
  Layout workspace;

  explicit Step(const OneDnnPrimitiveDesc& desc) : workspace(queried(desc, dnnl_query_scratchpad_md)) {
    dnnl_primitive_t made = nullptr;
    onednn_check(onednn().dnnl_primitive_create(&made, desc.get()), kOp, "compile a kernel");
    primitive.reset(made);
  }
};

Step reorder(const Layout& from, const Layout& to, bool add) {
  dnnl_primitive_desc_t made = nullptr;
  onednn_check(onednn().dnnl_reorder_primitive_desc_create(&made, &from, onednn_cpu(), &to, onednn_cpu(),
                                                           attributes(add).get()),
               kOp, "find a reorder");
  return Step(OneDnnPrimitiveDesc(made));
}

// A tensor of the convolution: as we have it, as oneDNN wants it, and the way from one to the other.
struct Argument {
  int index;  // DNNL_ARG_SRC and so on
  Layout ours, theirs;
  std::optional<Step> reorder;  // none: it is taken as it is
};

// One direction for one geometry: out = convolution(first, second).
struct Program {
  Step convolution;
  Argument first, second, out;
};

OneDnnPrimitiveDesc described(const dnnl_convolution_desc_t& convolution,
                              const_dnnl_primitive_desc_t forward) {
  dnnl_primitive_desc_t made = nullptr;
  onednn_check(onednn().dnnl_primitive_desc_create(&made, &convolution, attributes(false).get(), onednn_cpu(),
                                                   forward),
               kOp, "find kernels for the convolution");
  return OneDnnPrimitiveDesc(made);
}

OneDnnPrimitiveDesc described(const Call& call, bool flat) {
  const OneDnnApi& api = onednn();
  const Layout x = layout_of(call.x, flat, true), weight = layout_of(call.weight, flat, true),
               y = layout_of(call.y, flat, true), bias = layout_of_bias(call.weight[0]);
  const Layout* with_bias = call.has_bias ? &bias : nullptr;
  dnnl_dims_t stride, padding;
  for (size_t a = flat ? 1 : 0, to = 0; a < 3; ++a, ++to) {
    stride[to] = call.stride[a];
    padding[to] = call.padding[a];
  }
  dnnl_convolution_desc_t convolution;
  onednn_check(api.dnnl_convolution_forward_desc_init(
                   &convolution, dnnl_forward_training, dnnl_convolution_auto, &x, &weight,
                   call.phase == Phase::forward ? with_bias : nullptr, &y, stride, padding, padding),
               kOp, "describe the forward pass");
  OneDnnPrimitiveDesc forward = described(convolution, nullptr);  // the other directions want it as a hint
  switch (call.phase) {
    case Phase::forward:
      return forward;
    case Phase::backward_data:
      onednn_check(api.dnnl_convolution_backward_data_desc_init(&convolution, dnnl_convolution_auto, &x,
                                                                &weight, &y, stride, padding, padding),
                   kOp, "describe the gradient of x");
      break;
    case Phase::backward_weights:
      onednn_check(
          api.dnnl_convolution_backward_weights_desc_init(&convolution, dnnl_convolution_auto, &x, &weight,
                                                          with_bias, &y, stride, padding, padding),
          kOp, "describe the gradient of weight");
      break;
  }
  return described(convolution, forward.get());
}

Program make_program(const Call& call) {
  const bool flat = is_flat(call);
  const OneDnnPrimitiveDesc desc = described(call, flat);
  const auto tensor = [&](int index, dnnl_query_t query, const std::array<int64_t, 5>& extents) {
    return Argument{index, layout_of(extents, flat, false), queried(desc, query), {}};
  };
  const auto input = [&](int index, dnnl_query_t query, const std::array<int64_t, 5>& extents) {
    Argument result = tensor(index, query, extents);
    if (!same(result.ours, result.theirs)) result.reorder = reorder(result.ours, result.theirs, false);
    return result;
  };
  const auto output = [&](int index, dnnl_query_t query, const std::array<int64_t, 5>& extents, bool add) {
    Argument result = tensor(index, query, extents);
    if (add || !same(result.ours, result.theirs)) result.reorder = reorder(result.theirs, result.ours, add);
    return result;
  };
  switch (call.phase) {
    case Phase::forward:
      return {Step(desc), input(DNNL_ARG_SRC, dnnl_query_src_md, call.x),
              input(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, call.weight),
              output(DNNL_ARG_DST, dnnl_query_dst_md, call.y, false)};
    case Phase::backward_data:
      return {Step(desc), input(DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, call.y),
              input(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, call.weight),
              output(DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, call.x, true)};
    case Phase::backward_weights:
      break;
  }
  return {Step(desc), input(DNNL_ARG_SRC, dnnl_query_src_md, call.x),
          input(DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, call.y),
          output(DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, call.weight, true)};
}

// Programs are kept, up to a number that no network reaches; then all are made anew. At the end of the
// process oneDNN may be gone before us, so the last ones stay.
std::shared_ptr<const Program> program_for(const Call& call) {
  constexpr size_t kMost = 1024;
  static std::mutex mutex;
  static auto& kept = *new std::map<Call, std::shared_ptr<const Program>>;
  const std::lock_guard lock(mutex);
  if (const auto found = kept.find(call); found != kept.end()) return found->second;
  if (kept.size() >= kMost) kept.clear();
  return kept[call] = std::make_shared<const Program>(make_program(call));
}

// The number of threads of the calling thread's OpenMP regions, while one lives.
class OmpThreads {
 public:
  explicit OmpThreads(int n) : before_(omp_get_max_threads()) { omp_set_num_threads(n); }
  ~OmpThreads() { omp_set_num_threads(before_); }
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  int before_;
};

// Steps one after the other, with the memory they need.
class Run {
 public:
  explicit Run(const Exec& exec) : exec_(exec) {
    dnnl_stream_t made = nullptr;
    onednn_check(onednn().dnnl_stream_create(&made, onednn_cpu(), dnnl_stream_default_flags), kOp, "begin");
    stream_.reset(made);
  }

  dnnl_memory_t memory(const Layout& layout, const float* data) {
    dnnl_memory_t made = nullptr;
    onednn_check(onednn().dnnl_memory_create(&made, &layout, onednn_cpu(), const_cast<float*>(data)), kOp,
                 "take a tensor");
    return memories_.emplace_back(made).get();
  }
  dnnl_memory_t scratch(const Layout& layout) {
    const auto n = static_cast<int64_t>(std::max<size_t>((bytes_of(layout) + 3) / sizeof(float), 1));
    return memory(layout, scratch_.emplace_back(exec_, n).data());
  }

  // The tensor in the layout that the convolution wants.
  dnnl_exec_arg_t input(const Argument& argument, const float* data) {
    const dnnl_memory_t ours = memory(argument.ours, data);
    if (!argument.reorder) return {argument.index, ours};
    const dnnl_memory_t theirs = scratch(argument.theirs);
    step(*argument.reorder, {{DNNL_ARG_FROM, ours}, {DNNL_ARG_TO, theirs}}, "reorder a tensor");
    return {argument.index, theirs};
  }

  void step(const Step& step, std::vector<dnnl_exec_arg_t> arguments, const char* what) {
    arguments.push_back({DNNL_ARG_SCRATCHPAD, scratch(step.workspace)});
    unless_rehearsing([&] {
      onednn_check(onednn().dnnl_primitive_execute(step.primitive.get(), stream_.get(),
                                                   static_cast<int>(arguments.size()), arguments.data()),
                   kOp, what);
      onednn_check(onednn().dnnl_stream_wait(stream_.get()), kOp, what);
    });
  }

 private:
  const Exec& exec_;
  OneDnnStream stream_;
  std::vector<Scratch<float>> scratch_;
  std::vector<OneDnnMemory> memories_;
};

// bias: null, or what the call's bias argument is.
void execute(const Exec& exec, const Call& call, const float* first, const float* second, const float* bias,
             float* out) {
  const OmpThreads threads(call.n_threads);
  const std::shared_ptr<const Program> program = program_for(call);
  Run run(exec);
  std::vector<dnnl_exec_arg_t> arguments{run.input(program->first, first),
                                         run.input(program->second, second)};
  if (call.has_bias) {
    const int index = call.phase == Phase::forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS;
    arguments.push_back({index, run.memory(layout_of_bias(call.weight[0]), bias)});
  }
  const Argument& result = program->out;
  const dnnl_memory_t ours = run.memory(result.ours, out);
  const dnnl_memory_t theirs = result.reorder ? run.scratch(result.theirs) : ours;
  arguments.push_back({result.index, theirs});
  run.step(program->convolution, arguments, "run the convolution");
  if (result.reorder)
    run.step(*result.reorder, {{DNNL_ARG_FROM, theirs}, {DNNL_ARG_TO, ours}}, "reorder a tensor");
}

void forward(const Exec& exec, const ChannelParts<const float>& parts, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams& params, float, View5<float> y) {
  const View5<const float>& x = parts.first;
  const Call call = make_call(Phase::forward, exec, x, weight, y, params, bias.data != nullptr);
  execute(exec, call, x.data, weight.data, bias.data, y.data);
}

void backward_data(const Exec& exec, const MaskedGradient<float>& upstream, View5<const float> weight,
                   const Conv3dParams& params, bool, const ChannelParts<float>& parts) {
  const View5<const float>& grad_y = upstream.grad;
  const View5<float>& grad_x = parts.first;
  const Call call = make_call(Phase::backward_data, exec, grad_x, weight, grad_y, params, false);
  execute(exec, call, grad_y.data, weight.data, nullptr, grad_x.data);
}

void backward_weights(const Exec& exec, const ChannelParts<const float>& parts,
                      const MaskedGradient<float>& upstream, const Conv3dParams& params,
                      View5<float> grad_weight, View<float, 1> grad_bias) {
  const View5<const float>& x = parts.first;
  const View5<const float>& grad_y = upstream.grad;
  if (grad_weight.data == nullptr) {  // oneDNN has no call for the bias alone
    return conv3d_reference_f32.kernels.backward_weights(exec, parts, upstream, params, grad_weight,
                                                         grad_bias);
  }
  const bool has_bias = grad_bias.data != nullptr;
  const Call call = make_call(Phase::backward_weights, exec, x, grad_weight, grad_y, params, has_bias);
  const Scratch<float> of_bias(exec, grad_weight.size(0));
  execute(exec, call, x.data, grad_y.data, of_bias.data(), grad_weight.data);
  if (!has_bias) return;
  parallel_for(exec, 1, 1, [&](int64_t, int64_t) {
    for (int64_t o = 0; o < grad_bias.size(0); ++o) grad_bias.data[o] += of_bias.data()[o];
  });
}

bool supports(const Conv3dGeometry& g) { return has_onednn() && g.x.numel() > 0 && g.weight.numel() > 0; }

}  // namespace

// Another number of threads, other sums over pixels: not deterministic.
const Conv3dImplementation<float> conv3d_onednn{
    {.name = "onednn",
     .idea = "Intel's library: its own layouts, kernels compiled as it runs",
     .tolerance_factor = 5.0,
     .deterministic = false},
    supports,
    {forward, backward_data, backward_weights, false}};

}  // namespace primal::cpu
