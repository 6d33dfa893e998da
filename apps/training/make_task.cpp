#include "apps/training/make_task.h"

#include "apps/training/classification_task.h"
#include "apps/training/denoising_task.h"
#include "apps/training/reconstruction_task.h"
#include "apps/training/sequence_task.h"

namespace primal {

void complete_config(TrainConfig& config) {
  if (config.task.kind != "classify" || !config.classifier.labels.empty()) return;
  for (const std::string& label : labels_of_data(config))
    config.classifier.labels += (config.classifier.labels.empty() ? "" : ",") + label;
}

std::unique_ptr<Task> make_task(const TrainConfig& config, Device device, PictureCheck check) {
  if (config.task.kind == "classify") return std::make_unique<ClassificationTask>(config, device, check);
  if (config.task.kind == "reconstruct") return std::make_unique<ReconstructionTask>(config, device, check);
  if (config.task.kind == "sequence") return std::make_unique<SequenceTask>(config, device, check);
  return std::make_unique<DenoisingTask>(config, device, check);
}

}  // namespace primal
