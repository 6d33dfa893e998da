// The noisy pictures of a study, and which of them are held out.
//
//   by part      of each class the last fifth by the number in the name: variants of one part
//                have neighbouring numbers
//   by picture   a fifth of each class, drawn by the seed
//
// Both stand in the manifest, as columns `split` (the one that the study asks for) and `split_by_picture`.
// Errors:  DataError for a folder without pictures, pictures of other classes than defect and ok or of one of
//          them alone, and, by part, names without a number; ConfigError for an output within the folder.
#pragma once

#include <csignal>

#include "apps/study/study_plan.h"
#include "tensor/device.h"

namespace primal {

// Looks at the names of the pictures, and at nothing else.
void check_study_pictures(const StudyOptions& options);

// Writes noisy copies and manifest; nothing is done where the manifest, which is written last, is there.
// False where *stop became a signal's number.
bool make_study_pictures(const StudyOptions& options, bool quiet, Device device,
                         const volatile std::sig_atomic_t& stop);

}  // namespace primal
