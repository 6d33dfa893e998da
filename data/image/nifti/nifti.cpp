#include "data/image/nifti/nifti.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <zlib.h>

#include "data/file/file.h"
#include "data/idx/gzip.h"
#include "data/image/raster/extent.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr size_t kHeaderBytes = 348, kDim = 40, kDatatype = 70, kBitpix = 72, kPixdim = 76, kVoxOffset = 108,
                 kSlope = 112, kInter = 116, kMagic = 344;

struct Type {
  int16_t code;
  SampleType type;
};
constexpr std::array kTypes{Type{2, SampleType::u8},    Type{4, SampleType::i16},  Type{8, SampleType::i32},
                            Type{16, SampleType::f32},  Type{64, SampleType::f64}, Type{256, SampleType::i8},
                            Type{512, SampleType::u16}, Type{768, SampleType::u32}};

template <class T>
T number_at(std::span<const uint8_t> bytes, size_t offset, bool big_endian) {
  std::array<uint8_t, sizeof(T)> raw;
  std::memcpy(raw.data(), bytes.data() + offset, sizeof(T));
  if (big_endian != kNativeIsBig) std::reverse(raw.begin(), raw.end());
  return std::bit_cast<T>(raw);
}

template <class T>
void put_at(std::span<uint8_t> bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

bool has_magic(std::span<const uint8_t> start, const char* magic) {
  return start.size() >= kHeaderBytes && std::memcmp(start.data() + kMagic, magic, 4) == 0;
}

struct Header {
  Raster raster;  // without samples
  uint64_t data_offset = 0;
  uint64_t total_bytes() const { return data_offset + raster.n_samples() * bytes_of(raster.type); }
};

SampleType type_of(int16_t code, const std::string& name) {
  for (const Type& type : kTypes) {
    if (type.code == code) return type.type;
  }
  throw DataError(
      "[nifti] {} at byte {}: datatype {}, expected 2 (uint8), 4 (int16), 8 (int32), 16 (float32), 64 "
      "(float64), 256 (int8), 512 (uint16) or 768 (uint32)",
      name, kDatatype, code);
}

Extent extent_of(std::span<const uint8_t> start, bool big_endian, const std::string& name) {
  std::array<int16_t, 8> dim;
  for (size_t i = 0; i < dim.size(); ++i) dim[i] = number_at<int16_t>(start, kDim + 2 * i, big_endian);
  if (dim[0] < 1 || dim[0] > 7)
    throw DataError("[nifti] {} at byte {}: {} axes, expected 1 .. 7", name, kDim, dim[0]);
  Extent extent{1, 1, 1, 1};
  for (int16_t i = 1; i <= dim[0]; ++i) {
    const int16_t n = dim[static_cast<size_t>(i)];
    if (n < 1) throw DataError("[nifti] {}: axis {} has {} samples, expected at least 1", name, i, n);
    if (i == 1) extent.width = static_cast<uint64_t>(n);
    if (i == 2) extent.height = static_cast<uint64_t>(n);
    if (i == 3) extent.pages = static_cast<uint64_t>(n);
    if (i > 3 && n > 1)
      throw DataError(
          "[nifti] {} has {} samples along axis {}, expected one volume of three axes: split it first, for "
          "example with fslsplit",
          name, n, i);
  }
  return extent;
}

// `start`: at least the header. `file_bytes` unpack to at most `ratio` times as many.
Header parse_header(std::span<const uint8_t> start, uint64_t file_bytes, double ratio,
                    const std::string& name) {
  const bool big_endian = number_at<int32_t>(start, 0, kNativeIsBig) != 348 ? !kNativeIsBig : kNativeIsBig;
  if (number_at<int32_t>(start, 0, big_endian) != 348)
    throw DataError("[nifti] {} at byte 0: the header's size is {}, expected 348", name,
                    number_at<int32_t>(start, 0, kNativeIsBig));
  Extent extent = extent_of(start, big_endian, name);
  Header header;
  header.raster.type = type_of(number_at<int16_t>(start, kDatatype, big_endian), name);
  extent.bytes_per_pixel = bytes_of(header.raster.type);
  const int16_t bits = number_at<int16_t>(start, kBitpix, big_endian);
  if (bits != static_cast<int16_t>(8 * extent.bytes_per_pixel))
    throw DataError("[nifti] {} at byte {}: {} bits per sample, expected {} for {}", name, kBitpix, bits,
                    8 * extent.bytes_per_pixel, name_of(header.raster.type));
  const float offset = number_at<float>(start, kVoxOffset, big_endian);
  if (!(offset >= 348.0f) || offset != std::floor(offset) ||
      static_cast<double>(offset) > ratio * static_cast<double>(file_bytes))
    throw DataError(
        "[nifti] {} at byte {}: the samples start at {}, expected a byte of the file, 352 or later", name,
        kVoxOffset, offset);
  header.data_offset = static_cast<uint64_t>(offset);
  check_volume(name, "nifti", extent, file_bytes, ratio);
  header.raster.format = PictureFormat::nifti;
  header.raster.width = static_cast<int64_t>(extent.width);
  header.raster.height = static_cast<int64_t>(extent.height);
  header.raster.pages = static_cast<int64_t>(extent.pages);
  const double slope = number_at<float>(start, kSlope, big_endian),
               inter = number_at<float>(start, kInter, big_endian);
  if (std::isfinite(slope) && slope != 0.0) {
    if (!std::isfinite(inter))
      throw DataError("[nifti] {} at byte {}: scl_inter is {}, expected a finite number", name, kInter,
                      inter);
    header.raster.slope = slope;
    header.raster.offset = inter;
  }
  header.raster.white = header.raster.is_rescaled() ? 0.0 : usual_white(header.raster.type);
  header.raster.origin = NiftiOrigin{.big_endian = big_endian, .head = {}};
  return header;
}

Raster decode_plain(std::span<const uint8_t> bytes, Header header, const std::string& name) {
  Raster& raster = header.raster;
  if (bytes.size() < header.total_bytes())
    throw DataError(
        "[nifti] {} is truncated: it has {} bytes, expected {}: {} of header and {} samples of {}", name,
        bytes.size(), header.total_bytes(), header.data_offset, raster.n_samples(), name_of(raster.type));
  auto& origin = std::get<NiftiOrigin>(raster.origin);
  const auto data = bytes.begin() + static_cast<std::ptrdiff_t>(header.data_offset);
  origin.head.assign(bytes.begin(), data);
  raster.samples.assign(data, bytes.begin() + static_cast<std::ptrdiff_t>(header.total_bytes()));
  if (origin.big_endian != kNativeIsBig) swap_bytes(raster.samples, bytes_of(raster.type));
  if (bytes.size() > header.total_bytes())
    raster.remarks.push_back(
        fmt::format("{} bytes follow its samples and are left out", bytes.size() - header.total_bytes()));
  return std::move(raster);
}

void check_pair(std::span<const uint8_t> start, const std::string& name) {
  if (has_magic(start, "ni1"))
    throw DataError(
        "[nifti] {} is the header of a pair of files (.hdr, .img), expected one file: make it one, for "
        "example with Python: nibabel.save(nibabel.load('{}'), 'volume.nii')",
        name, name);
}

// A header of this machine's byte order for a picture that had none.
std::vector<uint8_t> new_head(const Raster& raster) {
  std::vector<uint8_t> head(kHeaderBytes + 4);
  put_at<int32_t>(head, 0, 348);
  const std::array<int64_t, 8> dim{3, raster.width, raster.height, raster.pages, 1, 1, 1, 1};
  for (size_t i = 0; i < dim.size(); ++i) {
    if (dim[i] > INT16_MAX)
      throw ConfigError("[nifti] a side of {} samples: NIfTI-1 holds at most {}", dim[i], INT16_MAX);
    put_at(head, kDim + 2 * i, static_cast<int16_t>(dim[i]));
    put_at(head, kPixdim + 4 * i, 1.0f);
  }
  for (const Type& type : kTypes) {
    if (type.type == raster.type) put_at(head, kDatatype, type.code);
  }
  put_at(head, kBitpix, static_cast<int16_t>(8 * bytes_of(raster.type)));
  put_at(head, kVoxOffset, static_cast<float>(head.size()));
  if (raster.is_rescaled()) {
    put_at(head, kSlope, static_cast<float>(raster.slope));
    put_at(head, kInter, static_cast<float>(raster.offset));
  }
  std::memcpy(head.data() + kMagic, "n+1", 4);
  return head;
}

}  // namespace

