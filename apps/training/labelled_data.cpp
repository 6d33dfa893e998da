#include "apps/training/labelled_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "apps/training/casting_set.h"
#include "apps/training/training_data.h"
#include "data/noise/noise_types.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kGenerated = 200, kGeneratedValidation = 50;
constexpr uint32_t kValidationCastings = uint32_t{1} << 20;  // the sets share no part
const std::map<std::string, std::string> kFolderLabels = ManifestOptions().folder_labels;

struct Found {
  fs::path root;
  std::vector<fs::path> files;
  std::vector<std::string> labels;
  std::vector<std::string> where;  // for errors
  std::vector<bool> validates;     // as a manifest says it; empty where it does not
};

bool by_noise(const TrainConfig& config) { return config.data.target == "noise"; }

// Numbers of the classes; DataError for a label that is none of them.
std::vector<int64_t> numbered(const Found& found, const std::vector<std::string>& labels) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < found.labels.size(); ++i) {
    const auto at = std::ranges::find(labels, found.labels[i]);
    if (at == labels.end()) {
      const std::string meant = name_meant(labels, found.labels[i]);
      throw DataError("[data] {}: the label '{}' is not among classifier.labels{}", found.where[i],
                      found.labels[i], meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
    }
    numbers.push_back(at - labels.begin());
  }
  return numbers;
}

Found find_in_folder(const fs::path& folder) {
  Found found{folder, find_pictures(folder), {}, {}, {}};
  for (const fs::path& file : found.files) {
    const fs::path below = file.lexically_relative(folder);
    if (!below.has_parent_path()) {
      check_link(file);  // a class whose folder is not there
      throw DataError("[data] {} lies in no folder of a class: expected {}/CLASS/PICTURE", file.string(),
                      folder.string());
    }
    const std::string name = below.begin()->string();
    const auto known = kFolderLabels.find(name);
    found.labels.push_back(known == kFolderLabels.end() ? name : known->second);
    found.where.push_back(file.string());
  }
  return found;
}

Found find_in_manifest(const TrainConfig& config) {
  ManifestOptions options;
  const TrainConfig::Data& data = config.data;
  options.columns = {data.noisy_column, data.noise_column, data.clean_column, data.label_column,
                     data.split_column};
  options.table.sheet = data.sheet;
  options.labels.clear();
  options.noise_types.clear();
  if (!config.classifier.labels.empty())
    (by_noise(config) ? options.noise_types : options.labels) = parse_labels(config.classifier.labels);
  else
    options.labels = ManifestOptions().labels;
  const Manifest manifest =
      read_manifest(data.manifest, {.noise = by_noise(config), .label = !by_noise(config)}, options);
  Found found{fs::path(data.manifest).parent_path(), {}, {}, {}, split_of_manifest(manifest)};
  for (size_t i = 0; i < manifest.entries.size(); ++i) {
    const ManifestEntry& entry = manifest.entries[i];
    found.files.push_back(entry.noisy);
    found.labels.push_back(by_noise(config) ? entry.noise : entry.label);
    found.where.push_back(manifest.where(i));
  }
  return found;
}

// A class without pictures cannot be learnt; its folder may be missing or misspelt.
void check_classes(const std::vector<int64_t>& numbers, const std::vector<std::string>& labels,
                   const std::string& where) {
  for (size_t k = 0; k < labels.size(); ++k) {
    if (std::ranges::count(numbers, static_cast<int64_t>(k)) == 0)
      throw DataError("[data] {} has no picture of the class '{}', which classifier.labels names", where,
                      labels[k]);
  }
}

std::string counts_text(const LabelledSet& set, const std::vector<std::string>& labels) {
  std::vector<int64_t> counts(labels.size());
  for (const int64_t label : set.labels) ++counts[static_cast<size_t>(label)];
  std::string text;
  for (size_t k = 0; k < labels.size(); ++k)
    text += fmt::format("{}{} {}", k == 0 ? "" : ", ", counts[k], labels[k]);
  return text;
}

