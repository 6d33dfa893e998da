// The page of an evaluation: from what `primal evaluate` has at hand, or from the folder that it wrote.
#pragma once

#include <string>
#include <vector>

#include "apps/evaluation/task_evaluation.h"
#include "apps/report/evaluation_record.h"
#include "apps/report/evaluation_sections.h"
#include "data/dataset/dataset.h"
#include "data/page/page.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "tensor/device.h"

namespace primal {

// The model, the pictures and the settings of the scores once more, to show what was not kept.
struct EvaluatedAgain {
  const UnrolledTv& model;
  const Dataset& pictures;
  const EvaluationSettings& settings;
};
// The telling rows and those of `also`; `picture_of` has the number in the data set of each row.
std::vector<ShownEvaluation> shown_evaluations(const EvaluatedAgain& again,
                                               const std::vector<Evaluation>& rows,
                                               const std::vector<int64_t>& picture_of,
                                               const std::vector<int64_t>& also);

// Everything below the first paragraph, but the record's figure files.
void add_map_evaluation(Page& page, const EvaluationRecord& record,
                        const std::vector<ShownEvaluation>& shown);

// The page for a model that predicts a map.
Page evaluation_page(const EvaluationRecord& record, const std::vector<ShownEvaluation>& shown);
// The page for a classifier, an autoencoder or a model for sequences.
Page task_evaluation_page(const EvaluationRecord& record, const std::vector<NamedFigure>& figures,
                          const std::vector<TaskSample>& samples);

// From the folder alone: of a map its pictures are computed again where the model and the pictures are still
// there, else the figures of the folder are shown as they are.
Page evaluation_folder_page(EvaluationRecord record, Device device);
void add_evaluation_folder(Page& page, EvaluationRecord record, Device device);

// "origin" of summary.json: command, version, compiler, processor, threads, time.
nlohmann::json origin_json();

}  // namespace primal
