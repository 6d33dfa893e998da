// The pictures of a training that classifies, with their classes.
//
//   data.manifest           the noisy pictures of a table (data/manifest), by label or by type of noise
//                           (data.target)
//   FOLDER/train, /val      below each a folder for every class; FOLDER/CLASS without them
//   no folder               generated castings (data/phantom), with a defect or ok; for
//                           data.target = "noise" with one of the types
//
// Folders called def_front and ok_front stand for the classes defect and ok, any other one for its own name.
// A column of the manifest may say which pictures train and which validate (data.split_column).
// Where the data have no split of their own, the last data.n_validation pictures validate (0: a fifth), of
// each class in proportion: the order is that of the numbers in their names, so that variants of one part,
// which have neighbouring numbers or the same name, are not divided between both sets.
// Errors:  those of a manifest; IoError and DataError where pictures are missing, too few, broken, or of a
//          class that is not among classifier.labels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/dataset/dataset.h"
#include "data/dataset/picture_check.h"
#include "data/manifest/manifest.h"

namespace primal {

struct LabelledSet {
  std::unique_ptr<Dataset> pictures;
  std::vector<int64_t> labels;  // of each

  int64_t size() const { return pictures->size(); }
};

struct LabelledData {
  LabelledSet train, validation;
  std::vector<std::string> remarks;  // how many of each class, first of all
};

LabelledData open_labelled_data(const TrainConfig& config, PictureCheck check = PictureCheck::headers);

// Every picture of data.manifest or data.folder (its test split, where it has one), the first `limit` of each
// class in turn where it is not 0: for scoring. Pictures that cannot be read are found when they are read.
LabelledSet all_labelled_pictures(const TrainConfig& config, int64_t limit = 0);

// The classes of the data, where the configuration does not name them.
std::vector<std::string> labels_of_data(const TrainConfig& config);

// Which of n pictures with these names and numbers of classes validate: see above. The others keep their
// order. DataError where a class has fewer than two pictures that can be told apart; it names the class,
// where there are `labels`.
std::vector<bool> choose_validation(const std::vector<std::string>& names,
                                    const std::vector<int64_t>& numbers, int64_t n_validation,
                                    const std::vector<std::string>& labels = {});

// Which rows validate, as the manifest itself says; empty where it does not. DataError where it leaves none
// to train, or none to validate.
std::vector<bool> split_of_manifest(const Manifest& manifest);

// The number at the end of a name without its extension, "cast_def_0_1136" -> 1136; -1 where there is none.
int64_t number_in_name(const std::string& stem);

}  // namespace primal
