// The sections of a page for a classifier or an autoencoder, from what evaluate_task() found or from the
// folder it was written to.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/task_evaluation.h"
#include "data/page/page.h"

namespace primal {

// `json` as in summary.json.
std::string task_paragraph(const nlohmann::json& json);
void add_task_scores(Page& page, const nlohmann::json& json);

void add_task_figures(Page& page, const std::vector<NamedFigure>& figures);
void add_task_samples(Page& page, const std::vector<TaskSample>& samples);

// PNG and SVG files as they are; what cannot be read is named in a warning.
void add_figure_files(Page& page, const std::filesystem::path& folder,
                      const std::vector<std::filesystem::path>& files);

}  // namespace primal
