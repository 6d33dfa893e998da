// fuzz_seeds DIR: writes small files of every kind the readers know into DIR/image, DIR/safetensors and DIR/config, to start
// the fuzzers from.
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <png.h>

#include "data/file/file.h"
#include "data/picture_files.h"
#include "data/safetensors/safetensors.h"

namespace {

namespace fs = std::filesystem;
using namespace primal;

void write_pngs(const fs::path& folder) {
  int number = 0;
  for (const int colour_type : {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_PALETTE,
                                PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB_ALPHA}) {
    for (const int bit_depth : {1, 2, 4, 8, 16}) {
      const bool has_depth = colour_type == PNG_COLOR_TYPE_GRAY ||
                             (colour_type == PNG_COLOR_TYPE_PALETTE ? bit_depth <= 8 : bit_depth >= 8);
      if (!has_depth) continue;
      for (const bool interlaced : {false, true}) {
        const std::vector<std::vector<uint8_t>> rows(5, std::vector<uint8_t>(8 * 8, 0));
        const std::vector<uint8_t> palette{1, 2, 3, 40, 50, 60};
        const testing::PngKind kind{.bit_depth = bit_depth,
                                    .colour_type = colour_type,
                                    .interlaced = interlaced,
                                    .transparent = colour_type == PNG_COLOR_TYPE_PALETTE,
                                    .orientation = interlaced ? 6 : 0};
        const bool indexed = colour_type == PNG_COLOR_TYPE_PALETTE;
        write_file_atomically(
            folder / fmt::format("{}.png", number++),
            testing::make_png(kind, 7, 5, rows, indexed ? palette : std::vector<uint8_t>{}));
      }
    }
  }
}

void write_jpegs(const fs::path& folder) {
  int number = 0;
  for (const int channels : {1, 3, 4}) {
    std::vector<uint8_t> pixels;
    for (int i = 0; i < 17 * 9 * channels; ++i) pixels.push_back(static_cast<uint8_t>(37 * i));
    for (const bool progressive : {false, true}) {
      for (const bool arithmetic : {false, true}) {
        const testing::JpegKind kind{.channels = channels,
                                     .ycck = channels == 4,
                                     .progressive = progressive,
                                     .arithmetic = arithmetic,
                                     .orientation = progressive ? 8 : 0,
                                     .quality = 50};
        write_file_atomically(folder / fmt::format("{}.jpg", number++),
                              testing::make_jpeg(kind, 17, 9, pixels));
      }
    }
  }
}

void copy_text(const fs::path& folder, const std::string& name, const std::string& text) {
  write_file_atomically(folder / name, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fuzz_seeds DIR\n");
    return 2;
  }
  const fs::path root = argv[1];
  for (const char* name : {"image", "safetensors", "config"}) fs::create_directories(root / name);
  write_pngs(root / "image");
  write_jpegs(root / "image");
  write_safetensors(root / "safetensors/typed",
                    {{"weight", Tensor::full({2, 3}, 1.5)},
                     {"step", Tensor::full({}, 7, DType::i64)},
                     {"bytes", Tensor::full({3}, 9, DType::u8)},
                     {"none", Tensor::zeros({0, 4}, DType::f64)}},
                    {{"format", "primal-checkpoint"}, {"config", "{\"seed\":1}"}});
  write_safetensors(root / "safetensors/empty", {});
  copy_text(root / "config", "keys.toml",
            "seed = 3\n[data]\nfolder = \"x\"\nsize = 64\n[noise]\nkind = 'absolute'\nlow = 0.1\n"
            "[model]\nlearn_steps = false\nup_bound = 1e-1\n[training]\nsteps = 0x10\n");
  copy_text(root / "config", "dotted.toml", "model.filters = 16 # few\ntraining.learning_rate = inf\n");
  copy_text(
      root / "config", "checkpoint.json",
      R"({"seed":1,"data.size":64,"noise.kind":"relative","model.scale":0.1,"model.learn_steps":true})");
  return 0;
}
