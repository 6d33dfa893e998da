#include "apps/training/training_data.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <set>

#include "data/preprocess/level_range.h"
#include "data/preprocess/opponent.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

constexpr int64_t kFewest = 10;     // training pictures of a flat folder that go without a remark
constexpr size_t kMostListed = 20;  // broken pictures named one by one
constexpr int64_t kPhantoms = 200;  // where data.n_train is 0
constexpr uint32_t kValidationPhantoms = uint32_t{1} << 20;  // the splits share no phantom

// What a sample is made of: a picture as grey, or one of its channels.
struct Source {
  fs::path path;
  int channel = -1;  // 0 red, 1 green, 2 blue, or one of the opponent channels; -1: grey
};

Paths paths_of(const std::vector<Source>& sources) {
  Paths paths;
  for (const Source& source : sources) paths.push_back(source.path);
  return paths;
}

Image channel_of(const Image& image, int channel) {
  Image one(image.width, image.height, 1, image.bit_depth);
  for (size_t i = 0; i < one.levels.size(); ++i)
    one.levels[i] = image.levels[3 * i + static_cast<size_t>(channel)];
  return one;
}

// The samples of a split, with the levels of data.range as 0 and 1. The channels of a picture follow each
// other, and whoever asks for one makes it decode for all three.
class RangedFolder : public ImageFolder {
 public:
  RangedFolder(const fs::path& folder, const std::vector<Source>& sources, const TrainConfig::Data& data)
      : ImageFolder(folder, paths_of(sources), data.size),
        range_(parse_level_range(data.range)),
        opponent_(data.colour == "opponent") {
    for (const Source& source : sources) channels_.push_back(source.channel);
  }

  std::string name(int64_t i) const override {
    constexpr std::array kNames{"red", "green", "blue"};
    const int channel = channels_.at(static_cast<size_t>(i));
    if (channel < 0) return ImageFolder::name(i);
    const auto c = static_cast<size_t>(channel);
    return fmt::format("{} ({})", ImageFolder::name(i), opponent_ ? kOpponentNames.at(c) : kNames.at(c));
  }

 private:
  Image load(int64_t i) const override {
    const int channel = channels_.at(static_cast<size_t>(i));
    Image image = read_image(path(i));
    image = stretched(image, levels_of(image, range_, path(i).string()));
    if (channel < 0) return preprocess(image, picture_size());
    if (image.channels != 3)
      throw DataError("[data] {} was in colour when the training began and is grey now", path(i).string());
    Image wanted;
    for (int c = 0; c < 3; ++c) {
      Image one = preprocess(opponent_ ? opponent_channel(image, c) : channel_of(image, c), picture_size());
      if (c == channel)
        wanted = std::move(one);
      else
        keep(i - channel + c, one);
    }
    return wanted;
  }

  LevelRange range_;
  bool opponent_;
  std::vector<int> channels_;
};

// The first n; 0: all.
Paths first_of(Paths paths, int64_t n) {
  if (n > 0 && static_cast<size_t>(n) < paths.size()) paths.resize(static_cast<size_t>(n));
  return paths;
}

struct Split {
  const char* what;  // "training"
  fs::path folder;
  Paths paths;
  std::set<fs::path> in_colour = {};  // of them; known where data.colour is not grey

  std::vector<Source> sources() const {
    std::vector<Source> all;
    for (const fs::path& path : paths) {
      if (!in_colour.contains(path)) {
        all.push_back({path});
        continue;
      }
      for (int channel = 0; channel < 3; ++channel) all.push_back({path, channel});
    }
    return all;
  }
};

struct Splits {
  Split train, validation;
  bool flat = false;
};

Splits split_flat(const TrainConfig::Data& data) {
  const Paths all = find_pictures(data.folder);
  const int64_t n = std::ssize(all);
  const int64_t n_validation = data.n_validation > 0 ? data.n_validation : std::max<int64_t>(1, n / 10);
  if (n_validation >= n) {
    throw DataError(
        "[train] {} contains {} pictures, which is too few to keep {} for validation (data.n_validation); {}",
        data.folder, n, n_validation,
        n > 1 ? "--set data.n_validation=1 keeps one"
              : "at least one for training and one for validation are needed");
  }
  const auto middle = all.end() - static_cast<std::ptrdiff_t>(n_validation);
  return {{"training", data.folder, first_of({all.begin(), middle}, data.n_train)},
          {"validation", data.folder, {middle, all.end()}},
          true};
}

Splits split_of(const TrainConfig::Data& data) {
  const fs::path train = split_folder(data.folder, "train");
  if (train == fs::path(data.folder)) return split_flat(data);
  const fs::path validation = split_folder(data.folder, "val");
  return {{"training", train, first_of(find_pictures(train), data.n_train)},
          {"validation", validation, first_of(find_pictures(validation), data.n_validation)}};
}

