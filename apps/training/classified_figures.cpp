#include "apps/training/classified_figures.h"

#include <algorithm>
#include <fmt/format.h>

namespace primal {
namespace {

constexpr size_t kMistakes = 3, kExamples = 6, kBesideEachOther = 3;

}  // namespace

Figure confusion_figure(const ConfusionMatrix& confusion, const std::vector<std::string>& labels) {
  Confusion shown{labels, {}};
  for (int64_t t = 0; t < confusion.n_classes(); ++t) {
    shown.counts.emplace_back();
    for (int64_t p = 0; p < confusion.n_classes(); ++p) shown.counts.back().push_back(confusion.at(t, p));
  }
  return {.rows = {{Panel{fmt::format("{} pictures, accuracy {:.4f}", confusion.n(), confusion.accuracy()),
                          shown}}}};
}

Figure classified_examples(const LabelledSet& pictures, const std::vector<std::string>& labels,
                           const std::vector<ClassifiedPicture>& seen) {
  std::vector<ClassifiedPicture> chosen;
  for (const bool right : {false, true}) {
    const size_t most = right ? kExamples : kMistakes;
    for (const ClassifiedPicture& c : seen) {
      if (chosen.size() < most && (c.truth == c.predicted) == right) chosen.push_back(c);
    }
  }
  Figure figure;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (i % kBesideEachOther == 0) figure.rows.emplace_back();
    const ClassifiedPicture& c = chosen[i];
    const std::string title =
        fmt::format("{}\ntaken for {} ({:.2f})", labels.at(static_cast<size_t>(c.truth)),
                    labels.at(static_cast<size_t>(c.predicted)), c.probability);
    figure.rows.back().push_back({title, Picture::grey(pictures.pictures->clean(c.index))});
  }
  return figure;
}

}  // namespace primal
