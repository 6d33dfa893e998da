#include "nn/casting_classifier/casting_classifier.h"

#include <algorithm>

#include "nn/activation/activation.h"
#include "nn/reshape/reshape.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr std::array<int64_t, 3> kKernel{1, 3, 3};
constexpr Conv3dParams kFirst{.stride = {1, 4, 4}, .padding = {0, 1, 1}};
constexpr Conv3dParams kSecond{.stride = {1, 4, 4}};
constexpr int64_t kSmallest = 9;  // of which the first convolution makes 3, as the second needs

CastingClassifierOptions checked(const CastingClassifierOptions& o) {
  if (std::min({o.channels, o.filters[0], o.filters[1], o.hidden, o.classes}) < 1) {
    throw ConfigError(
        "[casting_classifier] channels {}, filters {}, {}, hidden {} and classes {} must be at least 1",
        o.channels, o.filters[0], o.filters[1], o.hidden, o.classes);
  }
  if (o.height < kSmallest || o.width < kSmallest)
    throw ConfigError("[casting_classifier] pictures of {} x {} pixels: expected {} x {} or more", o.height,
                      o.width, kSmallest, kSmallest);
  for (const double rate : o.dropout) {
    if (!(rate >= 0.0 && rate < 1.0))
      throw ConfigError("[casting_classifier] a dropout rate of {}: expected 0 or more, and less than 1",
                        rate);
  }
  return o;
}

// Cells along an axis after both convolutions.
int64_t extent(int64_t n) {
  const int64_t first = (n + 2 - 3) / 4 + 1;
  return (first - 3) / 4 + 1;
}

}  // namespace

CastingClassifier::CastingClassifier(const CastingClassifierOptions& options, Initialiser& init)
    : options_(checked(options)),
      conv1_(init, options.channels, options.filters[0], kKernel, kFirst),
      conv2_(init, options.filters[0], options.filters[1], kKernel, kSecond),
      linear1_(init, options.filters[1] * extent(options.height) * extent(options.width), options.hidden),
      linear2_(init, options.hidden, options.classes) {
  register_module("conv_layer_1", conv1_);
  register_module("conv_layer_2", conv2_);
  register_module("linear_1", linear1_);
  register_module("linear_2", linear2_);
}

Variable CastingClassifier::forward(const Variable& x, Mode mode, const DropoutKey& key) const {
  const Range range("casting_classifier");
  const Shape& shape = x.shape();
  if (shape.rank() != 5 || shape != Shape{shape[0], options_.channels, 1, options_.height, options_.width}) {
    throw ShapeError("[casting_classifier] expects pictures [N,{},1,{},{}], found {}", options_.channels,
                     options_.height, options_.width, x.value().str());
  }
  const auto active = [&](const Variable& v) { return options_.relu ? relu(v) : v; };
  const auto dropped = [&](const Variable& v, uint32_t layer) {
    DropoutKey own = key;
    own.layer = layer;
    return dropout(v, options_.dropout[layer], own, mode == Mode::training);
  };
  const Variable features = dropped(active(conv2_(active(conv1_(x)))), 0);
  const Variable hidden = dropped(active(linear1_(flatten(features))), 1);
  return linear2_(hidden);
}

}  // namespace primal
