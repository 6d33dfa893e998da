// A whole study: noisy pictures, trainings, scores, tables. A folder that holds a part of it is gone on with,
// a step that is done is not done again, and a study that was stopped has the numbers of one that was not.
//
//   settings.json   what was asked for; a study with other settings is refused
//   pictures/       noisy copies, castings where they are generated, manifest.csv
//   runs/NAME/      a training each (apps/training/run_folder.h)
//   study.md, study.csv, study.json, samples.png, confusion.png
//
// Errors:  ConfigError for settings that differ from those of the folder, naming each with both values, for a
//          folder that holds something else, and where another study is at work there; those of its steps.
#pragma once

#include <csignal>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/study/study_plan.h"
#include "tensor/device.h"

namespace primal {

// The signal that stopped it, or 0. Progress goes to stderr unless `quiet`.
int run_study(const StudyOptions& options, bool quiet, Device device, const volatile std::sig_atomic_t& stop);

}  // namespace primal
