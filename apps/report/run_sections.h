// The sections of a page that a training fills.
#pragma once

#include <string>
#include <vector>

#include "apps/report/run_record.h"
#include "apps/training/task.h"
#include "data/page/page.h"

namespace primal {

// In plain words what was trained, how far it came, and what came out, in one paragraph.
std::string run_paragraph(const RunRecord& record, bool is_running);

// What is missing or broken, as warnings.
void add_problems(Page& page, const std::vector<std::string>& problems);

// The validation's scores as a table, with the baselines.
void add_run_scores(Page& page, const RunRecord& record);

// Loss, learning rate and scores over the steps.
void add_run_curves(Page& page, const RunRecord& record);

// The first validation pictures, as the task gives them: noisy against denoised, and the map with its
// histogram.
void add_run_pictures(Page& page, const std::vector<LoggedSample>& samples);

// Settings with their origin, checkpoints, machine, version and commands.
void add_run_origin(Page& page, const RunRecord& record);

// The command that began the training; empty where it is not known.
std::string command_of(const RunRecord& record);

}  // namespace primal
