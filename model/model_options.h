// From the settings of the thesis model (model_settings.h) to the options of the network, and back.
#pragma once

#include "model/model_settings.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

UnrolledTvOptions model_options(const ModelSettings& settings);

// ConfigError for options that no setting has: axes other than rows and columns, a bound L or map channels of
// their own, another U-Net.
ModelSettings model_settings(const UnrolledTvOptions& options);

}  // namespace primal
