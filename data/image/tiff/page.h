// What one directory of a TIFF says of its picture.
#pragma once

#include <cstdint>
#include <string>

#include "data/image/raster/raster.h"
#include "data/image/tiff/stream.h"

namespace primal::codec {

struct TiffPage {
  uint64_t offset = 0;  // of its directory
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples_per_pixel = 1, format = 1, photometric = 1, compression = 1, predictor = 1,
           orientation = 1, planar = 1;
  uint32_t tile_width = 0, tile_height = 0;
  uint16_t extra_sample = 0;  // what alpha is, where there is one
  bool is_thumbnail = false, is_mask = false;
  bool has_imagej_tags = false;  // with labels, overlays and more
  int channels = 1;
  SampleType type = SampleType::u8;
  TiffOrigin::Page tags;

  bool has_alpha() const { return samples_per_pixel > channels; }
  bool has_planes() const { return planar == PLANARCONFIG_SEPARATE && samples_per_pixel > 1; }
  bool white_is_zero() const { return photometric == PHOTOMETRIC_MINISWHITE; }
};

// Describes the directory that libtiff is at. DataError for what is not read, naming page `number`,
// counted from 1; `file_bytes` is the file's size, which bounds what a page and a tile may unpack to.
TiffPage describe_page(TIFF* tiff, int64_t number, uint64_t file_bytes, const std::string& name);

// At the very best.
double packing_ratio(uint16_t compression);

}  // namespace primal::codec
