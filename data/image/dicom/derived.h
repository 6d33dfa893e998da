// The attributes of a DICOM object that is derived from another one.
#pragma once

#include "data/image/dicom/dataset.h"
#include "data/image/raster/raster.h"

namespace primal::codec {

// The pixels as the attributes describe them.
struct DicomPixels {
  int bits_stored = 16;
  bool white_is_zero = false;
};

// What is written for a raster. Attributes of the source that describe the pixels are kept only if size,
// samples and scale are unchanged.
bool has_its_attributes(const Raster& raster);
DicomPixels pixels_of(const Raster& raster);

// Turns a data set with the attributes of the source, or an empty one, into the data set of the raster,
// without pixels.
void derive_attributes(DcmDataset& dataset, const Raster& raster, const PngText& text);

}  // namespace primal::codec
