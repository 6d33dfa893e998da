#include "apps/training/test_pictures.h"

#include <algorithm>

#include "apps/shell/streams.h"
#include "data/image/image.h"
#include "data/preprocess/preprocess.h"

namespace primal {

TestPictures::TestPictures(const std::filesystem::path& folder, int64_t size, int64_t limit,
                           const LevelRange& range, bool quiet)
    : ImageFolder(folder, size, limit), range_(range), quiet_(quiet) {}

Image TestPictures::load(int64_t i) const {
  const Image image = read_image(path(i));
  if (!quiet_) {
    for (const std::string& remark : image.remarks) say("{}: {}\n", path(i).string(), remark);
  }
  const int64_t side = picture_size();
  if (!quiet_ && std::min(image.width, image.height) < side) {
    say("{} has {} x {} pixels: enlarged to {} x {}\n", path(i).string(), image.width, image.height, side,
        side);
  }
  return preprocess(stretched(image, levels_of(image, range_, path(i).string())), side);
}

}  // namespace primal
