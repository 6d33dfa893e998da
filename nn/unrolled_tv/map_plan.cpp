#include "nn/unrolled_tv/map_plan.h"

#include <algorithm>

#include "nn/unet/unet_windows.h"
#include "nn/unrolled_tv/picture_tiles.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

constexpr int64_t kSmallestTile = 64;

// About what conv3d_winograd works in: all weights transformed, and a patch of tiles for each thread.
int64_t workspace(int64_t in, int64_t out) {
  constexpr int64_t kPoints = 36, kPatchFloats = 300 * 1024;
  const int64_t tiles = std::clamp<int64_t>(kPatchFloats / (kPoints * (in + out)), 32, 64);
  return 4 * kPoints * (in * out + num_threads() * tiles * (in + out));
}

// The way of one window through the U-Net.
class Walk {
 public:
  Walk(const UNetOptions& options, int64_t n_pictures) : o_(options), n_pictures_(n_pictures) {}

  int64_t peak(const std::array<int64_t, 3>& extents, const CellBox& window) {
    const UNetWindows w = unet_windows(o_, extents, window);
    const auto blocks = static_cast<size_t>(o_.blocks);
    const auto width = [&](size_t level) { return o_.filters << level; };
    const CellBox all{CellRange{0, extents[0]}, {0, extents[1]}, {0, extents[2]}};
    const int64_t input = w.encoder[0] == all ? 0 : bytes_of(w.encoder[0], o_.in_channels);
    take(input);
    double_conv(w.encoder[0], o_.in_channels, width(0));
    give(input);
    for (size_t level = 0; level < blocks; ++level) {
      const int64_t u = bytes_of(w.encoder[level], width(level));
      const bool cropped = !(w.encoder[level] == w.decoder[level]);
      if (cropped) take(bytes_of(w.decoder[level], width(level)));
      const int64_t pooled = bytes_of(w.encoder[level + 1], width(level));
      take(pooled);
      if (cropped) give(u);
      double_conv(w.encoder[level + 1], width(level), width(level + 1));
      give(pooled);
    }
    CellBox at = w.encoder[blocks];
    for (size_t level = blocks; level-- > 0;) {
      const CellBox& to = w.decoder[level];
      const int64_t halved = bytes_of(at, width(level)), side = bytes_of(to, width(level));
      take(halved);
      give(bytes_of(at, width(level + 1)));
      take(side);
      give(halved);
      conv(to, 2 * width(level), width(level));
      give(2 * side);  // the skip and what was upsampled
      conv(to, width(level), width(level));
      give(side);
      at = to;
    }
    take(2 * bytes_of(at, o_.out_channels));  // the head's, and of it the window
    return peak_;
  }

 private:
  void double_conv(const CellBox& box, int64_t in, int64_t out) {
    conv(box, in, out);
    conv(box, out, out);
    give(bytes_of(box, out));
  }

  // Takes its result.
  void conv(const CellBox& box, int64_t in, int64_t out) {
    take(bytes_of(box, out) + workspace(in, out));
    give(workspace(in, out));
  }

  int64_t bytes_of(const CellBox& box, int64_t channels) const {
    const int64_t cells = n_pictures_ * channels * box[0].size() * box[1].size() * box[2].size();
    return static_cast<int64_t>(MemoryPool::size_class(4 * static_cast<size_t>(cells)));
  }
  void take(int64_t bytes) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  void give(int64_t bytes) { live_ -= bytes; }

  const UNetOptions& o_;
  int64_t n_pictures_;
  int64_t live_ = 0, peak_ = 0;
};

}  // namespace

MapPlan plan_map(const UnrolledTv& model, const Shape& z, int64_t tile) {
  const UNetOptions& unet = model.options().unet;
  const PicturePadding padding(z, model.multiple());
  const auto needs = [&](const CellBox& box) { return Walk(unet, z[0]).peak(padding.extents, box); };
  CellBox all;
  for (size_t a = 0; a < 3; ++a) all[a] = {0, padding.extents[a]};
  MapPlan plan{.tile = tile, .whole_bytes = needs(all)};
  plan.bytes = plan.whole_bytes;
  if (tile == 0) return plan;
  const std::vector<CellBox> tiles = tiles_of(padding.picture, model.multiple(), tile);
  plan.n_tiles = std::ssize(tiles);
  plan.bytes = 0;
  for (const CellBox& box : tiles) plan.bytes = std::max(plan.bytes, needs(box));
  return plan;
}

MapPlan plan_map_within(const UnrolledTv& model, const Shape& z, int64_t limit) {
  MapPlan plan = plan_map(model, z, 0);
  const int64_t longest = std::max({z[2], z[3], z[4]});
  for (int64_t n = 2; plan.bytes > limit && (plan.tile == 0 || plan.tile > kSmallestTile); ++n) {
    // Not shorter than the n-th part by less than a multiple: that would make one tile more.
    const int64_t multiple = std::ranges::max(model.multiple());
    const int64_t part = ((longest + n - 1) / n + multiple - 1) / multiple * multiple;
    plan = plan_map(model, z, std::max(part, kSmallestTile));
  }
  return plan;
}

}  // namespace primal
