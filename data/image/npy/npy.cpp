#include "data/image/npy/npy.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/file/file.h"
#include "data/image/npy/header.h"
#include "data/image/raster/extent.h"
#include "data/table/zip_archive.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

using Shape = std::vector<uint64_t>;

constexpr uint64_t kColours = 3;

bool is_in_colour(const Shape& shape) { return shape.size() >= 3 && shape.back() == kColours; }

// A single picture with a last axis for its channels, of which there are as many as no RGB has.
bool has_other_channels(const Shape& shape) {
  return shape.size() == 3 && std::min(shape[0], shape[1]) >= uint64_t{kLeastChannelsSide} &&
         (shape[2] == 1 || shape[2] == 2 || shape[2] == 4);
}

void check_shape(const Shape& shape, const std::string& name) {
  if (has_other_channels(shape)) {
    throw DataError(
        "[npy] {} has the shape ({}), which is {}: save array[:, :, {}] alone, or pages that are {} pixel{} "
        "wide as TIFF",
        name, fmt::join(shape, ", "),
        shape[2] == 1   ? "a grey picture with an axis for its channel"
        : shape[2] == 2 ? "a grey picture with alpha"
                        : "a picture in colour with alpha",
        shape[2] == 4 ? ":3" : "0", shape[2], shape[2] == 1 ? "" : "s");
  }
  if (shape.size() == 2 || shape.size() == 3 || (shape.size() == 4 && is_in_colour(shape))) return;
  throw DataError(
      "[npy] {} has the shape ({}), expected (height, width), (height, width, 3) for a picture in colour, "
      "(pages, height, width) or (pages, height, width, 3)",
      name, fmt::join(shape, ", "));
}

// The extents of a header as a raster without samples. DataError unless they are those of a picture.
Raster described(const npy::Header& header, uint64_t file_bytes, const std::string& name) {
  const Shape& shape = header.shape;
  check_shape(shape, name);
  const bool in_colour = is_in_colour(shape);
  const size_t rank = shape.size() - (in_colour ? 1 : 0);  // without the axis of the channels
  const Extent extent{rank == 3 ? shape[0] : 1, shape[rank - 1], shape[rank - 2],
                      bytes_of(header.type) * (in_colour ? kColours : 1)};
  check_volume(name, "npy", extent, file_bytes, 1.0);
  Raster raster{.format = PictureFormat::npy,
                .width = static_cast<int64_t>(extent.width),
                .height = static_cast<int64_t>(extent.height),
                .pages = static_cast<int64_t>(extent.pages),
                .channels = in_colour ? 3 : 1,
                .type = header.type,
                .white = usual_white(header.type)};
  raster.origin = NpyOrigin{
      .big_endian = header.big_endian, .fortran_order = header.fortran_order, .has_pages = rank == 3};
  const uint64_t expected = header.data_offset + raster.n_samples() * bytes_of(raster.type);
  if (file_bytes != expected) {
    throw DataError("[npy] {} has {} bytes, expected {}: {} of header and {} values of {}", name, file_bytes,
                    expected, header.data_offset, raster.n_samples(), name_of(raster.type));
  }
  return raster;
}

// Calls copy(c, f) for each sample: its place in C order [p, y, x, k] and in Fortran order, where p runs
// fastest and the channel k slowest.
template <class Copy>
void for_each_fortran(const Raster& raster, const Copy& copy) {
  const auto pages = static_cast<size_t>(raster.pages), height = static_cast<size_t>(raster.height),
             width = static_cast<size_t>(raster.width), channels = static_cast<size_t>(raster.channels);
  size_t c = 0;
  for (size_t p = 0; p < pages; ++p)
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x)
        for (size_t k = 0; k < channels; ++k) copy(c++, p + pages * (y + height * (x + width * k)));
}

void fill(Raster& raster, const uint8_t* data) {
  const auto& origin = std::get<NpyOrigin>(raster.origin);
  allocate(raster);
  const size_t size = bytes_of(raster.type);
  uint8_t* const to = raster.samples.data();
  if (origin.fortran_order) {
    for_each_fortran(raster, [&](size_t c, size_t f) { std::memcpy(to + c * size, data + f * size, size); });
  } else {
    std::memcpy(to, data, raster.samples.size());
  }
  if (origin.big_endian != kNativeIsBig) swap_bytes(raster.samples, size);
}

NpyOrigin origin_of(const Raster& raster) {
  const auto* origin = std::get_if<NpyOrigin>(&raster.origin);
  return origin == nullptr ? NpyOrigin{} : *origin;
}

