// Manifest: a table that says which pictures belong together: a noisy picture, its type of noise, the clean
// picture it was made from, and the label of the part that it shows.
//
//   noisy,noise,clean,label
//   noisy/gaussian/a.png,gaussian,clean/a.png,defect
//
// From one manifest come three tasks, each of which asks for the columns it needs: the label of a noisy
// picture, its type of noise, the clean picture. Columns have any order and other columns may stand beside
// them. A path is relative to the folder of the manifest, or absolute; one with backslashes is taken as
// written on Windows where there is no file of that name.
// The label comes from its column, or from the path of the noisy picture, else of the clean one: the last
// folder in it that has a label (def_front -> defect).
// A column `split`, where there is one, says of each row whether it is to train or to validate: train, val.
// All rows are checked before a picture is opened.
// Errors:  those of a table (data/table), with the row; DataError for a manifest without rows, an empty cell,
//          a label or type of noise that is none of those known (with the nearest), a path without a labelled
//          folder, and two rows with the same noisy picture; IoError for a picture that is not there, with
//          its row, and how many more rows have none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/table/table.h"

namespace primal {

struct ManifestColumns {
  std::string noisy = "noisy", noise = "noise", clean = "clean", label = "label", split = "split";
};

enum class LabelFrom {
  column_or_path,
  column,
  path
};  // column_or_path: the path where there is no such column
LabelFrom parse_label_from(const std::string& text);  // "auto", "column", "path"; ConfigError for others

// Which of them a task reads; columns that are not needed may be missing.
struct ManifestNeeds {
  bool noise = false, clean = false, label = false;
};

struct ManifestOptions {
  ManifestColumns columns;
  TableOptions table;
  LabelFrom label_from = LabelFrom::column_or_path;
  // Classes in the order of their numbers; empty: whatever occurs, sorted by name.
  std::vector<std::string> labels = {"defect", "ok"};
  std::vector<std::string> noise_types = {"gaussian", "salt_pepper", "periodic"};
  // Folders that stand for labels, beside those called like a label.
  std::map<std::string, std::string> folder_labels = {{"def_front", "defect"}, {"ok_front", "ok"}};
};

struct ManifestEntry {
  size_t row = 0;  // of the table, for Table::where
  std::filesystem::path noisy, clean;
  std::string noise, label;
  std::string split;                           // "train" or "val"; "" where the table has no such column
  int64_t noise_class = -1, label_class = -1;  // numbers in Manifest::noise_types and labels; -1: not needed
};

struct Manifest {
  Table table;
  std::vector<std::string> labels, noise_types;
  std::vector<ManifestEntry> entries;

  bool has_split() const { return !entries.front().split.empty(); }
  std::string where(size_t entry) const { return table.where(entries.at(entry).row); }
};

Manifest read_manifest(const std::filesystem::path& path, const ManifestNeeds& needs,
                       const ManifestOptions& options = ManifestOptions());
// From a table; paths are relative to `folder`.
Manifest make_manifest(Table table, const std::filesystem::path& folder, const ManifestNeeds& needs,
                       const ManifestOptions& options = ManifestOptions());

// The label that the folders of a path say; "" where they say none.
std::string label_of_path(const std::filesystem::path& path,
                          const ManifestOptions& options = ManifestOptions());

}  // namespace primal
