// The tables of a study: what the authors of the published system report, beside what the models of the study
// do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/study/study_scores.h"

namespace primal {

struct StudyTable {
  struct Row {
    std::string key, name;  // "psnr_db", "PSNR, dB"
    int digits = 4;
    double authors = 0.0;
    std::vector<double> here;  // of each column; NaN: not measured
  };
  std::string key, title;
  std::vector<std::string> column_keys, columns;
  std::vector<Row> rows;
};

// Four of them: defect or ok on noisy pictures, types of noise, denoising, defect or ok after denoising.
std::vector<StudyTable> study_tables(const StudyScores& scores);

// study.md, study.csv and study.json.
std::string study_markdown(const StudyOptions& options, const StudyScores& scores);
std::string study_csv(const StudyScores& scores);
nlohmann::json study_json(const StudyOptions& options, const StudyScores& scores);

}  // namespace primal
