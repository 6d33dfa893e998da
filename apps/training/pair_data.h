// The pictures of a training that reconstructs: clean ones, and where the data have them the noisy
// ones that belong to them.
//
//   data.manifest            the pairs of a table (data/manifest), both cropped and resized to data.size;
//                            split as labelled_data.h says, by the number in the name of the clean
//                            picture, which all of its noisy copies share, unless a column says it
//                            (data.split_column). With training.loss "sure" of the denoising task the
//                            table may lack the clean column: then PairSet::clean has the noisy pictures,
//                            and PairSet::noisy is null
//   FOLDER with MNIST's      its first file: data.n_validation pictures, drawn by data.split_seed,
//   files (data/idx)         validate, and data.n_train of the others train. A noisy picture and its
//                            clean one have one index, so they stay together.
//   FOLDER of pictures       as the denoising task has them (training_data.h)
//   no folder                generated digits (autoencoder.layout "mnist") or castings (data/phantom)
//
// Where there are no noisy pictures, the noise is drawn anew at each use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/dataset/dataset.h"
#include "data/dataset/picture_check.h"

namespace primal {

struct PairSet {
  std::unique_ptr<Dataset> clean, noisy;  // noisy: null where the noise is drawn
  std::vector<uint8_t> classes = {};      // of each picture, where all_pairs() reads MNIST's files

  int64_t size() const { return clean->size(); }
};

struct PairData {
  PairSet train, validation;
  std::vector<std::string> remarks;
};

bool has_mnist(const std::filesystem::path& folder);

// The side of the pictures that the model of these settings takes.
int64_t picture_side(const TrainConfig& config);

PairData open_pair_data(const TrainConfig& config, PictureCheck check = PictureCheck::headers);

// Every pair of data.manifest, or every picture of data.folder: of MNIST's files the test set, else the test
// split where there is one. For scoring: a row of a manifest whose pictures cannot be used is given to
// `broken` and left out. DataError where none is left.
PairSet all_pairs(const TrainConfig& config,
                  const std::function<void(const std::string& name, const Error&)>& broken);

}  // namespace primal