// Looks at the pictures of a split and takes the broken ones out of it: their errors are returned.
std::vector<std::string> take_out_broken(Split& split, PictureCheck check, int64_t size,
                                         std::vector<std::string>& remarks) {
  const std::vector<PictureReport> reports = check_pictures(split.paths, check);
  Paths whole;
  std::vector<std::string> broken;
  int64_t n_small = 0;
  size_t smallest = 0;
  const auto side = [&](size_t i) { return std::min(reports[i].width, reports[i].height); };
  for (size_t i = 0; i < reports.size(); ++i) {
    if (!reports[i].error.empty()) {
      broken.push_back(reports[i].error);
      continue;
    }
    whole.push_back(split.paths[i]);
    if (reports[i].in_colour) split.in_colour.insert(split.paths[i]);
    if (side(i) >= size) continue;
    if (n_small++ == 0 || side(i) < side(smallest)) smallest = i;
  }
  if (n_small > 0) {
    remarks.push_back(
        fmt::format("{} of {} {} pictures are smaller than {} x {} (data.size) and are enlarged; the "
                    "smallest is {} with {} x {}",
                    n_small, reports.size(), split.what, size, size,
                    split.paths[smallest].lexically_relative(split.folder).generic_string(),
                    reports[smallest].width, reports[smallest].height));
  }
  split.paths = std::move(whole);
  return broken;
}

void leave_out_broken(Splits& splits, const TrainConfig::Data& data, PictureCheck check,
                      std::vector<std::string>& remarks) {
  std::vector<std::string> broken;
  const size_t n = splits.train.paths.size() + splits.validation.paths.size();
  const bool decodes = data.skip_broken || data.colour != "grey";
  for (Split* split : {&splits.train, &splits.validation}) {
    const std::vector<std::string> some =
        take_out_broken(*split, decodes ? PictureCheck::decode : check, data.size, remarks);
    if (data.colour == "grey") split->in_colour.clear();
    broken.insert(broken.end(), some.begin(), some.end());
  }
  if (broken.empty()) return;
  if (!data.skip_broken) {
    throw DataError(
        "[data] {} of {} pictures cannot be read; --set data.skip_broken=true skips such pictures:{}",
        broken.size(), n, listed(broken));
  }
  for (const Split* split : {&splits.train, &splits.validation}) {
    if (!split->paths.empty()) continue;
    throw DataError("[data] no {} picture of {} can be read:{}", split->what, split->folder.string(),
                    listed(broken));
  }
  remarks.push_back(fmt::format("{} of {} pictures cannot be read and are left out (data.skip_broken):{}",
                                broken.size(), n, listed(broken)));
}

}  // namespace

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < std::min(lines.size(), kMostListed); ++i) text += "\n  " + lines[i];
  if (lines.size() > kMostListed) text += fmt::format("\n  and {} more", lines.size() - kMostListed);
  return text;
}

TrainingData open_training_data(const TrainConfig& config, PictureCheck check) {
  const TrainConfig::Data& data = config.data;
  TrainingData opened;
  if (data.folder.empty()) {
    const auto phantoms = [&](int64_t n, uint32_t first) {
      return std::make_unique<PhantomSet>(static_cast<uint64_t>(config.seed), n > 0 ? n : kPhantoms,
                                          data.size, first);
    };
    opened.train = phantoms(data.n_train, 0);
    opened.validation = phantoms(data.n_validation, kValidationPhantoms);
    for (int64_t i = 0; i < opened.train->size(); ++i) opened.listed.push_back(opened.train->name(i));
    return opened;
  }
  Splits splits = split_of(data);
  for (const fs::path& path : splits.train.paths)
    opened.listed.push_back(path.lexically_relative(splits.train.folder).generic_string());
  leave_out_broken(splits, data, check, opened.remarks);
  const size_t n_train = splits.train.paths.size(), n_validation = splits.validation.paths.size();
  if (splits.flat && (n_train < n_validation || static_cast<int64_t>(n_train) < kFewest)) {
    opened.remarks.push_back(
        fmt::format("{} has no folders train and val: {} training picture{}, {} kept for validation; "
                    "--set data.n_validation=N keeps another number",
                    data.folder, n_train, n_train == 1 ? "" : "s", n_validation));
  }
  const auto open = [&](const Split& split) {
    return std::make_unique<RangedFolder>(split.folder, split.sources(), data);
  };
  if (data.colour != "grey") {
    opened.remarks.push_back(fmt::format(
        "{} of {} training pictures are in colour: each of their {}channels is a sample (data.colour)",
        splits.train.in_colour.size(), n_train, data.colour == "opponent" ? "opponent " : ""));
  }
  opened.train = open(splits.train);
  opened.validation = open(splits.validation);
  return opened;
}

}  // namespace primal
