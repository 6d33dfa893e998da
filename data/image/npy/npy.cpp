#include "data/image/npy/npy.h"

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

// The extents of a header as a raster without samples. DataError unless they are those of a picture.
Raster described(const npy::Header& header, uint64_t file_bytes, const std::string& name) {
  const std::vector<uint64_t>& shape = header.shape;
  if (shape.size() != 2 && shape.size() != 3) {
    throw DataError(
        "[npy] {} has the shape ({}), expected (height, width) for a picture or (pages, height, width)", name,
        fmt::join(shape, ", "));
  }
  const Extent extent{shape.size() == 3 ? shape[0] : 1, shape[shape.size() - 1], shape[shape.size() - 2],
                      bytes_of(header.type)};
  check_volume(name, "npy", extent, file_bytes, 1.0);
  Raster raster{.format = PictureFormat::npy,
                .width = static_cast<int64_t>(extent.width),
                .height = static_cast<int64_t>(extent.height),
                .pages = static_cast<int64_t>(extent.pages),
                .type = header.type,
                .white = usual_white(header.type)};
  raster.origin = NpyOrigin{.big_endian = header.big_endian,
                            .fortran_order = header.fortran_order,
                            .rank = static_cast<int>(shape.size())};
  const uint64_t expected = header.data_offset + raster.n_samples() * bytes_of(raster.type);
  if (file_bytes != expected) {
    throw DataError("[npy] {} has {} bytes, expected {}: {} of header and {} values of {}", name, file_bytes,
                    expected, header.data_offset, raster.n_samples(), name_of(raster.type));
  }
  return raster;
}

// Calls copy(c, f) for each sample: its place in C order [p, y, x] and in Fortran order, where p runs
// fastest.
template <class Copy>
void for_each_fortran(const Raster& raster, const Copy& copy) {
  const auto pages = static_cast<size_t>(raster.pages), height = static_cast<size_t>(raster.height),
             width = static_cast<size_t>(raster.width);
  size_t c = 0;
  for (size_t p = 0; p < pages; ++p)
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x) copy(c++, p + pages * (y + height * x));
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
  NpyOrigin result = origin == nullptr ? NpyOrigin{} : *origin;
  if (result.rank == 0) result.rank = raster.pages == 1 ? 2 : 3;
  return result;
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

std::vector<uint8_t> encode_npy(const Raster& raster) {
  const NpyOrigin origin = origin_of(raster);
  npy::Header header{.type = raster.type,
                     .big_endian = origin.big_endian,
                     .fortran_order = origin.fortran_order,
                     .shape = {static_cast<uint64_t>(raster.height), static_cast<uint64_t>(raster.width)}};
  if (origin.rank == 3) header.shape.insert(header.shape.begin(), static_cast<uint64_t>(raster.pages));
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