bool is_nifti(std::span<const uint8_t> start) { return has_magic(start, "n+1") || has_magic(start, "ni1"); }

bool is_nifti_gz(std::span<const uint8_t> start) {
  if (!is_gzip(start)) return false;
  try {
    return is_nifti(gunzip_start(start, "", kHeaderBytes));
  } catch (const DataError&) {
    return false;
  }
}

// The size of the header, 540 in either byte order, then eight bytes that transfers as text would damage.
bool is_nifti2(std::span<const uint8_t> start) {
  if (start.size() < kNifti2SignBytes) return false;
  const auto has_sign = [&](const char* sign) { return std::memcmp(start.data() + 4, sign, 8) == 0; };
  return has_sign("n+2\0\r\n\x1a\n") || has_sign("ni2\0\r\n\x1a\n");
}

Raster decode_nifti(std::span<const uint8_t> bytes, const std::string& name) {
  check_pair(bytes, name);
  return decode_plain(bytes, parse_header(bytes, bytes.size(), 1.0, name), name);
}

Raster decode_nifti_gz(std::span<const uint8_t> bytes, const std::string& name) {
  const std::vector<uint8_t> start = gunzip_start(bytes, name, kHeaderBytes);
  check_pair(start, name);
  Header header = parse_header(start, bytes.size(), kDeflateRatio, name);
  const std::vector<uint8_t> plain = gunzip(bytes, name, header.total_bytes());
  Raster raster = decode_plain(plain, std::move(header), name);
  raster.format = PictureFormat::nifti_gz;
  return raster;
}

