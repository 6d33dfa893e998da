#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <zlib.h>

#include "data/file/file.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are copied from the file as they lie there");

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation

struct FileType {
  std::string_view name;
  uint64_t bytes;
  std::optional<DType> ours;
};
constexpr std::array<FileType, 16> kTypes{{{"F64", 8, DType::f64},
                                           {"F32", 4, DType::f32},
                                           {"I64", 8, DType::i64},
                                           {"I32", 4, DType::i32},
                                           {"U8", 1, DType::u8},
                                           {"BOOL", 1, {}},
                                           {"I8", 1, {}},
                                           {"F8_E4M3", 1, {}},
                                           {"F8_E5M2", 1, {}},
                                           {"I16", 2, {}},
                                           {"U16", 2, {}},
                                           {"F16", 2, {}},
                                           {"BF16", 2, {}},
                                           {"U32", 4, {}},
                                           {"U64", 8, {}},
                                           {"C64", 8, {}}}};

const FileType* find_type(std::string_view name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const FileType& t) { return t.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

// JSON with two rules of this format: no key twice in an object, and nothing deeper than a tensor's lists of
// numbers.
Json parse_header(std::string_view text, const std::string& file) {
  constexpr int kMaxDepth = 3;
  std::vector<std::set<std::string>> keys;  // one set per open object
  const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
    switch (event) {
      case Json::parse_event_t::object_start:
        keys.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        keys.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!keys.back().insert(value.get<std::string>()).second) {
          throw DataError("[safetensors] {}: the header has the key {} twice", file, value.dump());
        }
        break;
      default:
        break;
    }
    if (depth > kMaxDepth)
      throw DataError("[safetensors] {}: the header is nested deeper than {}", file, kMaxDepth);
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    // The parser quotes the text around, which may be all metadata.
    throw DataError("[safetensors] {}: the header is not JSON: {:.160}", file, error.what());
  }
}

// The n-th number of a list as a whole number of at least 0.
uint64_t whole_number(const Json& list, size_t n, const std::string& where, const char* what) {
  if (!list[n].is_number_unsigned()) {
    throw DataError("{}: {} needs whole numbers of at least 0, found {}", where, what, list[n].dump());
  }
  return list[n].get<uint64_t>();
}

Safetensors::Entry read_entry(const Json& json, const std::string& where, uint64_t data_bytes) {
  const auto member = [&](const char* key, bool (Json::*is_kind)() const noexcept,
                          const char* kind) -> const Json& {
    const auto found = json.is_object() ? json.find(key) : json.end();
    if (found == json.end() || !((*found).*is_kind)())
      throw DataError("{} needs \"{}\", {}", where, key, kind);
    return *found;
  };
  Safetensors::Entry entry;
  entry.dtype = member("dtype", &Json::is_string, "a text").get<std::string>();
  const FileType* type = find_type(entry.dtype);
  if (type == nullptr) throw DataError("{} has the unknown element type \"{}\"", where, entry.dtype);

  const Json& shape = member("shape", &Json::is_array, "a list");
  uint64_t n_bytes = type->bytes;
  for (size_t a = 0; a < shape.size(); ++a) {
    const uint64_t extent = whole_number(shape, a, where, "shape");
    if (__builtin_mul_overflow(n_bytes, extent, &n_bytes) || extent > INT64_MAX || n_bytes > INT64_MAX) {
      throw DataError("{} has more elements than a file can hold: shape {}", where, shape.dump());
    }
    entry.shape.push_back(static_cast<int64_t>(extent));
  }
  const Json& offsets = member("data_offsets", &Json::is_array, "a list");
  if (offsets.size() != 2) throw DataError("{} needs two data_offsets, found {}", where, offsets.dump());
  entry.begin = whole_number(offsets, 0, where, "data_offsets");
  entry.end = whole_number(offsets, 1, where, "data_offsets");
  if (entry.begin > entry.end || entry.end > data_bytes) {
    throw DataError("{} lies at bytes {} of the data, of which the file has {}: truncated? copy it again",
                    where, offsets.dump(), data_bytes);
  }
  if (entry.end - entry.begin != n_bytes) {
    throw DataError("{} of type {} and shape {} needs {} bytes, its data_offsets {} span {}", where,
                    entry.dtype, shape.dump(), n_bytes, offsets.dump(), entry.end - entry.begin);
  }
  return entry;
}

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

Metadata read_metadata(const Json& json, const std::string& file) {
  if (!json.is_object())
    throw DataError("[safetensors] {}: __metadata__ needs an object, found {}", file, json.dump());
  Metadata metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      throw DataError("[safetensors] {}: __metadata__ needs texts, \"{}\" is {}", file, key, value.dump());
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
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
  return parse(read_file(path), path.string());
}

Safetensors Safetensors::parse(std::vector<uint8_t> bytes, const std::string& name) {
  constexpr uint64_t kLengthBytes = 8;
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
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                static_cast<size_t>(header_bytes));
  if (!header.starts_with('{'))
    throw DataError("[safetensors] {}: the header does not start with '{{'", name);
  const Json json = parse_header(header, name);

  Safetensors file;
  file.name_ = name;
  file.data_start_ = kLengthBytes + header_bytes;
  const uint64_t data_bytes = bytes.size() - file.data_start_;
  for (const auto& [key, value] : json.items()) {
    if (key == "__metadata__") {
      file.metadata_ = read_metadata(value, name);
    } else {
      const std::string where = fmt::format("[safetensors] {}: tensor \"{}\"", name, key);
      file.entries_[key] = read_entry(value, where, data_bytes);
    }
  }
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

TensorMap Safetensors::tensors() const {
  TensorMap all;
  for (const auto& [key, entry] : entries_) all[key] = tensor(key);
  return all;
}

}  // namespace primal
