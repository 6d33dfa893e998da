// `primal evaluate` for a model for sequences, as A. Kofler et al. evaluate theirs: noise is added to each
// clip, which is then denoised with the model's maps, and with the best pair of scalar weights
// (pair_search.h), chosen for each clip with knowledge of its clean frames.
//
//   clips       those of sequence_data.h: data.frames frames of data.size pixels a side, as the model was
//               trained; a shorter sequence is one clip of all its frames
//   scores      means of PSNR and SSIM over the frames of a clip; then means over the clips, with 95 %
//               bootstrap intervals of the gain
//   figures     one frame and one row over time of clean, noisy, best pair and model, and both maps: of
//               the first clip, and of those with the smallest and the largest gain; and the four
//               sequences as an animated PNG
// SIGINT, SIGTERM and SIGHUP stop it after the clip at hand; the result is then that of the clips before. A
// sequence that cannot be used is reported and left out.
// Errors: those of load_sequence_model; IoError without sequences; DataError where none can be used;
//         Stopped before the first clip.
#pragma once

#include <filesystem>

#include "apps/evaluation/task_evaluation.h"

namespace primal {

// The noise of `settings` has one level over a whole clip.
TaskEvaluation evaluate_sequences(const std::filesystem::path& model, const TaskEvaluationSettings& settings);

}  // namespace primal
