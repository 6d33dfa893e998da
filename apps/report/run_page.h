// The page of a training: from its folder, and from what its model makes of the validation pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/report/run_record.h"
#include "apps/training/task.h"
#include "data/page/page.h"
#include "tensor/device.h"

namespace primal {

struct RunPictures {
  int64_t step = 0;  // after which the model made them; 0: not known
  std::vector<LoggedSample> samples;
  std::vector<NamedFigure> figures;
};

// What the model of a task makes of its validation pictures as it stands.
RunPictures run_pictures(Task& task, int64_t step);

// The same from the folder of a training: the best checkpoint, else the last, on the pictures of its
// settings. Where that cannot be done, nothing, and a sentence in record.problems.
RunPictures run_pictures(RunRecord& record, Device device);

// Everything below the first paragraph: warnings, scores, pictures, curves, settings.
void add_run(Page& page, const RunRecord& record, const RunPictures& pictures);

// Where `is_running`, the page loads itself again every 30 seconds.
Page run_page(const RunRecord& record, const RunPictures& pictures, bool is_running);

}  // namespace primal
