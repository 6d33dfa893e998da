// IDX: arrays of numbers as the MNIST files hold them, plain or compressed with gzip, and the
// data set that they make.
//
//   bytes 0, 1   zero
//   byte 2       the type of the elements: 08 unsigned bytes, the only one read here
//   byte 3       the number of axes R, 1 to 4 here
//   then         R extents of 32 bits, the highest byte first, and the elements, row-major
// What a header says is held against the length of the file before memory is taken for it: a compressed file
// cannot hold more than 1032 times its bytes.
// Errors:  IoError for a file that cannot be read; DataError, always naming the file, for another format, a
//          wrong magic number, extents of 0 or beyond what is there, a length that does not fit (both lengths
//          given), pictures and labels of different number, and a label that is no class, with its index.
// Source:  Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

inline constexpr uint64_t kMaxIdxBytes = uint64_t{1} << 30;

struct IdxArray {
  std::vector<int64_t> extents;  // outermost first
  std::vector<uint8_t> values;
};

IdxArray read_idx(const std::filesystem::path& path);
// The same for a file in memory; `name` is what errors call it.
IdxArray parse_idx(std::span<const uint8_t> bytes, const std::string& name);
// The bytes of a file, not compressed: the way back.
std::vector<uint8_t> encode_idx(const IdxArray& array);

// Grey pictures of one size with their classes.
struct LabelledPictures {
  int64_t n = 0, height = 0, width = 0;
  std::vector<uint8_t> levels;  // [n, height, width], 0 black .. 255 white
  std::vector<uint8_t> labels;  // [n]

  // Picture i, level / 255: f32 [1,1,1,height,width]. ShapeError outside 0 .. n - 1.
  Tensor picture(int64_t i) const;
};

LabelledPictures read_labelled_pictures(const std::filesystem::path& pictures,
                                        const std::filesystem::path& labels, int64_t n_classes = 10);

struct Mnist {
  LabelledPictures train, test;
};
// train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte of a
// folder, each as it is or with .gz; IoError naming those that are not there.
Mnist read_mnist(const std::filesystem::path& folder);

// 0 .. n - 1 in two parts, by the permutation that the seed draws: every index once. Whatever
// belongs to one index (a noisy picture and its clean one, a picture and its label) stays together,
// as only indices are divided.
// ConfigError unless 0 < n_validation < n.
struct IndexSplit {
  std::vector<int64_t> train, validation;
};
IndexSplit split_indices(int64_t n, int64_t n_validation, uint64_t seed);

}  // namespace primal
