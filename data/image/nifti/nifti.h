// NIfTI-1 volumes in one file (.nii), plain or compressed with gzip (.nii.gz). Each slice along the third
// axis is a page: x runs along a row, y down the rows as they lie in the file, z from page to page.
//
//   header of 348 bytes in either byte order:  dim (byte 40), datatype (70), pixdim (76), vox_offset (108),
//                                              scl_slope (112), scl_inter (116)
//   value = scl_slope * sample + scl_inter     a slope of 0 or one that is no finite number means that there
//                                              is no scale
//   u8, i16, u16, i32, f32, f64, and i8, u32; up to three axes of more than one sample
//
// All bytes before the samples (header with qform, sform and pixdim, and extensions) come back as they are,
// so that the geometry is the same to the last bit. A picture that was no NIfTI file gets a header with
// pixels of 1 and no orientation.
// Errors:  DataError naming the file, the byte, what was expected and found.
// Source:  nifti1.h, the definition of the format by the NIfTI data format working group.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

// The header itself, or gzip data that unpack to one; `start` has kFileStartBytes of the file or all.
bool is_nifti(std::span<const uint8_t> start);
bool is_nifti_gz(std::span<const uint8_t> start);

// A header of NIfTI-2, which is not read: by its first kNifti2SignBytes bytes.
inline constexpr size_t kNifti2SignBytes = 12;
bool is_nifti2(std::span<const uint8_t> start);

Raster decode_nifti(std::span<const uint8_t> bytes, const std::string& name);
Raster decode_nifti_gz(std::span<const uint8_t> bytes, const std::string& name);

// f16 is no type of NIfTI: the caller has made it f32.
std::vector<uint8_t> encode_nifti(const Raster& raster);
std::vector<uint8_t> encode_nifti_gz(const Raster& raster);

}  // namespace primal::codec
