#include "data/idx/idx.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "data/file/file.h"
#include "data/file/kind.h"
#include "data/idx/gzip.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxAxes = 4, kMagicBytes = 4;
constexpr uint8_t kUnsignedBytes = 0x08;
constexpr uint64_t kMaxDeflateRatio = 1032;  // of zlib's format: no byte stands for more

struct Header {
  std::vector<int64_t> extents;
  uint64_t bytes = 0, n_values = 0;
};

const char* type_name(uint8_t type) {
  switch (type) {
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "16-bit integers";
    case 0x0c:
      return "32-bit integers";
    case 0x0d:
      return "32-bit floating-point numbers";
    case 0x0e:
      return "64-bit floating-point numbers";
    default:
      return nullptr;
  }
}

size_t check_magic(std::span<const uint8_t> start, const std::string& name) {
  if (start.empty()) throw DataError("[idx] {} is empty", name);
  if (start.size() < kMagicBytes)
    throw DataError("[idx] {} has only {} bytes, no magic number", name, start.size());
  const uint8_t type = start[2];
  if (start[0] == 0 && start[1] == 0 && type_name(type) != nullptr)
    throw DataError("[idx] {} holds {} (type {:02x}), expected unsigned bytes (08)", name, type_name(type),
                    type);
  if (start[0] != 0 || start[1] != 0 || type != kUnsignedBytes) {
    const std::optional<FileKind> kind = kind_of(start.first(std::min(start.size(), kFileStartBytes)), name);
    throw DataError("[idx] {} is no IDX file: {}, expected 00 00 08 and the number of axes", name,
                    kind ? "it is " + kind->name : hex_start(start));
  }
  const size_t n_axes = start[3];
  if (n_axes < 1 || n_axes > kMaxAxes)
    throw DataError("[idx] {} has {} axes, expected 1 to {}", name, n_axes, kMaxAxes);
  return n_axes;
}

// The start of a file, unpacked; `most` is how many bytes the whole may have.
Header read_header(std::span<const uint8_t> start, const std::string& name, uint64_t most) {
  const size_t n_axes = check_magic(start, name);
  Header header{{}, kMagicBytes + 4 * n_axes, 1};
  if (start.size() < header.bytes) {
    throw DataError("[idx] {} has only {} bytes, its header of {} axes takes {}", name, start.size(), n_axes,
                    header.bytes);
  }
  for (size_t a = 0; a < n_axes; ++a) {
    const uint8_t* at = start.data() + kMagicBytes + 4 * a;
    const uint32_t extent =
        uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
    header.extents.push_back(extent);
    if (extent == 0) throw DataError("[idx] {}: axis {} has the extent 0", name, a);
    // Both factors are below 2^32, as every product so far was no more than `most`.
    header.n_values *= extent;
    if (header.n_values > most) {
      throw DataError("[idx] {}: its header says {}, which is more than the file can hold, {} bytes", name,
                      fmt::join(header.extents, " x "), most);
    }
  }
  return header;
}

}  // namespace

IdxArray parse_idx(std::span<const uint8_t> bytes, const std::string& name) {
  std::vector<uint8_t> unpacked;
  std::span<const uint8_t> all = bytes;
  Header header;
  if (is_gzip(bytes)) {
    const uint64_t most = std::min(kMaxIdxBytes, kMaxDeflateRatio * bytes.size());
    header = read_header(gunzip_start(bytes, name, kFileStartBytes), name, most);
    unpacked = gunzip(bytes, name, header.bytes + header.n_values);
    all = unpacked;
  } else {
    header = read_header(bytes, name, std::min<uint64_t>(kMaxIdxBytes, bytes.size()));
  }
  if (all.size() != header.bytes + header.n_values) {
    throw DataError("[idx] {} has {} bytes; {} and a header of {} make {}", name, all.size(),
                    fmt::join(header.extents, " x "), header.bytes, header.bytes + header.n_values);
  }
  const std::span<const uint8_t> values = all.subspan(header.bytes);
  return {header.extents, {values.begin(), values.end()}};
}

IdxArray read_idx(const fs::path& path) { return parse_idx(read_file(path, kMaxIdxBytes), path.string()); }