void check_files(const std::vector<fs::path>& files, PictureCheck check) {
  std::vector<std::string> broken;
  for (const PictureReport& report : check_pictures(files, check)) {
    if (!report.error.empty()) broken.push_back(report.error);
  }
  if (!broken.empty())
    throw DataError("[data] {} of {} pictures cannot be read:{}", broken.size(), files.size(),
                    listed(broken));
}

// As many as n of each class in turn; 0: all.
std::vector<size_t> first_of(const std::vector<size_t>& chosen, const std::vector<int64_t>& labels,
                             int64_t n) {
  if (n <= 0 || n >= std::ssize(chosen)) return chosen;
  std::map<int64_t, std::vector<size_t>> classes;
  for (const size_t i : chosen) classes[labels[i]].push_back(i);
  std::vector<size_t> taken;
  for (size_t round = 0; std::ssize(taken) < n; ++round) {
    for (const auto& [label, members] : classes) {
      if (round < members.size() && std::ssize(taken) < n) taken.push_back(members[round]);
    }
  }
  std::ranges::sort(taken);
  return taken;
}

LabelledSet set_of(const Found& found, const std::vector<int64_t>& numbers, const std::vector<size_t>& chosen,
                   int64_t size) {
  LabelledSet set;
  std::vector<fs::path> files;
  for (const size_t i : chosen) {
    files.push_back(found.files[i]);
    set.labels.push_back(numbers[i]);
  }
  set.pictures = std::make_unique<ImageFolder>(found.root, std::move(files), size);
  return set;
}

