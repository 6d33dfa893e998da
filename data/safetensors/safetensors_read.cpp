#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <string_view>
#include <zlib.h>

#include "data/file/file.h"
#include "data/file/half.h"
#include "data/file/kind.h"
#include "data/safetensors/header.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are copied from the file as they lie there");

using safetensors::FileType;
using safetensors::find_type;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation
constexpr size_t kLengthBytes = 8;

// Sorted by place, each tensor begins where the one before ended, from 0 to the end of the data.
void check_cover(const std::map<std::string, Safetensors::Entry>& entries, const std::string& file,
                 uint64_t data_bytes) {
  std::vector<std::pair<const std::string*, const Safetensors::Entry*>> order;
  for (const auto& [tensor, entry] : entries) order.emplace_back(&tensor, &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  uint64_t at = 0;
  for (const auto& [tensor, entry] : order) {
    if (entry->begin != at) {
      throw DataError("[safetensors] {}: tensor \"{}\" begins at byte {} of the data, expected {}: {}", file,
                      *tensor, entry->begin, at,
                      entry->begin < at ? "it overlaps another" : "there is a hole before it");
    }
    at = entry->end;
  }
  if (at != data_bytes) {
    throw DataError("[safetensors] {}: the tensors end at byte {} of the data, which has {}", file, at,
                    data_bytes);
  }
}

// The upper half of a float.
float from_bfloat(uint16_t upper) { return std::bit_cast<float>(static_cast<uint32_t>(upper) << 16); }

// out[i] = convert(i-th From of bytes).
template <class From, class To, class Convert>
void convert_each(const uint8_t* bytes, std::span<To> out, const Convert& convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    From value;
    std::memcpy(&value, bytes + i * sizeof(From), sizeof(From));
    out[i] = static_cast<To>(convert(value));
  }
}

constexpr auto kAsItIs = [](auto value) { return value; };

void check_kind(std::span<const uint8_t> start, const std::string& name) {
  const std::optional<FileKind> kind = kind_of(start, name);
  if (!kind || kind->name == "a safetensors file" || start.empty()) return;
  throw DataError("[safetensors] {} is {}, expected a file of tensors (.safetensors){}{}", name, kind->name,
                  kind->for_tensors ? ": " : "", kind->for_tensors ? kind->advice : "");
}

class Crc32 {
 public:
  void add(const std::string& name, std::span<const uint8_t> bytes) {
    value_ = crc32_z(value_, reinterpret_cast<const uint8_t*>(name.c_str()), name.size() + 1);
    value_ = crc32_z(value_, bytes.data(), bytes.size());
  }
  uint32_t value() const { return static_cast<uint32_t>(value_); }

 private:
  uLong value_ = crc32_z(0, nullptr, 0);
};

}  // namespace

Safetensors Safetensors::read(const std::filesystem::path& path) {
  const std::string name = path.string();
  return parse(
      read_file(path, kMaxFileBytes, [&](std::span<const uint8_t> start) { check_kind(start, name); }), name);
}

