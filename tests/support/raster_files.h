// Files of rasters made by hand, byte by byte: NumPy arrays, NIfTI volumes, TIFFs, WebP chunks.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace primal::testing {

using FileBytes = std::vector<uint8_t>;

inline void append_text(FileBytes& out, const std::string& text) {
  out.insert(out.end(), text.begin(), text.end());
}

template <class T>
void append_number(FileBytes& out, T value, bool big_endian) {
  uint8_t raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  const bool swapped = big_endian != (std::endian::native == std::endian::big);
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(raw[swapped ? sizeof(T) - 1 - i : i]);
}

template <class T>
FileBytes numbers(const std::vector<T>& values, bool big_endian = false) {
  FileBytes out;
  for (const T value : values) append_number(out, value, big_endian);
  return out;
}

// The header text as it stands, with its length before it.
inline FileBytes make_npy(const std::string& header, const FileBytes& data, int version = 1) {
  FileBytes out{0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<uint8_t>(version), 0};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
    out.push_back(static_cast<uint8_t>(header.size() >> 8 * i));
  append_text(out, header);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

inline FileBytes make_npy(const std::string& type, bool fortran, const std::string& shape,
                          const FileBytes& data, int version = 1) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': (" + shape + "), }";
  const size_t fixed = version == 1 ? 10 : 12;
  while ((fixed + header.size() + 1) % 64 != 0) header += ' ';
  return make_npy(header + "\n", data, version);
}

struct NiftiKind {
  int16_t datatype = 4, bits = 16;
  std::vector<int16_t> extents = {3, 2, 1};
  float slope = 0.0f, inter = 0.0f, offset = 352.0f;
  bool big_endian = false;
  std::string magic = std::string("n+1\0", 4);
};

