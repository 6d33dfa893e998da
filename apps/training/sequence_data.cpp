#include "apps/training/sequence_data.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>
#include <optional>

#include "apps/shell/counted.h"
#include "apps/training/training_data.h"
#include "data/phantom/moving.h"
#include "data/preprocess/level_range.h"
#include "data/preprocess/preprocess.h"
#include "data/sequence/frames.h"
#include "data/sequence/sequence.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMovingPhantoms = 200;                           // where data.n_train is 0
constexpr uint32_t kValidationMovingPhantoms = uint32_t{1} << 20;  // the splits share no phantom

class MovingPhantoms : public Dataset {
 public:
  MovingPhantoms(uint64_t seed, int64_t n_clips, int64_t n_frames, int64_t size, uint32_t first)
      : Dataset(n_clips * n_frames, size, kCacheBytes), seed_(seed), n_frames_(n_frames), first_(first) {}
  std::string name(int64_t i) const override {
    return fmt::format("moving-{:06}, frame {}", first_ + i / n_frames_, i % n_frames_);
  }

 private:
  Image load(int64_t i) const override {
    const auto index = first_ + static_cast<uint32_t>(i / n_frames_);
    return to_image(make_moving_frame(seed_, index, picture_size(), i % n_frames_));
  }

  uint64_t seed_;
  int64_t n_frames_;
  uint32_t first_;
};

struct Clip {
  size_t place;
  int64_t first;  // frame
};

// The frames of clips from files. The sequence that was read last is kept, as its other frames are asked for
// next.
class FrameFiles : public Dataset {
 public:
  FrameFiles(std::vector<SequencePlace> places, std::vector<Clip> clips, int64_t n_frames,
             const TrainConfig::Data& data)
      : Dataset(std::ssize(clips) * n_frames, data.size, kCacheBytes),
        places_(std::move(places)),
        clips_(std::move(clips)),
        n_frames_(n_frames),
        range_(parse_level_range(data.range)) {}
  std::string name(int64_t i) const override {
    const Clip& clip = clips_.at(static_cast<size_t>(i / n_frames_));
    return fmt::format("{}, frame {}", places_[clip.place].name, clip.first + i % n_frames_);
  }

 private:
  Image load(int64_t i) const override {
    const Clip& clip = clips_[static_cast<size_t>(i / n_frames_)];
    const int64_t t = clip.first + i % n_frames_;
    const auto [raster, page, levels] = frame(clip.place, t);
    return preprocess(levels_of_page(*raster, page, levels.low, levels.high), picture_size());
  }

  struct Found {
    std::shared_ptr<const Raster> raster;
    int64_t page;
    Levels levels;
  };
  Found frame(size_t at, int64_t t) const {
    const SequencePlace& place = places_[at];
    // A frame whose levels do not depend on the others is read alone.
    if (place.files.size() > 1) {
      const fs::path& file = place.files[static_cast<size_t>(t)];
      const bool given = range_.kind == LevelRange::Kind::given;
      auto raster = std::make_shared<const Raster>(grey(read_raster(file)));
      if (given || (range_.kind == LevelRange::Kind::full && raster->white > 0.0))
        return {raster, 0, levels_of(*raster, range_, file.string())};
    }
    const std::shared_ptr<const Sequence> whole = sequence(at);
    const bool pages = whole->rasters.size() == 1;
    const Raster& raster = whole->rasters[pages ? 0 : static_cast<size_t>(t)];
    return {std::shared_ptr<const Raster>(whole, &raster), pages ? t : 0, whole->levels};
  }

  std::shared_ptr<const Sequence> sequence(size_t at) const {
    {
      const std::lock_guard lock(mutex_);
      if (last_ != nullptr && last_place_ == at) return last_;
    }
    auto read = std::make_shared<const Sequence>(read_sequence(places_[at], range_));
    const std::lock_guard lock(mutex_);
    last_place_ = at;
    return last_ = read;
  }

  std::vector<SequencePlace> places_;
  std::vector<Clip> clips_;
  int64_t n_frames_;
  LevelRange range_;
  mutable std::mutex mutex_;
  mutable size_t last_place_ = 0;
  mutable std::shared_ptr<const Sequence> last_;
};

