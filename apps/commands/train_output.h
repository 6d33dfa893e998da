// What `primal train` prints before and after the training itself.
#pragma once

#include <filesystem>
#include <string>

#include "apps/commands/train_settings.h"
#include "apps/distributed/exchange_choice.h"
#include "apps/report/training_page.h"
#include "apps/training/trainer.h"

namespace primal {

void print_config(const Settings& settings, bool json);

// The configuration with the part of the batch that one rank computes, to find the memory that its step
// needs.
TrainConfig config_of_part(const TrainConfig& config, const Task& task, const Communicator* ranks);

// Settings, plan, remarks, and what is resumed; DeviceError where `too_large` says why a step does not fit.
void print_start(const ResolvedTraining& resolved, const TrainOptions& options, Task& task,
                 const std::string& too_large, const Communicator* ranks);

void print_result(const TrainResult& result, const TrainOptions& options, const std::filesystem::path& last,
                  const TrainingPage& page, Device device, const Communicator* ranks,
                  const ExchangeChoice& exchange);
// The checkpoint to work with and what to do next.
void print_next(const TrainConfig& config, const std::string& metric, const TrainResult& result);

}  // namespace primal
