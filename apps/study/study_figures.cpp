#include "apps/study/study_figures.h"

#include <algorithm>
#include <fmt/format.h>

#include "apps/evaluation/task_evaluation.h"
#include "data/figure/figure.h"
#include "data/image/image.h"
#include "data/preprocess/preprocess.h"

namespace primal {
namespace {

constexpr int64_t kGap = 4;  // white pixels between pictures

void paste(const Image& picture, Image& sheet, int64_t left, int64_t top) {
  for (int64_t y = 0; y < picture.height; ++y)
    std::copy_n(picture.row(y), picture.width, sheet.row(top + y) + left);
}

Panel matrix(const std::string& title, const ConfusionMatrix& confusion,
             const std::vector<std::string>& labels) {
  Panel panel = confusion_figure(confusion, labels).rows.front().front();
  panel.title = fmt::format("{}\n{}", title, panel.title);
  return panel;
}

Figure confusion_matrices(const StudyScores& scores) {
  const auto defect = [&](Version version) { return scores.defect(version); };
  return {.rows = {{matrix("type of noise", scores.noise(), scores.noise_types),
                    matrix("defect or ok, noisy pictures", defect(Version::noisy), scores.labels)},
                   {matrix("after the encoder-decoder", defect(Version::denoiser), scores.labels),
                    matrix("after U-Net + PDHG", defect(Version::unet_pdhg), scores.labels)}}};
}

}  // namespace

std::vector<std::string> write_study_figures(const StudyOptions& options, const StudyScores& scores) {
  const int64_t n_columns = std::ssize(kVersions) + 1, n_rows = std::ssize(scores.samples),
                step = options.size + kGap;
  Image sheet(n_columns * step - kGap, n_rows * step - kGap, 1);
  std::ranges::fill(sheet.levels, static_cast<uint16_t>(sheet.max_level()));
  for (int64_t r = 0; r < n_rows; ++r) {
    const StudySample& sample = scores.samples[static_cast<size_t>(r)];
    paste(to_image(sample.clean), sheet, 0, r * step);
    for (size_t v = 0; v < sample.versions.size(); ++v)
      paste(to_image(sample.versions[v]), sheet, static_cast<int64_t>(v + 1) * step, r * step);
  }
  const std::filesystem::path file = StudyFolder{options.output}.root / "samples.png";
  write_png(file, sheet);
  const std::filesystem::path confusion = StudyFolder{options.output}.root / "confusion.png";
  write_figure(confusion, confusion_matrices(scores));
  return {file.string(), confusion.string()};
}

}  // namespace primal
