// Lambda as a file, for a person or for a program.
//
//   figure       in colour on a logarithmic scale with a bar: NAME_lambda.png, .svg or .pdf
//   raw          grey PNG of 16 bit, Lambda = level * scale: NAME_lambda.png. The scale is in the tEXt
//                chunk "Lambda scale" (shortest decimal that gives the same float), chosen so that the
//                largest Lambda is level 65535.
//   safetensors  every value as the network gave it, f32 [n_maps,1,H,W] under the name "lambda":
//                NAME_lambda.safetensors
#pragma once

#include <filesystem>
#include <string>

#include "apps/pictures/figure_file.h"
#include "tensor/tensor.h"

namespace primal {

enum class MapFormat { figure, raw, safetensors };
MapFormat parse_map_format(const std::string& text);                 // ConfigError for another text
std::string map_suffix(MapFormat format, const FigureStyle& style);  // "_lambda.png"

// lambda [1,n_maps,1,H,W]; several maps become one figure with a panel each. ConfigError for several maps as
// raw.
void write_map(const std::filesystem::path& file, const Tensor& lambda, MapFormat format,
               const FigureStyle& style);

}  // namespace primal