// A sequence and how many frames it has; why it cannot be used, or nothing.
struct Looked {
  SequencePlace place;
  int64_t n_frames = 0, side = 0;
  std::string problem;
};

// Only a folder in which something is wrong is read in full: the reader's own verdict counts.
void look_at_frames(Looked& one, const LevelRange& range, PictureCheck check) {
  const std::vector<PictureReport> reports = check_pictures(one.place.files, check);
  const auto is_like_first = [&](const PictureReport& report) {
    return report.error.empty() && report.width == reports[0].width && report.height == reports[0].height;
  };
  one.n_frames = std::ssize(reports);
  one.side = std::min(reports[0].width, reports[0].height);
  if (std::ranges::all_of(reports, is_like_first)) return;
  const Sequence sequence = read_sequence(one.place, range);
  one.side = std::min(sequence.width(), sequence.height());
}

Looked look_at(const SequencePlace& place, const TrainConfig::Data& data, PictureCheck check) {
  Looked one{place, 0, 0, ""};
  const LevelRange range = parse_level_range(data.range);
  try {
    if (place.files.size() > 1) {
      look_at_frames(one, range, check);
    } else {
      const Sequence sequence = read_sequence(place, range);
      one.n_frames = sequence.n_frames();
      one.side = std::min(sequence.width(), sequence.height());
    }
  } catch (const Error& error) {
    one.problem = error.what();
  }
  return one;
}

// The sequences below a folder that can be used.
std::vector<Looked> usable(const fs::path& folder, const TrainConfig::Data& data, PictureCheck check,
                           std::vector<std::string>& remarks) {
  std::vector<Looked> all;
  std::vector<std::string> problems;
  int64_t n_small = 0;
  const std::vector<SequencePlace> places = find_sequences(folder);
  for (const SequencePlace& place : places) {
    Looked one = look_at(place, data, data.skip_broken ? PictureCheck::decode : check);
    if (one.problem.empty() && one.n_frames < data.frames)
      one.problem = fmt::format("{} has {}, fewer than data.frames {}", place.files.front().string(),
                                counted(one.n_frames, "frame"), data.frames);
    if (!one.problem.empty()) {
      problems.push_back(one.problem);
      continue;
    }
    n_small += one.side < data.size ? 1 : 0;
    all.push_back(std::move(one));
  }
  if (!problems.empty() && (!data.skip_broken || all.empty()))
    throw DataError(
        "[data] {} of {} sequences below {} cannot be used; --set data.skip_broken=true skips such "
        "sequences:{}",
        problems.size(), places.size(), folder.string(), listed(problems));
  if (!problems.empty())
    remarks.push_back(fmt::format("{} of {} sequences below {} are left out (data.skip_broken):{}",
                                  problems.size(), places.size(), folder.string(), listed(problems)));
  if (n_small > 0)
    remarks.push_back(
        fmt::format("the frames of {} of {} sequences below {} are smaller than {} x {} (data.size) and are "
                    "enlarged",
                    n_small, all.size(), folder.string(), data.size, data.size));
  return all;
}

// A sequence that is a single clip of n frames has its name.
std::string clip_name(const Looked& one, int64_t first, int64_t n) {
  return one.n_frames < 2 * n ? one.place.name : fmt::format("{} from frame {}", one.place.name, first);
}

// The first `limit` clips of these sequences, 0: all.
ClipSet clips_of(const std::vector<Looked>& sequences, int64_t limit, const TrainConfig::Data& data) {
  ClipSet set;
  set.n_frames = data.frames;
  std::vector<SequencePlace> places;
  std::vector<Clip> clips;
  for (const Looked& one : sequences) {
    for (int64_t first = 0; first + data.frames <= one.n_frames; first += data.frames) {
      if (limit > 0 && std::ssize(clips) == limit) break;
      clips.push_back({places.size(), first});
      set.names.push_back(clip_name(one, first, data.frames));
    }
    places.push_back(one.place);
  }
  set.frames = std::make_unique<FrameFiles>(std::move(places), std::move(clips), data.frames, data);
  return set;
}

