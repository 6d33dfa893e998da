#include "data/sequence/sequence.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "data/dataset/dataset.h"
#include "data/sequence/frames.h"
#include "data/sequence/natural_order.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    if (counts_as_picture(*entry, has_raster_extension)) files.push_back(entry->path());
  }
  if (error) throw IoError("[sequence] cannot read the folder {}: {}", folder.string(), error.message());
  std::ranges::sort(files, [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return files;
}

int64_t pages_of(const fs::path& file) {
  const auto format = format_of_name(file);
  return format && holds_pages(*format) ? read_raster(file).pages : 1;
}

// Whether each of these files of a folder is a sequence by itself, as the first one that can be read decides;
// where none can, each is.
bool are_sequences(const std::vector<fs::path>& files) {
  for (const fs::path& file : files) {
    try {
      return pages_of(file) > 1;
    } catch (const Error&) {
      continue;  // whoever reads the sequence says what is wrong with it
    }
  }
  return true;
}

void check_like_first(const Raster& first, const Raster& raster, const SequencePlace& place, size_t i) {
  if (raster.width == first.width && raster.height == first.height && raster.type == first.type &&
      raster.white == first.white && raster.slope == first.slope && raster.offset == first.offset)
    return;
  throw DataError(
      "[sequence] {} has {} x {} pixels of {} (white {:g}), expected what the first frame {} has, {} x {} of "
      "{} (white {:g})",
      place.files[i].string(), raster.width, raster.height, name_of(raster.type), raster.white,
      place.files.front().string(), first.width, first.height, name_of(first.type), first.white);
}

// One pair of levels for all: what each file would have alone, and the least and the greatest of them.
Levels levels_of_all(const std::vector<Raster>& rasters, const LevelRange& range,
                     const SequencePlace& place) {
  Levels all = levels_of(rasters.front(), range, place.files.front().string());
  if (range.kind == LevelRange::Kind::given) return all;
  if (range.kind == LevelRange::Kind::full && rasters.front().white > 0.0) return all;
  for (size_t i = 1; i < rasters.size(); ++i) {
    const Levels one = levels_of(rasters[i], range, place.files[i].string());
    all = {std::min(all.low, one.low), std::max(all.high, one.high)};
  }
  return all;
}

}  // namespace

SequencePlace sequence_at(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    throw IoError("[sequence] there is no file or folder {}{}", path.string(),
                  error ? ": " + error.message() : std::string());
  const fs::path named = path.has_filename() ? path : path.parent_path();
  SequencePlace place{without_ending(named.filename()).string(), {path}};
  if (!fs::is_directory(path, error)) return place;
  place.name = named.filename().string();
  place.files = files_of(path);
  if (place.files.empty())
    throw DataError("[sequence] no frames in {}: looked for files ending in {}", path.string(),
                    kRasterExtensions);
  return place;
}

std::vector<SequencePlace> find_sequences(const fs::path& root) {
  std::map<fs::path, std::vector<fs::path>> by_folder;
  for (const fs::path& file : find_pictures(root, has_raster_extension, kRasterExtensions))
    by_folder[file.parent_path()].push_back(file);
  std::vector<SequencePlace> places;
  for (const auto& [folder, unordered] : by_folder) {
    const std::vector<fs::path> files = files_of(folder);
    if (files.empty()) continue;
    if (!are_sequences(files)) {
      places.push_back({folder.lexically_relative(root).generic_string(), files});
      continue;
    }
    for (const fs::path& file : files)
      places.push_back({without_ending(file.lexically_relative(root)).generic_string(), {file}});
  }
  std::ranges::sort(
      places, [](const SequencePlace& a, const SequencePlace& b) { return natural_less(a.name, b.name); });
  return places;
}

int64_t Sequence::n_frames() const {
  return rasters.size() == 1 ? rasters.front().pages : std::ssize(rasters);
}

Tensor Sequence::frame(int64_t t) const {
  if (t < 0 || t >= n_frames()) throw ShapeError("[sequence] frame {} of {}", t, n_frames());
  return rasters.size() == 1 ? to_unit(rasters.front(), t, levels)
                             : to_unit(rasters[static_cast<size_t>(t)], 0, levels);
}

Tensor Sequence::tensor() const {
  std::vector<Tensor> frames;
  for (int64_t t = 0; t < n_frames(); ++t) frames.push_back(frame(t));
  return frames_last(frames);
}

Sequence Sequence::with(const Tensor& x) const {
  Sequence result = *this;
  for (int64_t t = 0; t < n_frames(); ++t) {
    if (rasters.size() == 1)
      set_from_unit(result.rasters.front(), t, frame_at(x, t), levels);
    else
      set_from_unit(result.rasters[static_cast<size_t>(t)], 0, frame_at(x, t), levels);
  }
  return result;
}

Sequence read_sequence(const SequencePlace& place, const LevelRange& range) {
  return read_sequence(place, [&range](const Raster&) { return range; });
}

Sequence read_sequence(const SequencePlace& place,
                       const std::function<LevelRange(const Raster& first)>& range_of) {
  Sequence sequence{place, {}, {}, false};
  for (size_t i = 0; i < place.files.size(); ++i) {
    Raster raster = read_raster(place.files[i]);
    sequence.was_colour = sequence.was_colour || has_colour(raster);
    sequence.rasters.push_back(grey(std::move(raster)));
    const Raster& read = sequence.rasters.back();
    if (place.files.size() > 1 && read.pages > 1)
      throw DataError(
          "[sequence] {} has {} pages, and is one of {} files of a folder: expected either one "
          "frame a file, or one file with all frames",
          place.files[i].string(), read.pages, place.files.size());
    check_like_first(sequence.rasters.front(), read, place, i);
  }
  if (sequence.n_frames() < 2)
    throw DataError(
        "[sequence] {} has one frame, expected several: a folder of frames, or a TIFF, NumPy or "
        "NIfTI file of several pages",
        place.files.front().string());
  sequence.levels = levels_of_all(sequence.rasters, range_of(sequence.rasters.front()), place);
  return sequence;
}

int64_t count_frames(const SequencePlace& place) {
  return place.files.size() == 1 ? pages_of(place.files.front()) : std::ssize(place.files);
}

}  // namespace primal