std::vector<uint8_t> encode_nifti(const Raster& raster) {
  const auto* origin = std::get_if<NiftiOrigin>(&raster.origin);
  std::vector<uint8_t> out = origin == nullptr ? new_head(raster) : origin->head;
  const size_t start = out.size();
  out.insert(out.end(), raster.samples.begin(), raster.samples.end());
  if (origin != nullptr && origin->big_endian != kNativeIsBig)
    swap_bytes(std::span(out).subspan(start), bytes_of(raster.type));
  return out;
}

std::vector<uint8_t> encode_nifti_gz(const Raster& raster) {
  const std::vector<uint8_t> plain = encode_nifti(raster);
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw DeviceError("[nifti] no memory to compress {} bytes", plain.size());
  std::vector<uint8_t> out;
  std::array<uint8_t, 1 << 16> buffer;
  size_t given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    constexpr size_t kMost = size_t{1} << 30;
    if (stream.avail_in == 0 && given < plain.size()) {
      const size_t n = std::min(kMost, plain.size() - given);
      stream.next_in = const_cast<Bytef*>(plain.data() + given);
      stream.avail_in = static_cast<uInt>(n);
      given += n;
    }
    stream.next_out = buffer.data();
    stream.avail_out = buffer.size();
    status = deflate(&stream, given == plain.size() ? Z_FINISH : Z_NO_FLUSH);
    out.insert(out.end(), buffer.begin(),
               buffer.begin() + static_cast<std::ptrdiff_t>(buffer.size() - stream.avail_out));
  }
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw DeviceError("[nifti] cannot compress {} bytes", plain.size());
  return out;
}

}  // namespace primal::codec
