#include "apps/training/step_file.h"

#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "apps/training/checkpoint.h"
#include "apps/training/learner.h"
#include "autograd/finite_check.h"
#include "data/safetensors/safetensors.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFormat = "primal-step";
constexpr std::string_view kInput = "input.";

std::string found_in(const char* kind, const std::string& name, const Tensor& t) {
  const int64_t n = count_non_finite(t);
  if (n == 0) return "";
  return fmt::format("{} {}: {} of {} elements are not finite before the step", kind, name, n, t.numel());
}

const std::string& entry(const Safetensors& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    throw DataError("[reproduce] {}: `{}` is missing from its metadata", file.name(), key);
  }
  return found->second;
}

}  // namespace

std::string first_non_finite(const Module& model, const TensorMap& batch,
                             const std::function<Variable(const TensorMap&)>& loss) {
  for (const auto& [name, parameter] : model.parameters()) {
    const std::string found = found_in("parameter", name, parameter.value());
    if (!found.empty()) return found;
  }
  for (const auto& [name, tensor] : batch) {
    const std::string found = found_in("input", name, tensor);
    if (!found.empty()) return found;
  }
  model.zero_grad();
  const FiniteCheck check;
  std::string refused;
  try {
    loss(batch).backward();
  } catch (const NumericError& error) {  // an op that looks at its inputs itself
    refused = error.what();
  }
  return check.first() ? check.first()->str() : refused;
}

void save_step(const std::filesystem::path& path, const Module& model, const TensorMap& batch,
               const StepFile& step) {
  TensorMap tensors = to_reference_layout(moved_to(model.state(), Device{}));
  for (const auto& [name, tensor] : batch) tensors[std::string(kInput) + name] = tensor.to(Device{});
  write_safetensors(path, tensors,
                    {{"format", kFormat},
                     {"version", "1"},
                     {"step", fmt::format("{}", step.step)},
                     {"pictures", utf8_text(step.pictures)},
                     {"found", step.found},
                     {"config", json_text(config_to_json(step.config))}});
}

Reproduced reproduce_step(const std::filesystem::path& path, Device device) {
  const Safetensors file = Safetensors::read(path);
  if (!file.metadata().contains("format") || entry(file, "format") != kFormat) {
    throw DataError(
        "[reproduce] {} does not contain a step: a training that meets a NaN writes nan_step_N.safetensors",
        path.string());
  }
  Reproduced r;
  r.file = {checkpoint_config(file), std::strtoll(entry(file, "step").c_str(), nullptr, 10),
            entry(file, "pictures"), entry(file, "found")};
  TensorMap state, batch;
  for (const auto& [name, info] : file.entries()) {
    if (name.starts_with(kInput))
      batch[name.substr(kInput.size())] = file.tensor(name);
    else
      state[name] = file.tensor(name);
  }
  Initialiser init(0, DType::f32, device);
  const std::unique_ptr<Learner> learner = make_learner(r.file.config, init);
  for (const std::string& name : learner->batch_names()) {
    if (!batch.contains(name)) throw DataError("[reproduce] {}: input.{} is missing", path.string(), name);
  }
  learner->model().load_state(from_reference_layout(state));
  r.found_now = first_non_finite(learner->model(), moved_to(batch, device),
                                 [&](const TensorMap& inputs) { return learner->loss(inputs); });
  return r;
}

}  // namespace primal
