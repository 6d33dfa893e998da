#include "data/manifest/manifest.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <optional>
#include <set>

#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

class Reader {
 public:
  Reader(Table table, const fs::path& folder, const ManifestNeeds& needs, const ManifestOptions& options)
      : folder_(folder), needs_(needs), options_(options) {
    manifest_.table = std::move(table);
  }

  Manifest read() {
    if (table().rows.empty()) {
      throw DataError("[manifest] {} has no rows below its header: expected one for each picture",
                      table().name);
    }
    find_columns();
    for (size_t row = 0; row < table().rows.size(); ++row) manifest_.entries.push_back(read_row(row));
    check_repeats();
    check_files();
    if (needs_.noise)
      number_classes("type of noise", options_.noise_types, manifest_.noise_types, &ManifestEntry::noise,
                     &ManifestEntry::noise_class);
    if (needs_.label)
      number_classes("label", options_.labels, manifest_.labels, &ManifestEntry::label,
                     &ManifestEntry::label_class);
    return std::move(manifest_);
  }

 private:
  const Table& table() const { return manifest_.table; }

  void find_columns() {
    const ManifestColumns& names = options_.columns;
    noisy_ = table().column(names.noisy);
    if (needs_.noise) noise_ = table().column(names.noise);
    split_ = table().find_column(names.split);
    label_is_in_column_ =
        needs_.label &&
        (options_.label_from == LabelFrom::column ||
         (options_.label_from == LabelFrom::column_or_path && table().find_column(names.label).has_value()));
    if (label_is_in_column_) label_ = table().column(names.label);
    // For a label from the path the clean picture helps where it is known.
    has_clean_ = needs_.clean ||
                 (needs_.label && !label_is_in_column_ && table().find_column(names.clean).has_value());
    if (has_clean_) clean_ = table().column(names.clean);
  }

  const std::string& required(size_t row, size_t column) const {
    const std::string& text = table().text(row, column);
    if (text.empty()) throw DataError("[manifest] {} is empty", table().where(row, column));
    return text;
  }

  fs::path path_in(const std::string& text) const {
    const fs::path path = folder_ / text;
    if (is_file(path) || text.find('\\') == std::string::npos) return path;
    std::string slashes = text;
    std::ranges::replace(slashes, '\\', '/');
    return is_file(folder_ / slashes) ? folder_ / slashes : path;
  }

  ManifestEntry read_row(size_t row) const {
    ManifestEntry entry;
    entry.row = row;
    entry.noisy = path_in(required(row, noisy_));
    if (needs_.noise) entry.noise = required(row, noise_);
    if (has_clean_) entry.clean = path_in(needs_.clean ? required(row, clean_) : table().text(row, clean_));
    if (split_) {
      entry.split = required(row, *split_);
      if (entry.split != "train" && entry.split != "val")
        throw DataError("[manifest] {} is '{}', expected train or val", table().where(row, *split_),
                        entry.split);
    }
    if (!needs_.label) return entry;
    entry.label = label_is_in_column_ ? required(row, label_) : label_by_path(row, entry);
    return entry;
  }

  std::string label_by_path(size_t row, const ManifestEntry& entry) const {
    for (const fs::path& path : {entry.noisy, entry.clean}) {
      const fs::path relative = path.lexically_relative(folder_);  // empty where one of them is absolute
      const std::string label = label_of_path(relative.empty() ? path : relative, options_);
      if (!label.empty()) return label;
    }
    std::vector<std::string> folders = options_.labels;
    for (const auto& [folder, label] : options_.folder_labels) folders.push_back(folder);
    throw DataError("[manifest] {}: no folder in the path {} says a label; those that do: {}",
                    table().where(row), entry.noisy.string(), fmt::join(folders, ", "));
  }

  void check_repeats() const {
    std::map<std::string, size_t> first;
    for (const ManifestEntry& entry : manifest_.entries) {
      const auto [found, is_new] = first.emplace(entry.noisy.lexically_normal().string(), entry.row);
      if (is_new) continue;
      throw DataError("[manifest] {} names the same noisy picture as {} {}: {}", table().where(entry.row),
                      table().is_sheet ? "row" : "line", table().rows[found->second].number,
                      entry.noisy.string());
    }
  }

  void check_files() const {
    size_t n_missing = 0;
    std::string first;
    for (const ManifestEntry& entry : manifest_.entries) {
      const bool noisy = is_file(entry.noisy), clean = !needs_.clean || is_file(entry.clean);
      if (noisy && clean) continue;
      if (n_missing++ == 0) {
        first = fmt::format("{}: there is no {} picture {}", table().where(entry.row),
                            noisy ? "clean" : "noisy", (noisy ? entry.clean : entry.noisy).string());
      }
    }
    if (n_missing == 0) return;
    throw IoError("[manifest] {}{}", first,
                  n_missing == 1 ? ""
                                 : fmt::format("; {} of {} rows name a picture that is not there", n_missing,
                                               manifest_.entries.size()));
  }

  void number_classes(const char* what, const std::vector<std::string>& known,
                      std::vector<std::string>& classes, std::string ManifestEntry::*name,
                      int64_t ManifestEntry::*number) {
    classes = known;
    if (known.empty()) {
      std::set<std::string> found;
      for (const ManifestEntry& entry : manifest_.entries) found.insert(entry.*name);
      classes.assign(found.begin(), found.end());
    }
    for (ManifestEntry& entry : manifest_.entries) {
      const auto found = std::ranges::find(classes, entry.*name);
      if (found == classes.end()) {
        const std::string meant = name_meant(classes, entry.*name);
        throw DataError("[manifest] {}: unknown {} '{}'{}; known: {}", table().where(entry.row), what,
                        entry.*name, meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant),
                        fmt::join(classes, ", "));
      }
      entry.*number = found - classes.begin();
    }
  }

  const fs::path& folder_;
  const ManifestNeeds& needs_;
  const ManifestOptions& options_;
  Manifest manifest_;
  size_t noisy_ = 0, noise_ = 0, clean_ = 0, label_ = 0;
  std::optional<size_t> split_;
  bool label_is_in_column_ = false, has_clean_ = false;
};

}  // namespace

LabelFrom parse_label_from(const std::string& text) {
  if (text == "auto") return LabelFrom::column_or_path;
  if (text == "column") return LabelFrom::column;
  if (text == "path") return LabelFrom::path;
  throw ConfigError("[manifest] the label comes from auto, column or path, not from '{}'", text);
}

std::string label_of_path(const fs::path& path, const ManifestOptions& options) {
  std::string label;
  for (const fs::path& part : path.parent_path()) {
    const std::string folder = part.string();
    if (const auto found = options.folder_labels.find(folder); found != options.folder_labels.end()) {
      label = found->second;
    } else if (std::ranges::find(options.labels, folder) != options.labels.end()) {
      label = folder;
    }
  }
  return label;
}

Manifest make_manifest(Table table, const fs::path& folder, const ManifestNeeds& needs,
                       const ManifestOptions& options) {
  return Reader(std::move(table), folder, needs, options).read();
}

Manifest read_manifest(const fs::path& path, const ManifestNeeds& needs, const ManifestOptions& options) {
  return make_manifest(read_table(path, options.table), path.parent_path(), needs, options);
}

}  // namespace primal
