#include "apps/study/study_scores.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "apps/scores/scores.h"
#include "apps/training/classification_task.h"
#include "apps/training/run_folder.h"
#include "data/dataset/dataset.h"
#include "data/manifest/manifest.h"
#include "model/autoencoder.h"
#include "model/classifier.h"
#include "model/denoise.h"
#include "model/model_file.h"
#include "model/perceptual.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

class Models {
 public:
  Models(const StudyOptions& o, Device device)
      : defect_(load_classifier(last(o, "defect"), device)),
        noise_(load_classifier(last(o, "noise_type"), device)),
        denoiser_(load_autoencoder(last(o, "denoiser"), device)),
        unet_(load_model(last(o, "unet_pdhg"), {}, device)),
        lpips_(o.lpips.empty() ? nullptr : load_lpips(o.lpips, device)) {}

  static fs::path last(const StudyOptions& o, const char* run) {
    return StudyFolder{o.output}.run(run) / kLastCheckpoint;
  }
  const Classifier& defect() const { return defect_; }
  const Classifier& noise() const { return noise_; }

  std::array<Tensor, 3> versions(const Tensor& noisy) const {
    return {noisy, denoiser_.denoise(noisy), denoise(*unet_, noisy).x};
  }
  VersionScores scores(const Tensor& x, const Tensor& clean) const {
    const Scores s = scores_of(x, clean);
    return {s.psnr, s.ssim, mse(x, clean),
            lpips_ != nullptr ? lpips_->distance(x, clean).front() : std::numeric_limits<double>::quiet_NaN(),
            taken_for(defect_, x)};
  }
  static int64_t taken_for(const Classifier& classifier, const Tensor& x) {
    const std::vector<double> p = classifier.probabilities(x).to_doubles();
    return std::ranges::max_element(p) - p.begin();
  }

 private:
  Classifier defect_, noise_;
  Autoencoder denoiser_;
  std::unique_ptr<UnrolledTv> unet_;
  std::unique_ptr<Lpips> lpips_;
};

ConfusionMatrix score_by_picture(const StudyOptions& o, Device device,
                                 const volatile std::sig_atomic_t& stop) {
  const TrainConfig config = planned_trainings(o).back().config;
  return confusion_of(load_classifier(Models::last(o, "defect_by_picture"), device),
                      open_labelled_data(config).validation, [&] { return stop == 0; });
}

}  // namespace

ConfusionMatrix StudyScores::defect(Version version) const {
  ConfusionMatrix confusion(std::ssize(labels));
  for (const HeldOutPicture& p : pictures)
    confusion.add(p.label, p.versions[static_cast<size_t>(version)].taken_for);
  return confusion;
}

ConfusionMatrix StudyScores::noise() const {
  ConfusionMatrix confusion(std::ssize(noise_types));
  for (const HeldOutPicture& p : pictures) confusion.add(p.noise_class, p.noise_taken_for);
  return confusion;
}

std::vector<double> StudyScores::gains(Version version) const {
  std::vector<double> gains;
  for (const HeldOutPicture& p : pictures) {
    const auto right = [&](Version v) { return p.versions[static_cast<size_t>(v)].taken_for == p.label; };
    gains.push_back((right(version) ? 1.0 : 0.0) - (right(Version::noisy) ? 1.0 : 0.0));
  }
  return gains;
}

std::optional<StudyScores> score_study(const StudyOptions& o, Device device,
                                       const volatile std::sig_atomic_t& stop) {
  const Models models(o, device);
  ManifestOptions options;
  options.columns.split = kSplitColumn;
  options.labels = models.defect().labels();
  options.noise_types = models.noise().labels();
  const StudyFolder folder{o.output};
  const Manifest manifest =
      read_manifest(folder.manifest(), {.noise = true, .clean = true, .label = true}, options);
  std::vector<fs::path> noisy, clean;
  StudyScores result;
  result.labels = manifest.labels;
  result.noise_types = manifest.noise_types;
  for (const ManifestEntry& entry : manifest.entries) {
    if (entry.split != "val") {
      ++result.n_train;
      continue;
    }
    noisy.push_back(entry.noisy);
    clean.push_back(entry.clean);
    HeldOutPicture picture;
    picture.name = entry.noisy.lexically_relative(folder.pictures() / "noisy").generic_string();
    picture.noise = entry.noise;
    picture.label = entry.label_class;
    picture.noise_class = entry.noise_class;
    result.pictures.push_back(std::move(picture));
  }
  const ImageFolder noisy_set(folder.pictures(), noisy, o.size), clean_set(folder.pictures(), clean, o.size);
  for (int64_t i = 0; i < noisy_set.size(); ++i) {
    if (stop != 0) return std::nullopt;
    HeldOutPicture& picture = result.pictures[static_cast<size_t>(i)];
    const Tensor x = clean_set.clean(i);
    const std::array<Tensor, 3> versions = models.versions(noisy_set.clean(i));
    for (size_t v = 0; v < versions.size(); ++v) picture.versions[v] = models.scores(versions[v], x);
    picture.noise_taken_for = Models::taken_for(models.noise(), versions.front());
    if (std::ranges::find(result.samples, picture.noise, &StudySample::noise) == result.samples.end())
      result.samples.push_back({picture.noise, x, versions});
  }
  if (o.by_part()) result.by_picture = score_by_picture(o, device, stop);
  if (stop != 0) return std::nullopt;
  return result;
}

}  // namespace primal
