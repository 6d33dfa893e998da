// Reads what `primal denoise` needs for a picture, and checks before the work everything that can be checked
// then.
//
// Errors: those of read_grey and read_clean (inputs.h); DataError for a clean picture of another size, for a
//         picture too small to be scored or to have its noise estimated, for several pages in a format of one
//         page, and for --map and --compare with several pages.
#pragma once

#include "apps/pictures/denoising_job.h"
#include "apps/pictures/remarks.h"

namespace primal {

class DenoisingReader {
 public:
  // Keeps the options by reference. `keeps_colour`: a picture in colour stays three channels.
  DenoisingReader(const PictureDenoisingOptions& options, const LevelRange& range, bool keeps_colour)
      : options_(options), range_(range), keeps_colour_(keeps_colour) {}

  DenoisingInput operator()(const DenoisingJob& job, Remarks& remarks) const;

 private:
  GreyInput read_one(const PictureInput& input, Remarks& remarks) const;
  void add_remarks(const PictureInput& input, const GreyInput& grey, Remarks& remarks) const;
  GreyInput clean_of(const DenoisingJob& job, const GreyInput& read, Remarks& remarks) const;
  void check_pages(const DenoisingJob& job, const GreyInput& read, Remarks& remarks) const;

  const PictureDenoisingOptions& options_;
  LevelRange range_;
  bool keeps_colour_;
};

PictureFormat result_format_of(const PictureDenoisingOptions& options, const DenoisingJob& job,
                               const GreyInput& read);

// An estimate of the memory that reading a picture takes, from the size of its file.
int64_t bytes_to_read(const DenoisingJob& job);

}  // namespace primal