std::vector<size_t> all_of(const Found& found) {
  std::vector<size_t> all(found.files.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

LabelledData generated(const TrainConfig& config) {
  const auto make = [&](int64_t n, uint32_t first) {
    auto castings = std::make_unique<CastingSet>(static_cast<uint64_t>(config.seed), n,
                                                 config.classifier.size, first, by_noise(config));
    LabelledSet set;
    for (int64_t i = 0; i < n; ++i)
      set.labels.push_back(by_noise(config) ? castings->noise_label(i) : castings->defect_label(i));
    set.pictures = std::move(castings);
    return set;
  };
  const TrainConfig::Data& data = config.data;
  LabelledData opened;
  opened.train = make(data.n_train > 0 ? data.n_train : kGenerated, 0);
  opened.validation =
      make(data.n_validation > 0 ? data.n_validation : kGeneratedValidation, kValidationCastings);
  return opened;
}

}  // namespace

int64_t number_in_name(const std::string& stem) {
  size_t begin = stem.size();
  while (begin > 0 && stem[begin - 1] >= '0' && stem[begin - 1] <= '9' && stem.size() - begin < 15) --begin;
  return begin == stem.size() ? -1 : std::stoll(stem.substr(begin));
}

std::vector<bool> split_of_manifest(const Manifest& manifest) {
  std::vector<bool> validates;
  if (!manifest.has_split()) return validates;
  for (const ManifestEntry& entry : manifest.entries) validates.push_back(entry.split == "val");
  for (const bool wanted : {false, true}) {
    if (std::ranges::count(validates, wanted) == 0)
      throw DataError("[data] {} has a column that divides its pictures, but says {} of none of them",
                      manifest.table.name, wanted ? "val" : "train");
  }
  return validates;
}

std::vector<bool> choose_validation(const std::vector<std::string>& names,
                                    const std::vector<int64_t>& numbers, int64_t n_validation,
                                    const std::vector<std::string>& labels) {
  const auto n = static_cast<double>(names.size());
  const double share = n_validation > 0 ? static_cast<double>(n_validation) / n : 0.2;
  std::map<int64_t, std::vector<size_t>> classes;
  for (size_t i = 0; i < names.size(); ++i) classes[numbers[i]].push_back(i);
  std::vector<bool> validates(names.size());
  for (auto& [number, members] : classes) {
    const auto key = [&](size_t i) {
      const std::string stem = fs::path(names[i]).stem().string();
      return std::pair(number_in_name(stem), stem);
    };
    std::ranges::stable_sort(members, {}, key);
    const auto wanted =
        static_cast<size_t>(std::max<double>(1.0, std::round(share * static_cast<double>(members.size()))));
    size_t first = members.size() > wanted ? members.size() - wanted : 0;
    while (first > 0 && key(members[first - 1]) == key(members[first])) --first;
    if (first == 0) {
      const std::string whose =
          labels.empty() ? "" : fmt::format(" of the class '{}'", labels.at(static_cast<size_t>(number)));
      if (n_validation > 0)
        throw DataError(
            "[data] data.n_validation={} takes {} of {} pictures{}, which leaves none to train: give fewer",
            n_validation, std::min(wanted, members.size()), members.size(), whose);
      throw DataError("[data] a fifth of {} pictures{} is to validate, which leaves none to train: give more",
                      members.size(), whose);
    }
    for (size_t k = first; k < members.size(); ++k) validates[members[k]] = true;
  }
  return validates;
}

std::vector<std::string> labels_of_data(const TrainConfig& config) {
  if (config.data.manifest.empty() && config.data.folder.empty()) {
    if (!by_noise(config)) return {"defect", "ok"};
    std::vector<std::string> types;
    for (const NoiseType type : kNoiseTypes) types.emplace_back(name_of(type));
    return types;
  }
  const Found found = config.data.manifest.empty() ? find_in_folder(split_folder(config.data.folder, "train"))
                                                   : find_in_manifest(config);
  const std::set<std::string> labels(found.labels.begin(), found.labels.end());
  return {labels.begin(), labels.end()};
}

LabelledSet all_labelled_pictures(const TrainConfig& config, int64_t limit) {
  const TrainConfig::Data& data = config.data;
  const Found found =
      data.manifest.empty() ? find_in_folder(split_folder(data.folder, "test")) : find_in_manifest(config);
  const std::vector<int64_t> numbers = numbered(found, parse_labels(config.classifier.labels));
  return set_of(found, numbers, first_of(all_of(found), numbers, limit), config.classifier.size);
}

LabelledData open_labelled_data(const TrainConfig& config, PictureCheck check) {
  const TrainConfig::Data& data = config.data;
  const std::vector<std::string> labels = parse_labels(config.classifier.labels);
  const int64_t size = config.classifier.size;
  LabelledData opened;
  if (data.manifest.empty() && data.folder.empty()) {
    opened = generated(config);
    const auto known = static_cast<int64_t>(labels_of_data(config).size());
    if (known != std::ssize(labels))
      throw ConfigError("[config] classifier.labels = '{}' has {} classes, the generated castings have {}",
                        config.classifier.labels, labels.size(), known);
  } else if (const fs::path train = split_folder(data.folder, "train");
             data.manifest.empty() && train != fs::path(data.folder)) {
    const Found own = find_in_folder(train), other = find_in_folder(split_folder(data.folder, "val"));
    check_files(own.files, check);
    check_files(other.files, check);
    const std::vector<int64_t> numbers = numbered(own, labels), others = numbered(other, labels);
    check_classes(numbers, labels, train.string());
    opened.train = set_of(own, numbers, first_of(all_of(own), numbers, data.n_train), size);
    opened.validation = set_of(other, others, first_of(all_of(other), others, data.n_validation), size);
  } else {
    const Found found = data.manifest.empty() ? find_in_folder(data.folder) : find_in_manifest(config);
    check_files(found.files, check);
    const std::vector<int64_t> numbers = numbered(found, labels);
    check_classes(numbers, labels, data.manifest.empty() ? data.folder : data.manifest);
    std::vector<std::string> names;
    for (const fs::path& file : found.files) names.push_back(file.string());
    const std::vector<bool> validates = found.validates.empty()
                                            ? choose_validation(names, numbers, data.n_validation, labels)
                                            : found.validates;
    std::vector<size_t> to_train, to_validate;
    for (size_t i = 0; i < names.size(); ++i) (validates[i] ? to_validate : to_train).push_back(i);
    opened.train = set_of(found, numbers, first_of(to_train, numbers, data.n_train), size);
    opened.validation = set_of(found, numbers, to_validate, size);
  }
  opened.remarks.push_back(fmt::format("training: {}; validation: {}", counts_text(opened.train, labels),
                                       counts_text(opened.validation, labels)));
  return opened;
}

}  // namespace primal
