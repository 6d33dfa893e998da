#include "model/perceptual.h"

#include <algorithm>
#include <cmath>

#include "data/safetensors/safetensors.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

bool is_head(const std::string& name) { return name.starts_with("lin"); }

}  // namespace

std::unique_ptr<Lpips> load_lpips(const std::filesystem::path& path, Device device) {
  const Safetensors file = Safetensors::read(path);
  if (is_checkpoint(file.metadata()))
    throw DataError(
        "[lpips] {} is a model for task {}, not weights of LPIPS; scripts/pytorch/lpips_weights.py "
        "writes those",
        file.name(), task_text(architecture_in(file)));
  const TensorMap state = file.tensors();
  for (const auto& [name, tensor] : state) {
    if (!is_floating(tensor.dtype())) continue;  // load_state says what it should be
    const std::vector<double> values = tensor.to_doubles();
    if (std::ranges::any_of(values, [](double v) { return !std::isfinite(v); }))
      throw DataError("[lpips] {}: {} is not finite everywhere", file.name(), name);
    if (is_head(name) && std::ranges::min(values) < 0.0)
      throw DataError("[lpips] {}: {} has values below zero, so it is no head of a distance", file.name(),
                      name);
  }
  Initialiser init(0, DType::f32, device);
  auto model = std::make_unique<Lpips>(LpipsOptions{}, init);
  try {
    model->load_state(state);
  } catch (const DataError& error) {
    throw DataError(
        "[lpips] {} has not the weights of LPIPS, as scripts/pytorch/lpips_weights.py writes them: {}",
        file.name(), error.what());
  }
  return model;
}

}  // namespace primal