std::vector<uint8_t> encode_idx(const IdxArray& array) {
  uint64_t n_values = 1;
  for (const int64_t extent : array.extents) {
    if (extent < 1 || extent > UINT32_MAX) throw ShapeError("[idx] an extent of {}", extent);
    n_values *= static_cast<uint64_t>(extent);
  }
  if (array.extents.empty() || array.extents.size() > kMaxAxes || n_values != array.values.size()) {
    throw ShapeError("[idx] {} values for extents {}", array.values.size(), fmt::join(array.extents, " x "));
  }
  std::vector<uint8_t> bytes{0, 0, kUnsignedBytes, static_cast<uint8_t>(array.extents.size())};
  for (const int64_t extent : array.extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(extent >> shift));
  }
  bytes.insert(bytes.end(), array.values.begin(), array.values.end());
  return bytes;
}

Tensor LabelledPictures::picture(int64_t i) const {
  if (i < 0 || i >= n) throw ShapeError("[idx] picture {} of {}", i, n);
  const Tensor x = Tensor::empty({1, 1, 1, height, width});
  const uint8_t* from = levels.data() + i * height * width;
  std::transform(from, from + height * width, x.data<float>(),
                 [](uint8_t v) { return static_cast<float>(v) / 255.0F; });
  return x;
}

LabelledPictures read_labelled_pictures(const fs::path& pictures, const fs::path& labels, int64_t n_classes) {
  IdxArray images = read_idx(pictures), classes = read_idx(labels);
  if (images.extents.size() != 3) {
    throw DataError("[idx] {} has {} axes, expected the 3 of pictures", pictures.string(),
                    images.extents.size());
  }
  if (classes.extents.size() != 1) {
    throw DataError("[idx] {} has {} axes, expected the 1 of labels", labels.string(),
                    classes.extents.size());
  }
  if (images.extents[0] != classes.extents[0]) {
    throw DataError("[idx] {} has {} pictures, {} has {} labels", pictures.string(), images.extents[0],
                    labels.string(), classes.extents[0]);
  }
  const auto wrong = std::ranges::find_if(classes.values, [&](uint8_t label) { return label >= n_classes; });
  if (wrong != classes.values.end()) {
    throw DataError("[idx] {}: label {} is {}, expected 0 to {}", labels.string(),
                    wrong - classes.values.begin(), *wrong, n_classes - 1);
  }
  return {images.extents[0], images.extents[1], images.extents[2], std::move(images.values),
          std::move(classes.values)};
}

Mnist read_mnist(const fs::path& folder) {
  std::vector<std::string> missing;
  const auto find = [&](const char* name) {
    for (const char* ending : {"", ".gz"}) {
      std::error_code error;
      const fs::path path = folder / (std::string(name) + ending);
      if (fs::is_regular_file(path, error)) return path;
    }
    missing.emplace_back(name);
    return fs::path();
  };
  const fs::path train_pictures = find("train-images-idx3-ubyte"),
                 train_labels = find("train-labels-idx1-ubyte"),
                 test_pictures = find("t10k-images-idx3-ubyte"), test_labels = find("t10k-labels-idx1-ubyte");
  if (!missing.empty()) {
    throw IoError("[idx] {} lacks {} of MNIST's files (as they are, or with .gz): {}", folder.string(),
                  missing.size(), fmt::join(missing, ", "));
  }
  Mnist mnist{read_labelled_pictures(train_pictures, train_labels),
              read_labelled_pictures(test_pictures, test_labels)};
  if (mnist.train.height != mnist.test.height || mnist.train.width != mnist.test.width) {
    throw DataError("[idx] {}: pictures of {} x {} for training, of {} x {} for the test", folder.string(),
                    mnist.train.height, mnist.train.width, mnist.test.height, mnist.test.width);
  }
  return mnist;
}

IndexSplit split_indices(int64_t n, int64_t n_validation, uint64_t seed) {
  if (n_validation < 1 || n_validation >= n) {
    throw ConfigError(
        "[split] {} of {} for validation: expected at least 1, and at least 1 left for training",
        n_validation, n);
  }
  constexpr uint32_t kNoEpoch = 0xffffffff;  // a stream that no epoch's order takes
  const std::vector<int64_t> order = RandomStream(seed, RandomPurpose::shuffle, kNoEpoch).permutation(n);
  const auto border = order.begin() + (n - n_validation);
  return {{order.begin(), border}, {border, order.end()}};
}

}  // namespace primal
