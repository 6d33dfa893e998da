#include "apps/study/study_pictures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/pictures/noisy_copies.h"
#include "apps/pictures/results.h"
#include "apps/training/labelled_data.h"
#include "data/dataset/dataset.h"
#include "data/manifest/manifest.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kSplitEpoch = uint32_t{1} << 30;  // no training has so many epochs

NoisyCopies copies_of(const StudyOptions& o) {
  return {.from = o.from,
          .output = StudyFolder{o.output}.pictures().string(),
          .n_phantoms = o.n_phantoms,
          .phantom_size = o.size,
          .seed = o.seed};
}

std::vector<NoisyCopy> find_pictures_of(const StudyOptions& o) {
  return find_copies(copies_of(o), {std::begin(kNoiseTypes), std::end(kNoiseTypes)});
}

const std::vector<std::string>& known_labels() {
  static const std::vector<std::string> labels = ManifestOptions().labels;
  return labels;
}

int64_t class_of(const NoisyCopy& copy) {
  return std::ranges::find(known_labels(), copy.label) - known_labels().begin();
}

// A fifth of each class, drawn.
std::vector<bool> draw_held_out(const std::vector<NoisyCopy>& copies, uint64_t seed) {
  std::map<int64_t, std::vector<size_t>> classes;
  for (size_t i = 0; i < copies.size(); ++i) classes[class_of(copies[i])].push_back(i);
  std::vector<bool> held_out(copies.size());
  for (const auto& [label, members] : classes) {
    const std::vector<int64_t> order =
        epoch_order(std::ssize(members), seed, kSplitEpoch + static_cast<uint32_t>(label));
    const auto n = std::max<int64_t>(1, std::llround(0.2 * static_cast<double>(members.size())));
    for (int64_t k = 0; k < n; ++k)
      held_out[members[static_cast<size_t>(order[static_cast<size_t>(k)])]] = true;
  }
  return held_out;
}

std::vector<bool> last_of_each_class(const std::vector<NoisyCopy>& copies) {
  std::vector<std::string> names;
  std::vector<int64_t> classes;
  for (const NoisyCopy& copy : copies) {
    names.push_back(copy.name + ".png");
    classes.push_back(class_of(copy));
  }
  return choose_validation(names, classes, 0);
}

void add_column(Table& table, const char* name, const std::vector<bool>& held_out) {
  table.columns.emplace_back(name);
  for (size_t i = 0; i < held_out.size(); ++i)
    table.rows[i].cells.emplace_back(held_out[i] ? "val" : "train");
}

}  // namespace

void check_study_pictures(const StudyOptions& o) {
  if (!o.from.empty()) {
    std::error_code error;
    const fs::path way =
        fs::weakly_canonical(o.output, error).lexically_relative(fs::weakly_canonical(o.from, error));
    if (!way.empty() && *way.begin() != "..")
      throw ConfigError("[study] -o {} lies in the folder of the pictures, {}; give a folder beside it",
                        o.output, o.from);
  }
  const std::vector<NoisyCopy> copies = find_pictures_of(o);
  std::map<int64_t, int64_t> count;
  for (const NoisyCopy& copy : copies) {
    if (class_of(copy) == std::ssize(known_labels()))
      throw DataError(
          "[study] {} lies in no folder of a class; expected {}/def_front (or defect) and {}/ok_front (or "
          "ok)",
          copy.clean.string(), o.from, o.from);
    ++count[class_of(copy)];
    const fs::path stem = fs::path(copy.name).filename();
    if (o.by_part() && number_in_name(stem.string()) < 0)
      throw DataError(
          "[study] {} has no number at the end of its name, so nothing says which pictures are of one part; "
          "--split picture divides them at random",
          copy.clean.string());
  }
  for (size_t k = 0; k < known_labels().size(); ++k) {
    const int64_t n = count[static_cast<int64_t>(k)];
    if (n < 2)
      throw DataError(
          "[study] {} has {} pictures of class {}: expected two or more, some to train and some held out",
          o.from.empty() ? "--phantom" : o.from, n, known_labels()[k]);
  }
  if (o.by_part()) last_of_each_class(copies);  // DataError where nothing is left to train
}

bool make_study_pictures(const StudyOptions& o, bool quiet, Device device,
                         const volatile std::sig_atomic_t& stop) {
  const StudyFolder folder{o.output};
  std::error_code error;
  if (fs::exists(folder.manifest(), error)) return true;
  NoisyCopies copies = copies_of(o);
  copies.quiet = quiet;
  std::vector<NoisyCopy> all = find_pictures_of(o);
  for (size_t i = 0; i < all.size(); ++i) {
    if (stop != 0) return false;
    all[i].noisy = folder.pictures() / "noisy" / (all[i].name + ".png");
    make_result_folder(all[i].noisy.parent_path());
    if (o.from.empty()) make_result_folder(all[i].clean.parent_path());
    write_noisy_copy(copies, all[i], i, clean_picture(copies, all[i], i), device);
  }
  Table table = manifest_of(copies, all);
  const std::vector<bool> drawn = draw_held_out(all, o.seed);
  add_column(table, kSplitColumn, o.by_part() ? last_of_each_class(all) : drawn);
  add_column(table, kPictureSplitColumn, drawn);
  write_table(folder.manifest(), table);
  return true;
}

}  // namespace primal
