#include "apps/profile/model_source.h"

#include "apps/shell/is_folder.h"
#include "apps/training/checkpoint.h"
#include "apps/training/config.h"
#include "apps/training/denoising_task.h"
#include "apps/training/model_choice.h"
#include "model/model_options.h"
#include "tensor/error.h"

namespace primal {

TrainingStepOptions step_options(const std::string& file, int64_t size, int64_t batch) {
  TrainConfig config;
  TrainingStepOptions options;
  if (file.ends_with(".safetensors") || is_folder(file)) {
    options.model = load_model(find_model_file(file).path)->options();
  } else {
    if (!file.empty()) read_config(config, file);
    if (config.task.kind != "denoise")
      throw ConfigError("[profile] {} has task.kind {}: steps are profiled and tuned for task.kind denoise",
                        file, config.task.kind);
    options.model = model_options(config.model);
  }
  options.size = size > 0 ? size : config.data.size;
  options.batch = batch > 0 ? batch : config.training.batch;
  return options;
}

}  // namespace primal
