// The attributes of an object that is derived from another.
#pragma once

#include "data/image/dicom/dataset.h"
#include "data/image/raster/raster.h"

namespace primal::codec {

// The pixels as the attributes describe them.
struct DicomPixels {
  int bits_stored = 16;
  bool white_is_zero = false;
};

// What a raster is written with. The attributes of the source belong to it where its size, samples and scale are theirs.
bool has_its_attributes(const Raster& raster);
DicomPixels pixels_of(const Raster& raster);

// Makes a data set that has the attributes of the source, or none, into that of the raster, without pixels.
void derive_attributes(DcmDataset& dataset, const Raster& raster, const PngText& text);

}  // namespace primal::codec
