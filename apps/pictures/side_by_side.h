// The pictures of `primal denoise`, several of them in work at once. What is told of them is told in their order, and the results are the
// same bit for bit however many there are at once.
//
// Each picture in work is read, denoised and written by a thread of its own, which has its share of the processors for the loops of the
// network and the solver: side by side, what runs on one thread (decoding, most of the noise estimate, encoding, waiting for the
// disk) of one picture fills what is idle in another. Memory is shared too: a picture that does not fit beside the others waits, and
// then has all threads for itself.
// Errors:  a picture that cannot be read is a problem of its own; any other error is thrown when it is that picture's turn, and the
//          pictures behind it that are in work are finished.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/pictures/picture_denoising.h"

namespace primal {

struct SideBySide {
  int jobs = 0;  // pictures at once; 0: as many as threads. 1: each has all threads, one after the other
  bool quiet = false;
};

struct DenoisedFile {
  std::vector<DenoisingRow> rows;      // one for each page
  std::optional<std::string> problem;  // of a picture that could not be read
};

// Calls take(job, result) for each job in order, on the calling thread. Returns the number of the signal that stopped it, 0 where none did:
// what was in work then is finished, and no file is left half written. A single picture ends at once on a signal.
int denoise_side_by_side(const std::vector<DenoisingJob>& jobs, const PictureDenoising& one,
                         const SideBySide& how, RemarkPrinter& printer,
                         const std::function<void(const DenoisingJob&, DenoisedFile)>& take);

}  // namespace primal