// With geometry that is not that of new files, so that losing it shows.
inline FileBytes make_nifti(const NiftiKind& kind, const FileBytes& data) {
  FileBytes out;
  append_number<int32_t>(out, 348, kind.big_endian);
  out.resize(40, 0);
  append_number(out, static_cast<int16_t>(kind.extents.size()), kind.big_endian);
  for (size_t i = 0; i < 7; ++i)
    append_number<int16_t>(out, i < kind.extents.size() ? kind.extents[i] : int16_t{1}, kind.big_endian);
  out.resize(70, 0);
  append_number(out, kind.datatype, kind.big_endian);
  append_number(out, kind.bits, kind.big_endian);
  out.resize(76, 0);
  for (int i = 0; i < 8; ++i) append_number(out, 0.5f + static_cast<float>(i), kind.big_endian);
  append_number(out, kind.offset, kind.big_endian);
  append_number(out, kind.slope, kind.big_endian);
  append_number(out, kind.inter, kind.big_endian);
  out.resize(252, 0);
  append_number<int16_t>(out, 1, kind.big_endian);  // qform
  append_number<int16_t>(out, 2, kind.big_endian);  // sform
  for (int i = 0; i < 18; ++i) append_number(out, 0.25f * static_cast<float>(i), kind.big_endian);
  out.resize(344, 0);
  append_text(out, kind.magic);
  out.resize(352, 0);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

using WebpChunk = std::pair<std::string, FileBytes>;  // four letters, and what follows their length

inline FileBytes make_webp(const std::vector<WebpChunk>& chunks) {
  FileBytes body;
  append_text(body, "WEBP");
  for (const auto& [kind, data] : chunks) {
    append_text(body, kind);
    append_number(body, static_cast<uint32_t>(data.size()), false);
    body.insert(body.end(), data.begin(), data.end());
    if (data.size() % 2 != 0) body.push_back(0);
  }
  FileBytes file;
  append_text(file, "RIFF");
  append_number(file, static_cast<uint32_t>(body.size()), false);
  file.insert(file.end(), body.begin(), body.end());
  return file;
}

struct TiffTag {
  uint16_t tag, type;  // type 3: two bytes, 4: four
  std::vector<uint32_t> values;
};

// Directories one after the other, each with its tags in the order given and the blocks of samples that
// StripOffsets (273) will name; the lengths of the blocks are StripByteCounts (279).
struct TiffDirectory {
  std::vector<TiffTag> tags;
  std::vector<FileBytes> strips;
};

inline FileBytes make_tiff(const std::vector<TiffDirectory>& directories, bool big_endian = false) {
  FileBytes out;
  append_text(out, big_endian ? "MM" : "II");
  append_number<uint16_t>(out, 42, big_endian);
  append_number<uint32_t>(out, 0, big_endian);
  size_t link = 4;  // where the offset of the next directory stands
  const auto put_u32 = [&](size_t at, uint32_t value) {
    FileBytes raw;
    append_number(raw, value, big_endian);
    std::memcpy(out.data() + at, raw.data(), 4);
  };
  for (const TiffDirectory& directory : directories) {
    std::vector<TiffTag> tags = directory.tags;
    TiffTag offsets{273, 4, {}}, counts{279, 4, {}};
    for (const FileBytes& strip : directory.strips) {
      offsets.values.push_back(static_cast<uint32_t>(out.size()));
      counts.values.push_back(static_cast<uint32_t>(strip.size()));
      out.insert(out.end(), strip.begin(), strip.end());
      if (out.size() % 2 != 0) out.push_back(0);
    }
    const auto add = [&](const TiffTag& tag) {
      size_t at = 0;
      while (at < tags.size() && tags[at].tag < tag.tag) ++at;
      tags.insert(tags.begin() + static_cast<std::ptrdiff_t>(at), tag);
    };
    add(offsets);
    add(counts);
    // Values that do not fit into an entry lie before the directory.
    std::vector<uint32_t> places;
    for (const TiffTag& tag : tags) {
      places.push_back(static_cast<uint32_t>(out.size()));
      if (tag.values.size() * (tag.type == 3 ? 2 : 4) <= 4) continue;
      for (const uint32_t value : tag.values) {
        if (tag.type == 3)
          append_number(out, static_cast<uint16_t>(value), big_endian);
        else
          append_number(out, value, big_endian);
      }
      if (out.size() % 2 != 0) out.push_back(0);
    }
    put_u32(link, static_cast<uint32_t>(out.size()));
    append_number(out, static_cast<uint16_t>(tags.size()), big_endian);
    for (size_t i = 0; i < tags.size(); ++i) {
      const TiffTag& tag = tags[i];
      append_number(out, tag.tag, big_endian);
      append_number(out, tag.type, big_endian);
      append_number(out, static_cast<uint32_t>(tag.values.size()), big_endian);
      const size_t start = out.size();
      if (tag.values.size() * (tag.type == 3 ? 2 : 4) > 4) append_number(out, places[i], big_endian);
      while (out.size() < start + 4 && tag.values.size() * (tag.type == 3 ? 2 : 4) <= 4) {
        const size_t k = (out.size() - start) / (tag.type == 3 ? 2 : 4);
        const uint32_t value = k < tag.values.size() ? tag.values[k] : 0;
        if (tag.type == 3)
          append_number(out, static_cast<uint16_t>(value), big_endian);
        else
          append_number(out, value, big_endian);
      }
    }
    link = out.size();
    append_number<uint32_t>(out, 0, big_endian);
  }
  return out;
}

// The tags that every directory needs, in one strip or one for each plane.
inline std::vector<TiffTag> tiff_tags(uint32_t width, uint32_t height, uint32_t bits, uint32_t format = 1,
                                      uint32_t photometric = 1, uint32_t samples = 1) {
  return {{256, 4, {width}},
          {257, 4, {height}},
          {258, 3, std::vector<uint32_t>(samples, bits)},
          {259, 3, {1}},
          {262, 3, {photometric}},
          {277, 3, {samples}},
          {278, 4, {height}},
          {339, 3, std::vector<uint32_t>(samples, format)}};
}

}  // namespace primal::testing