Safetensors Safetensors::parse(std::vector<uint8_t> bytes, const std::string& name) {
  if (bytes.size() < kLengthBytes) {
    throw DataError("[safetensors] {} has {} bytes, too few for the length of its header", name,
                    bytes.size());
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes) {
    throw DataError(
        "[safetensors] {}: the first 8 bytes announce a header of {} bytes, at most {} are read: not a "
        "safetensors file?",
        name, header_bytes, kMaxHeaderBytes);
  }
  if (header_bytes > bytes.size() - kLengthBytes) {
    throw DataError(
        "[safetensors] {} is truncated: a header of {} bytes is announced, the file has {} after its length",
        name, header_bytes, bytes.size() - kLengthBytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              static_cast<size_t>(header_bytes));
  if (!text.starts_with('{')) throw DataError("[safetensors] {}: the header does not start with '{{'", name);

  Safetensors file;
  file.name_ = name;
  file.data_start_ = kLengthBytes + header_bytes;
  const uint64_t data_bytes = bytes.size() - file.data_start_;
  safetensors::Header header = safetensors::parse_header(text, name, data_bytes);
  file.entries_ = std::move(header.entries);
  file.metadata_ = std::move(header.metadata);
  check_cover(file.entries_, name, data_bytes);
  file.bytes_ = std::move(bytes);
  return file;
}

uint32_t crc32_of(const TensorMap& tensors) {
  Crc32 crc;
  for (const auto& [name, tensor] : tensors)
    crc.add(name, {static_cast<const uint8_t*>(tensor.raw()), tensor.bytes()});
  return crc.value();
}

uint32_t Safetensors::crc32() const {
  Crc32 crc;
  for (const auto& [tensor, entry] : entries_)
    crc.add(tensor, std::span(bytes_).subspan(data_start_ + entry.begin, entry.end - entry.begin));
  return crc.value();
}

Tensor Safetensors::tensor(const std::string& tensor) const {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) {
    throw DataError("[safetensors] {} has no tensor \"{}\" among its {}", name_, tensor, entries_.size());
  }
  const Entry& entry = found->second;
  const FileType* type = find_type(entry.dtype);
  if (!type->ours) {
    throw DataError("[safetensors] {}: tensor \"{}\" has type {}; F32, F64, I64, I32 and U8 can be loaded",
                    name_, tensor, entry.dtype);
  }
  if (entry.shape.size() > static_cast<size_t>(Shape::kMaxRank)) {
    throw DataError("[safetensors] {}: tensor \"{}\" has {} axes, at most {} can be loaded", name_, tensor,
                    entry.shape.size(), Shape::kMaxRank);
  }
  const Tensor t = Tensor::empty(Shape(std::span<const int64_t>(entry.shape)), *type->ours);
  if (entry.end > entry.begin)
    std::memcpy(t.raw(), bytes_.data() + data_start_ + entry.begin, entry.end - entry.begin);
  return t;
}

bool Safetensors::has_values(const std::string& tensor) const {
  const FileType* type = find_type(entries_.at(tensor).dtype);
  return type->ours || type->widened;
}

Tensor Safetensors::values(const std::string& tensor) const {
  const Entry& entry = entries_.at(tensor);
  const FileType* type = find_type(entry.dtype);
  const std::optional<DType> dtype = type->ours ? type->ours : type->widened;
  if (!dtype)
    throw DataError("[safetensors] {}: the values of type {} of tensor \"{}\" are not read", name_,
                    entry.dtype, tensor);
  const Tensor t = Tensor::empty({static_cast<int64_t>(entry.elements)}, *dtype);
  if (entry.elements == 0) return t;
  const uint8_t* const bytes = bytes_.data() + data_start_ + entry.begin;
  if (type->ours) {
    std::memcpy(t.raw(), bytes, entry.end - entry.begin);
  } else if (entry.dtype == "F16") {
    convert_each<uint16_t>(bytes, t.span<float>(), from_half);
  } else if (entry.dtype == "BF16") {
    convert_each<uint16_t>(bytes, t.span<float>(), from_bfloat);
  } else if (entry.dtype == "I8") {
    convert_each<int8_t>(bytes, t.span<int32_t>(), kAsItIs);
  } else if (entry.dtype == "BOOL") {
    convert_each<uint8_t>(bytes, t.span<int32_t>(), kAsItIs);
  } else if (entry.dtype == "I16") {
    convert_each<int16_t>(bytes, t.span<int32_t>(), kAsItIs);
  } else if (entry.dtype == "U16") {
    convert_each<uint16_t>(bytes, t.span<int32_t>(), kAsItIs);
  } else {  // U32
    convert_each<uint32_t>(bytes, t.span<int64_t>(), kAsItIs);
  }
  return t;
}

TensorMap Safetensors::tensors() const {
  TensorMap all;
  for (const auto& [key, entry] : entries_) all[key] = tensor(key);
  return all;
}

}  // namespace primal
