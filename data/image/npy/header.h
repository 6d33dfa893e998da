// The header of a NumPy array file (.npy, versions 1 to 3): a Python dict literal with exactly the keys
// descr, fortran_order and shape. Only the text that numpy.save writes is accepted, give or take white space.
//
//   \x93NUMPY  major minor  length  {'descr': '<f4', 'fortran_order': False, ...}
//
// The length is little endian, of 2 bytes, or of 4 from version 2 on.
//
// Source:  numpy/lib/format.py, the description of the format (NEP 1).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image/raster/sample_type.h"

namespace primal::npy {

struct Header {
  SampleType type = SampleType::u8;
  bool big_endian = false, fortran_order = false;
  std::vector<uint64_t> shape;
  size_t data_offset = 0;
};

// The largest header that is read: numpy.load's own limit is 10000.
inline constexpr size_t kMaxHeaderBytes = 65536;

// From the first bytes of a file, kMaxHeaderBytes of them or all there are. DataError naming the byte.
Header parse_header(std::span<const uint8_t> start, const std::string& name);

// A version 1 header, padded so that the samples start at a multiple of 64 bytes, as numpy.save does it.
std::vector<uint8_t> encode_header(const Header& header);

}  // namespace primal::npy
