// primal denoise --sequence: denoises frames with a model of nn/dynamic_tv or with one pair of weights.
//
//   a folder of frames   DIR/FRAME.png and so on, a file for each frame, in the format that
//                        follows from the frame's own
//   a file of pages      DIR/NAME.tif and so on, one file of the same format; or -o FILE
//   --map                DIR/NAME_lambda.png, .svg or .pdf, for a folder of frames in DIR/maps: both maps of
//                        the middle frame, in space and in time; with --map-format safetensors all values,
//                        f32 [2,H,W,T]: Lambda_xy, Lambda_t
//
// With `noise` the frames are taken as clean, get noise of one level over the whole sequence, and are scored;
// with `clean` they are scored against that sequence. Scores are means over the frames.
// Errors: those of read_sequence and load_sequence_model; ConfigError for options that belong to pictures
//         alone; DeviceError where network or solver need more memory than is free.
#pragma once

#include <string>

#include "apps/pictures/figure_file.h"
#include "apps/pictures/picture_denoising.h"
#include "tensor/device.h"

namespace primal {

struct SequenceDenoising {
  std::string sequence, output, clean;  // as given; empty: none
  std::string model;                    // empty: `lambda` is given
  std::string lambda;                   // "xy,t"
  std::string boundary;                 // empty: the model's; symmetric with lambda
  bool map = false, overwrite = false;
};

// Uses these `options`: noise, noise_kind, seed, range, gap, iterations, map_format, figures, format, quiet,
// json.
void denoise_sequence_command(const SequenceDenoising& what, const PictureDenoisingOptions& options,
                              Device device);

}  // namespace primal