Shape shape_of(const Raster& raster) {
  Shape shape;
  if (raster.pages > 1 || origin_of(raster).has_pages) shape.push_back(static_cast<uint64_t>(raster.pages));
  shape.push_back(static_cast<uint64_t>(raster.height));
  shape.push_back(static_cast<uint64_t>(raster.width));
  if (raster.channels > 1) shape.push_back(static_cast<uint64_t>(raster.channels));
  return shape;
}

constexpr double kUnpackedRatio = kDeflateRatio + 1.0;  // a few bytes more than deflate's own limit

}  // namespace

bool is_npy(std::span<const uint8_t> start) {
  return start.size() >= 6 && std::memcmp(start.data(), "\x93NUMPY", 6) == 0;
}

bool is_npz(std::span<const uint8_t> start) {
  if (start.size() < 30 || std::memcmp(start.data(), "PK\3\4", 4) != 0) return false;
  const size_t length = start[26] | static_cast<size_t>(start[27]) << 8;
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  return start.size() >= 30 + length && text.substr(30, length).ends_with(".npy");
}

Raster decode_npy(std::span<const uint8_t> bytes, const std::string& name) {
  const npy::Header header =
      npy::parse_header(bytes.first(std::min(bytes.size(), npy::kMaxHeaderBytes)), name);
  Raster raster = described(header, bytes.size(), name);
  fill(raster, bytes.data() + header.data_offset);
  return raster;
}

Raster decode_npz(std::span<const uint8_t> bytes, const std::string& name) {
  // The header of the array is looked at before the rest is unpacked.
  table::ZipReader archive(bytes, name, kMaxFileBytes, kUnpackedRatio);
  const std::vector<std::string> entries = archive.names();
  if (entries.size() != 1) {
    throw DataError(
        "[npz] {} holds {} arrays, expected one: save the picture alone, with numpy.save or "
        "numpy.savez(file, picture)",
        name, entries.size());
  }
  const table::ZipReader::PartSize size = archive.size_of(entries[0]);
  const std::string start = archive.part_start(entries[0], npy::kMaxHeaderBytes);
  const npy::Header header =
      npy::parse_header({reinterpret_cast<const uint8_t*>(start.data()), start.size()}, name);
  Raster raster = described(header, size.unpacked, name);
  const std::optional<std::string> whole = archive.part(entries[0]);
  fill(raster, reinterpret_cast<const uint8_t*>(whole->data()) + header.data_offset);
  auto& origin = std::get<NpyOrigin>(raster.origin);
  origin.entry = entries[0];
  origin.is_deflated = size.is_packed;
  raster.format = PictureFormat::npz;
  return raster;
}

void check_array(const Raster& raster, const std::string& name) {
  const Shape shape = shape_of(raster);
  const bool would_be_colour = is_in_colour(shape) && raster.channels == 1;
  if (!would_be_colour && !has_other_channels(shape)) return;
  throw DataError(
      "[npy] {} has {} page{} of {} x {} pixels, and an array of the shape ({}) is read as a picture with {} "
      "channel{}: give --format tiff or nii",
      name, raster.pages, raster.pages == 1 ? "" : "s", raster.width, raster.height, fmt::join(shape, ", "),
      shape.back(), shape.back() == 1 ? "" : "s");
}

std::vector<uint8_t> encode_npy(const Raster& raster) {
  const NpyOrigin origin = origin_of(raster);
  npy::Header header{.type = raster.type,
                     .big_endian = origin.big_endian,
                     .fortran_order = origin.fortran_order,
                     .shape = shape_of(raster)};
  std::vector<uint8_t> out = npy::encode_header(header);
  const size_t start = out.size(), size = bytes_of(raster.type);
  out.resize(start + raster.samples.size());
  if (origin.fortran_order) {
    for_each_fortran(raster, [&](size_t c, size_t f) {
      std::memcpy(out.data() + start + f * size, raster.samples.data() + c * size, size);
    });
  } else {
    std::memcpy(out.data() + start, raster.samples.data(), raster.samples.size());
  }
  if (origin.big_endian != kNativeIsBig) swap_bytes(std::span(out).subspan(start), size);
  return out;
}

std::vector<uint8_t> encode_npz(const Raster& raster) {
  const NpyOrigin origin = origin_of(raster);
  const std::vector<uint8_t> array = encode_npy(raster);
  return table::make_zip({{origin.entry.empty() ? "arr_0.npy" : origin.entry,
                           std::string(reinterpret_cast<const char*>(array.data()), array.size())}},
                         origin.is_deflated ? table::Packing::deflated : table::Packing::stored);
}

}  // namespace primal::codec
