#include "apps/training/pair_data.h"

#include <algorithm>
#include <numeric>

#include "apps/training/casting_set.h"
#include "apps/training/labelled_data.h"
#include "apps/training/test_pictures.h"
#include "apps/training/training_data.h"
#include "data/idx/idx.h"
#include "data/manifest/manifest.h"
#include "data/phantom/digits.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kGeneratedDigits = 1000, kGeneratedValidationPairs = 200, kGeneratedCastings = 200;
constexpr uint32_t kValidationIndex = uint32_t{1} << 20;  // the sets share no picture

// Some pictures of an IDX file, or generated digits.
class DigitSet : public Dataset {
 public:
  DigitSet(std::shared_ptr<const LabelledPictures> all, std::vector<int64_t> chosen)
      : Dataset(std::ssize(chosen), all->height, 0), all_(std::move(all)), chosen_(std::move(chosen)) {}
  std::string name(int64_t i) const override {
    return fmt::format("digit-{:05}", chosen_.at(static_cast<size_t>(i)));
  }

 private:
  Image load(int64_t i) const override {
    const int64_t side = picture_size();
    Image image(side, side, 1);
    const uint8_t* from = all_->levels.data() + chosen_[static_cast<size_t>(i)] * side * side;
    std::copy(from, from + side * side, image.levels.begin());
    return image;
  }

  std::shared_ptr<const LabelledPictures> all_;
  std::vector<int64_t> chosen_;
};

std::vector<int64_t> first_of(std::vector<int64_t> indices, int64_t n) {
  if (n > 0 && n < std::ssize(indices)) indices.resize(static_cast<size_t>(n));
  return indices;
}

std::vector<int64_t> all_indices(int64_t n) {
  std::vector<int64_t> indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

PairData open_mnist(const TrainConfig& config) {
  const TrainConfig::Data& data = config.data;
  auto all = std::make_shared<const LabelledPictures>(std::move(read_mnist(data.folder).train));
  const int64_t side = picture_side(config);
  if (all->height != side || all->width != side)
    throw DataError("[data] the pictures of {} have {} x {} pixels, the model takes {} x {}", data.folder,
                    all->height, all->width, side, side);
  const int64_t n_validation = data.n_validation > 0 ? data.n_validation : all->n / 5;
  const IndexSplit split = split_indices(all->n, n_validation, static_cast<uint64_t>(data.split_seed));
  PairData opened;
  const auto set = [&](const std::vector<int64_t>& chosen) {
    return PairSet{std::make_unique<DigitSet>(all, chosen), nullptr};
  };
  opened.train = set(first_of(split.train, data.n_train));
  opened.validation = set(split.validation);
  opened.remarks.push_back(fmt::format("{} of {} pictures train, {} others validate (data.split_seed {})",
                                       opened.train.size(), all->n, n_validation, data.split_seed));
  return opened;
}

PairData generated_pairs(const TrainConfig& config) {
  const TrainConfig::Data& data = config.data;
  const bool digits = config.autoencoder.layout == "mnist";
  const auto seed = static_cast<uint64_t>(config.seed);
  const auto set = [&](int64_t n, uint32_t first) {
    if (!digits) return PairSet{std::make_unique<CastingSet>(seed, n, data.size, first), nullptr};
    auto all = std::make_shared<const LabelledPictures>(make_digits(seed, n, first, config.autoencoder.size));
    return PairSet{std::make_unique<DigitSet>(std::move(all), all_indices(n)), nullptr};
  };
  PairData opened;
  opened.train = set(data.n_train > 0 ? data.n_train : digits ? kGeneratedDigits : kGeneratedCastings, 0);
  opened.validation =
      set(data.n_validation > 0 ? data.n_validation : kGeneratedValidationPairs, kValidationIndex);
  return opened;
}

// The clean picture, or the noisy one where the table has no clean ones.
const fs::path& best_picture(const ManifestEntry& entry) {
  return entry.clean.empty() ? entry.noisy : entry.clean;
}

// With the clean pictures, which training by Stein's estimate can do without: then a table without that
// column will do, unless the settings name one.
Manifest read_pairs(const TrainConfig& config, const ManifestOptions& options) {
  const fs::path file = config.data.manifest;
  const bool may_lack_clean = config.task.kind == "denoise" && config.training.loss == "sure" &&
                              options.columns.clean == ManifestColumns().clean;
  if (may_lack_clean) {
    Manifest noisy = read_manifest(file, {}, options);
    if (!noisy.table.find_column(options.columns.clean)) return noisy;
  }
  return read_manifest(file, {.clean = true}, options);
}

Manifest open_pairs(const TrainConfig& config) {
  const TrainConfig::Data& data = config.data;
  ManifestOptions options;
  options.columns.noisy = data.noisy_column;
  options.columns.clean = data.clean_column;
  options.columns.split = data.split_column;
  options.table.sheet = data.sheet;
  return read_pairs(config, options);
}

// Looks at the pictures. Each row with one that cannot be used is given to `broken`.
void check_pairs(const Manifest& manifest, PictureCheck check,
                 const std::function<void(size_t i, const DataError&)>& broken) {
  std::vector<fs::path> all;
  for (const ManifestEntry& entry : manifest.entries) {
    all.push_back(entry.noisy);
    all.push_back(best_picture(entry));
  }
  const std::vector<PictureReport> reports = check_pictures(all, check);
  for (size_t i = 0; i < manifest.entries.size(); ++i) {
    const PictureReport &noisy = reports[2 * i], &clean = reports[2 * i + 1];
    const std::string& error = noisy.error.empty() ? clean.error : noisy.error;
    if (!error.empty()) {
      broken(i, DataError("[data] {}: {}", manifest.where(i), error));
    } else if (noisy.width != clean.width || noisy.height != clean.height) {
      broken(i, DataError("[data] {}: the noisy picture has {} x {} pixels, the clean one {} x {}",
                          manifest.where(i), noisy.width, noisy.height, clean.width, clean.height));
    }
  }
}

PairSet pairs_of(const TrainConfig& config, const Manifest& manifest, const std::vector<bool>& chosen,
                 int64_t limit) {
  std::vector<fs::path> noisy, clean;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!chosen[i] || (limit > 0 && std::ssize(clean) == limit)) continue;
    noisy.push_back(manifest.entries[i].noisy);
    clean.push_back(best_picture(manifest.entries[i]));
  }
  const fs::path root = fs::path(config.data.manifest).parent_path();
  const int64_t side = picture_side(config);
  if (manifest.entries.front().clean.empty())
    return {std::make_unique<ImageFolder>(root, std::move(noisy), side), nullptr};
  return {std::make_unique<ImageFolder>(root, std::move(clean), side),
          std::make_unique<ImageFolder>(root, std::move(noisy), side)};
}

