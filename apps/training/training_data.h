// The pictures of a training run: which of them train and which validate, and whether they can be read.
//
//   no folder               phantoms
//   FOLDER/train, /val      the first data.n_train and data.n_validation of each by name
//   FOLDER, flat            its last data.n_validation validate, the first data.n_train of the others train
//
// With data.colour "channels" each channel of a picture in colour is a sample of its own, red, green and blue
// after each other, and a grey picture gives one; with "opponent" the samples are its luminance and its two
// chroma channels (data/preprocess/opponent.h). data.n_train and data.n_validation count pictures. All
// pictures are decoded then, to find those in colour.
// Every file is looked at before the run begins (data/dataset/picture_check.h). One that is broken
// is an error that names it; with data.skip_broken all pictures are decoded and the broken ones
// are left out of their list.
// Errors:  IoError and DataError where folders or pictures are missing, too few, or broken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/dataset/dataset.h"
#include "data/dataset/picture_check.h"

namespace primal {

struct TrainingData {
  std::unique_ptr<Dataset> train, validation;
  std::unique_ptr<Dataset> noisy_train,
      noisy_validation;              // the same pictures with noise; null where it is drawn
  std::vector<std::string> listed;   // the names of the training pictures, those that were left out with them
  std::vector<std::string> remarks;  // what a person should know before the first step
};

TrainingData open_training_data(const TrainConfig& config, PictureCheck check = PictureCheck::headers);

// Lines of an error, each on one of its own: the first 20, and how many more there are.
std::string listed(const std::vector<std::string>& lines);

}  // namespace primal
