// The pictures that an evaluation scores: a folder, preprocessed as in training.
#pragma once

#include <filesystem>

#include "data/dataset/dataset.h"
#include "data/preprocess/level_range.h"

namespace primal {

// One that is smaller than the side asked for is reported on standard error, and so are the remarks of
// its reader, unless `quiet`.
class TestPictures : public ImageFolder {
 public:
  TestPictures(const std::filesystem::path& folder, int64_t size, int64_t limit, const LevelRange& range,
               bool quiet);

 private:
  Image load(int64_t i) const override;

  LevelRange range_;
  bool quiet_;
};

}  // namespace primal
