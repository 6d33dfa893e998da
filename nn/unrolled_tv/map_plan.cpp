#include "nn/unrolled_tv/map_plan.h"

#include <algorithm>
#include <array>
#include <map>

#include "nn/cell_box.h"
#include "nn/unrolled_tv/picture_tiles.h"
#include "tensor/rehearsal.h"

namespace primal {
namespace {

constexpr int64_t kSmallestTile = 64;

// The bytes of each tile's way through the network. Tiles of one size that lie alike with respect to the
// picture's border see equally large parts of it, so only one of them is rehearsed.
class TileBytes {
 public:
  TileBytes(const UnrolledTv& model, const Shape& padded) : model_(model), padded_(padded) {}

  int64_t operator()(const CellBox& tile) {
    Signature signature;
    for (size_t a = 0; a < 3; ++a) {
      // How far the border is, as far as the network sees.
      const int64_t after = padded_[static_cast<int>(a) + 2] - tile[a].end;
      signature[a] = {tile[a].size(), std::min(tile[a].begin, kFar), std::min(after, kFar)};
    }
    const auto [known, is_new] = known_.try_emplace(signature, 0);
    if (is_new) known->second = rehearse(tile);
    return known->second;
  }

 private:
  static constexpr int64_t kFar = 1024;  // more than any network here sees beyond a tile
  using Signature = std::array<std::array<int64_t, 3>, 3>;

  int64_t rehearse(const CellBox& tile) const {
    const NoGrad no_grad;
    Rehearsal rehearsal;
    const Variable padded = Tensor::empty(padded_, DType::f32, model_.device());
    const size_t before = rehearsal.stats().live_bytes;
    model_.map_of_part(padded, tile);
    return static_cast<int64_t>(rehearsal.stats().peak_bytes - before);
  }

  const UnrolledTv& model_;
  Shape padded_;
  std::map<Signature, int64_t> known_;
};

}  // namespace

MapPlan plan_map(const UnrolledTv& model, const Shape& z, int64_t tile) {
  const PicturePadding padding(z, model.multiple());
  CellBox all;
  Shape padded = z;
  for (size_t a = 0; a < 3; ++a) {
    all[a] = {0, padding.extents[a]};
    padded = padded.with(static_cast<int>(a) + 2, padding.extents[a]);
  }
  TileBytes bytes_of(model, padded);
  MapPlan plan{.tile = tile, .whole_bytes = bytes_of(all)};
  plan.bytes = plan.whole_bytes;
  if (tile == 0) return plan;
  const std::vector<CellBox> tiles = tiles_of(padding.picture, model.multiple(), tile);
  plan.n_tiles = std::ssize(tiles);
  plan.bytes = 0;
  for (const CellBox& box : tiles) plan.bytes = std::max(plan.bytes, bytes_of(box));
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
