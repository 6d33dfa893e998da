// The weights of nn/lpips from a file. Primal has none of its own: scripts/pytorch/lpips_weights.py writes
// such a file from torchvision's AlexNet and the heads of the lpips package.
//
// Errors: IoError where the file cannot be read. DataError, always naming the file, where tensors are
//         missing, misshapen, unknown or not finite (all of the names in one message), or a head is below
//         zero.
#pragma once

#include <filesystem>
#include <memory>

#include "nn/lpips/lpips.h"
#include "tensor/device.h"

namespace primal {

std::unique_ptr<Lpips> load_lpips(const std::filesystem::path& path, Device device = {});

}  // namespace primal