PairData open_manifest(const TrainConfig& config, PictureCheck check) {
  const TrainConfig::Data& data = config.data;
  if (data.skip_broken)
    throw ConfigError("[config] data.skip_broken leaves out pictures of a folder, not of a manifest");
  const Manifest manifest = open_pairs(config);
  check_pairs(manifest, check, [](size_t, const DataError& error) { throw error; });
  std::vector<std::string> names;
  for (const ManifestEntry& entry : manifest.entries) names.push_back(best_picture(entry).string());
  std::vector<bool> validates = split_of_manifest(manifest);
  if (validates.empty())
    validates = choose_validation(names, std::vector<int64_t>(names.size(), 0), data.n_validation);
  PairData opened;
  opened.validation = pairs_of(config, manifest, validates, 0);
  validates.flip();
  opened.train = pairs_of(config, manifest, validates, data.n_train);
  opened.remarks.push_back(fmt::format("{} {} train, {} validate", opened.train.size(),
                                       opened.train.noisy == nullptr ? "noisy pictures" : "pairs",
                                       opened.validation.size()));
  return opened;
}

}  // namespace

bool has_mnist(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "train-images-idx3-ubyte", error) ||
         fs::exists(folder / "train-images-idx3-ubyte.gz", error);
}

int64_t picture_side(const TrainConfig& config) {
  return config.autoencoder.layout == "mnist" ? config.autoencoder.size : config.data.size;
}

PairData open_pair_data(const TrainConfig& config, PictureCheck check) {
  if (!config.data.manifest.empty()) return open_manifest(config, check);
  if (config.data.folder.empty()) return generated_pairs(config);
  if (has_mnist(config.data.folder)) return open_mnist(config);
  TrainConfig sized = config;
  sized.data.size = picture_side(config);
  TrainingData pictures = open_training_data(sized, check);
  PairData opened;
  opened.train.clean = std::move(pictures.train);
  opened.validation.clean = std::move(pictures.validation);
  opened.remarks = std::move(pictures.remarks);
  opened.remarks.push_back(
      fmt::format("{} pictures train, {} validate", opened.train.size(), opened.validation.size()));
  return opened;
}

PairSet all_pairs(const TrainConfig& config,
                  const std::function<void(const std::string& name, const Error&)>& broken) {
  if (!config.data.manifest.empty()) {
    const Manifest manifest = open_pairs(config);
    std::vector<bool> chosen(manifest.entries.size(), true);
    check_pairs(manifest, PictureCheck::headers, [&](size_t i, const DataError& error) {
      broken(best_picture(manifest.entries[i]).string(), error);
      chosen[i] = false;
    });
    if (std::ranges::count(chosen, true) == 0)
      throw DataError("[data] none of {} pictures could be read", chosen.size());
    return pairs_of(config, manifest, chosen, 0);
  }
  if (has_mnist(config.data.folder)) {
    auto all = std::make_shared<const LabelledPictures>(std::move(read_mnist(config.data.folder).test));
    std::vector<int64_t> chosen = all_indices(all->n);
    std::vector<uint8_t> classes = all->labels;
    return {std::make_unique<DigitSet>(std::move(all), std::move(chosen)), nullptr, std::move(classes)};
  }
  return {std::make_unique<TestPictures>(split_folder(config.data.folder, "test"), picture_side(config), 0,
                                         parse_level_range(config.data.range), true),
          nullptr};
}

}  // namespace primal
