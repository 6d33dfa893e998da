// The pictures of a study.
#pragma once

#include <string>
#include <vector>

#include "apps/study/study_scores.h"

namespace primal {

// Writes OUT/samples.png, a row for each type of noise: clean, noisy, after the encoder-decoder, after
// U-Net + PDHG; and OUT/confusion.png: types of noise, and defect or ok of noisy pictures and after each
// denoiser. Returns the files.
std::vector<std::string> write_study_figures(const StudyOptions& options, const StudyScores& scores);

}  // namespace primal
