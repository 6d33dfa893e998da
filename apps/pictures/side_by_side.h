// Denoises several pictures of `primal denoise` at once. Messages and rows come in the order of the pictures,
// and the results are the same bit for bit for every number of pictures at once.
//
// Each picture is read, denoised and written by a thread of its own, which has a share of the processors for
// the loops of the network and the solver. The parts of one picture that run on a single thread (decoding,
// most of the noise estimate, encoding, waiting for the disk) thus overlap with the work on others. Memory is
// shared too: a picture that does not fit beside the others waits, and then has all threads to itself. On a
// device one picture is computed at a time (DeviceTurn, apps/pictures/denoiser.h).
// Errors:  a picture that cannot be read is reported in DenoisedFile::problem; any other error is thrown when
//          it is that picture's turn, after the pictures behind it that have begun are finished.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/pictures/picture_denoising.h"

namespace primal {

struct SideBySide {
  int jobs = 0;  // pictures at once; 0: as many as threads; 1: one after the other, each with all threads
  bool quiet = false;
};

struct DenoisedFile {
  std::vector<DenoisingRow> rows;      // one for each page
  std::optional<std::string> problem;  // why the picture could not be read
};

// Calls take(job, result) for each job in order, on the calling thread. Returns the number of the signal that
// stopped it, or 0. After a signal the pictures that have begun are finished, and no file is left half
// written. A single picture ends at once on a signal.
int denoise_side_by_side(const std::vector<DenoisingJob>& jobs, const PictureDenoising& one,
                         const SideBySide& how, RemarkPrinter& printer,
                         const std::function<void(const DenoisingJob&, DenoisedFile)>& take);

}  // namespace primal