ClipSet phantoms(const TrainConfig& config, int64_t n, uint32_t first) {
  const TrainConfig::Data& data = config.data;
  ClipSet set;
  set.n_frames = data.frames;
  for (int64_t i = 0; i < n; ++i) set.names.push_back(fmt::format("moving-{:06}", first + i));
  set.frames =
      std::make_unique<MovingPhantoms>(static_cast<uint64_t>(config.seed), n, data.frames, data.size, first);
  return set;
}

// How many sequences at the end of a flat folder validate.
size_t n_validating(const std::vector<Looked>& all, const TrainConfig::Data& data) {
  size_t n = 0;
  if (data.n_validation == 0) n = std::max<size_t>(1, all.size() / 10);
  for (int64_t clips = 0; data.n_validation > 0 && clips < data.n_validation && n < all.size(); ++n)
    clips += all[all.size() - 1 - n].n_frames / data.frames;
  if (n < all.size()) return n;
  throw DataError(
      "[train] {} contains {}, which is too few to keep {} of {} for validation (data.n_validation, "
      "data.frames) and to train on others",
      data.folder, counted(std::ssize(all), "sequence"),
      counted(std::max<int64_t>(1, data.n_validation), "clip"), counted(data.frames, "frame"));
}

}  // namespace

Tensor ClipSet::clip(int64_t i) const {
  std::vector<Tensor> all;
  for (int64_t t = 0; t < n_frames; ++t) all.push_back(frames->clean(i * n_frames + t));
  return frames_last(all);
}

SequenceData open_sequence_data(const TrainConfig& config, PictureCheck check) {
  const TrainConfig::Data& data = config.data;
  SequenceData opened;
  if (data.folder.empty()) {
    const auto n_of = [](int64_t n) { return n > 0 ? n : kMovingPhantoms; };
    opened.train = phantoms(config, n_of(data.n_train), 0);
    opened.validation = phantoms(config, n_of(data.n_validation), kValidationMovingPhantoms);
    return opened;
  }
  const fs::path train = split_folder(data.folder, "train");
  std::vector<Looked> training = usable(train, data, check, opened.remarks), validation;
  if (train == fs::path(data.folder)) {
    const auto n = static_cast<std::ptrdiff_t>(n_validating(training, data));
    validation.assign(training.end() - n, training.end());
    training.erase(training.end() - n, training.end());
  } else {
    validation = usable(split_folder(data.folder, "val"), data, check, opened.remarks);
  }
  opened.train = clips_of(training, data.n_train, data);
  opened.validation = clips_of(validation, data.n_validation, data);
  opened.remarks.push_back(fmt::format("{} of {} train, {} validate", counted(opened.train.size(), "clip"),
                                       counted(data.frames, "frame"), opened.validation.size()));
  return opened;
}

TestClips open_test_clips(const TrainConfig& config) {
  TestClips test{.data = config.data, .clips = {}, .broken = {}};
  const std::vector<SequencePlace> places = find_sequences(split_folder(config.data.folder, "test"));
  test.n_sequences = std::ssize(places);
  for (const SequencePlace& place : places) {
    const Looked one = look_at(place, config.data, PictureCheck::headers);
    if (!one.problem.empty()) {
      test.broken.push_back({place.name, one.problem});
      continue;
    }
    const int64_t n = std::min(config.data.frames, one.n_frames);
    test.n_short += one.n_frames < config.data.frames ? 1 : 0;
    for (int64_t first = 0; first + n <= one.n_frames; first += n)
      test.clips.push_back({place, clip_name(one, first, n), first, n});
  }
  return test;
}

Tensor TestClips::clip(int64_t i) const {
  const Clip& one = clips.at(static_cast<size_t>(i));
  const FrameFiles files({one.place}, {{0, one.first}}, one.n_frames, data);
  std::vector<Tensor> all;
  for (int64_t t = 0; t < one.n_frames; ++t) all.push_back(files.clean(t));
  return frames_last(all);
}

}  // namespace primal
