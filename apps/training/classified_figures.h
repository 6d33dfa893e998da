// What a classifier makes of pictures, to look at.
#pragma once

#include <string>
#include <vector>

#include "apps/training/labelled_data.h"
#include "data/classification/classification.h"
#include "data/figure/figure.h"

namespace primal {

struct ClassifiedPicture {
  int64_t index, truth, predicted;  // index: in the set
  double probability;               // of the class that it was taken for
};

Figure confusion_figure(const ConfusionMatrix& confusion, const std::vector<std::string>& labels);

// Up to six pictures with their class and what they were taken for: first mistakes, then the first right
// ones.
Figure classified_examples(const LabelledSet& pictures, const std::vector<std::string>& labels,
                           const std::vector<ClassifiedPicture>& seen);

}  // namespace primal
