#include "apps/profile/model_source.h"

#include "apps/training/checkpoint.h"
#include "apps/training/config.h"
#include "apps/training/denoising_task.h"

namespace primal {

TrainingStepOptions step_options(const std::string& file, int64_t size, int64_t batch) {
  TrainConfig config;
  TrainingStepOptions options;
  if (file.ends_with(".safetensors")) {
    options.model = load_model(file)->options();
  } else {
    if (!file.empty()) read_config(config, file);
    options.model = model_options(config);
  }
  options.size = size > 0 ? size : config.data.size;
  options.batch = batch > 0 ? batch : config.training.batch;
  return options;
}

}  // namespace primal
