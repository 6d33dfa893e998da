// A trained model in a file: what `primal train` writes, and bare weights under the names of the
// reference implementation.
//
//   const auto model = load_model("runs/thesis/best.safetensors");
//   model->options().n_iter;                       // T, as it was trained
//   const Denoised result = denoise(*model, z);    // model/denoise.h
//
// Errors: IoError where the file cannot be read. DataError, always naming the file, where it is no model or
//         damaged: a tensor that is missing, misshapen or not finite, a CRC-32 that differs from the one in
//         the metadata, settings that contradict the tensors or that this version does not know. A model is
//         never larger than the file it comes from.
#pragma once

#include <filesystem>
#include <memory>

#include "model/model_settings.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "tensor/device.h"

namespace primal {

// The model of a checkpoint, or of bare weights of the thesis model: filters, blocks and learnt steps are
// then read off the tensors, and T, scale, up_bound and the start are `otherwise`'s.
std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const ModelSettings& otherwise = {},
                                       Device device = {});

// Writes the model with its settings, without an optimiser: load_model() and the program read it,
// `primal train --init` starts from it. Leaves a whole file or none. ConfigError for a model that its
// settings do not describe (model_options.h).
void save_model(const std::filesystem::path& path, const UnrolledTv& model);

}  // namespace primal
