// One picture of `primal denoise`: read, perhaps made noisy, denoised, written, scored, and what
// there is to say about it.
//
// A file of several pages is several pictures, which end up as the pages of one file. Scores are against the
// clean picture, where there is one. Results keep the size, the samples' type and the units of their picture;
// PNG and TIFF say how they came about.
// Nothing here changes from picture to picture, so several threads may work on a picture each.
// Errors: those of DenoisingReader; IoError where a result cannot be written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/pictures/denoiser.h"
#include "apps/pictures/denoising_input.h"
#include "apps/pictures/denoising_job.h"
#include "apps/pictures/denoising_row.h"
#include "apps/pictures/remarks.h"
#include "data/image/image.h"
#include "data/noise/noise.h"
#include "tensor/tensor.h"

namespace primal {

// What denoising a picture takes.
struct DenoisingNeeds {
  int64_t bytes = 0;  // of memory, about
  bool alone =
      false;  // nothing else should run beside it: its network works in tiles, for which all memory was counted on
};

class PictureDenoising {
 public:
  // Keeps both by reference.
  PictureDenoising(const PictureDenoisingOptions& options, const Denoiser& denoiser);

  DenoisingInput read(const DenoisingJob& job, Remarks& remarks) const;
  DenoisingNeeds needs(const DenoisingInput& read) const;
  // A row for each page.
  std::vector<DenoisingRow> operator()(const DenoisingJob& job, const DenoisingInput& read,
                                       Remarks& remarks) const;

 private:
  // What a channel was made of.
  struct ChannelOrigin {
    NoiseOrigins noise = {};  // R, G and B; undefined: it is a picture of its own
    double weight = 1.0;      // a scalar weight for it, as a multiple of the one that was given
  };
  void choose(const Tensor& z, const Tensor& clean, DenoisingRow& row, const ChannelOrigin& origin) const;
  struct Page {
    Tensor z, clean;  // clean is undefined where it is not known
    Denoised result;
  };
  Page denoise_page(const DenoisingJob& job, const DenoisingInput& read, int64_t page, DenoisingRow& row,
                    Remarks& remarks) const;
  // The variance of the noise at each pixel, for which the map is refined; undefined: it is kept as it is.
  Tensor variance_to_refine_for(const Tensor& z, const PictureNoise& found,
                                const ChannelOrigin& origin) const;
  // z [1,1,1,H,W], perhaps with a clean picture: finds its noise, chooses lambda, and solves.
  Denoised solve(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row,
                 Remarks& remarks, const ChannelOrigin& origin) const;
  // z [3,1,1,H,W], red, green and blue.
  Denoised solve_colour(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row,
                        Remarks& remarks) const;
  Denoised solve_channels(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row,
                          Remarks& remarks) const;
  // Returns variance_to_refine_for.
  Tensor find_noise(const std::string& name, const Tensor& z, const Tensor& clean, DenoisingRow& row,
                    Remarks& remarks, const ChannelOrigin& origin) const;
  // False where another process has written the picture in the meantime.
  bool write(const DenoisingJob& job, const GreyInput& read, Raster result, const Denoised& last,
             const DenoisingRow& last_row, Remarks& remarks) const;
  void write_page_files(const DenoisingJob& job, const Page& page, DenoisingRow& row) const;
  PngText provenance(const Denoised& result, const DenoisingRow& row) const;

  const PictureDenoisingOptions& options_;
  const Denoiser& denoiser_;
  NoiseKind noise_kind_;
  DenoisingReader reader_;
};

}  // namespace primal
