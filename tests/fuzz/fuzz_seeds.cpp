// fuzz_seeds DIR: writes small files of every kind the readers know into DIR/image, DIR/metadata,
// DIR/safetensors, DIR/table, DIR/idx, DIR/config and a folder for each format of rasters, to start the
// fuzzers from.
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <png.h>
#include <zlib.h>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/idx/idx.h"
#include "data/safetensors/safetensors.h"
#include "data/table/table.h"
#include "data/table/zip_archive.h"
#include "support/dicom_files.h"
#include "support/picture_files.h"
#include "support/raster_files.h"
#include "tensor/error.h"

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

void copy_text(const fs::path& folder, const std::string& name, const std::string& text) {
  write_file_atomically(folder / name, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// Blocks that say an orientation, as files of their own and as chunks that a mutation may damage.
void write_metadata(const fs::path& folder) {
  for (const bool big_endian : {false, true})
    write_file_atomically(folder / fmt::format("exif{}", int{big_endian}), testing::make_exif(6, big_endian));
  copy_text(folder, "attribute", "<rdf:Description tiff:Orientation=\"6\"/>");
  copy_text(folder, "element", "<tiff:Orientation>8</tiff:Orientation>");
  copy_text(folder, "profile", "\nexif\n      32\n457869660000\n4d4d002a00000008\n");
  copy_text(folder, "terminal", "\x1b]0;title\x07 \xc2\x9b \xe2\x80\xae \xff gr\xc3\xbc\xc3\x9f");
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

void write_tables(const fs::path& folder) {
  copy_text(folder, "comma.csv", "noisy,clean\r\na.png,\"b, \"\"c\"\"\r\nd\"\r\n\r\n,\r\n");
  copy_text(folder, "semicolon.csv", "\xef\xbb\xbf\"a;\";b\n1;2\n");
  copy_text(folder, "tab.csv", "a\tb\n\t\xc3\xa9\n");
  Table table;
  table.columns = {"noisy", "label"};
  table.add_row({"n/a.png", "ok"});
  write_file_atomically(folder / "own.xlsx", encode_xlsx(table));
  // With shared strings, styles, a formula and a date.
  const std::string office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";
  const auto relation = [&](const char* id, const char* type, const char* target) {
    return fmt::format(R"(<Relationship Id="{}" Type="{}{}" Target="{}"/>)", id, office, type, target);
  };
  write_file_atomically(
      folder / "full.xlsx",
      table::make_zip(
          {{"_rels/.rels",
            "<Relationships>" + relation("a", "officeDocument", "xl/w.xml") + "</Relationships>"},
           {"xl/w.xml", R"(<workbook xmlns:r="r"><sheets><sheet name="S" r:id="a"/></sheets></workbook>)"},
           {"xl/_rels/w.xml.rels", "<Relationships>" + relation("a", "worksheet", "s.xml") +
                                       relation("b", "sharedStrings", "t.xml") +
                                       relation("c", "styles", "y.xml") + "</Relationships>"},
           {"xl/s.xml",
            R"(<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row r="3">)"
            R"(<c r="A3" s="1"><v>4.5</v></c><c r="B3"><f>A1</f><v>1</v></c></row></sheetData></worksheet>)"},
           {"xl/t.xml", "<sst><si><t>a_x0041_</t></si><si><r><t>b</t></r></si></sst>"},
           {"xl/y.xml",
            R"(<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy"/></numFmts><cellXfs>)"
            R"(<xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>)"}}));
}

void write_raster(const fs::path& folder, const std::string& name, const Raster& raster) {
  write_file_atomically(folder / name, encode_raster(raster, raster.format));
}

// A picture with an orientation in EXIF and another in XMP, and the flags of both.
void write_extended_webp(const fs::path& folder, const Raster& raster) {
  const std::vector<uint8_t> plain = encode_raster(raster, PictureFormat::webp);
  const std::string xmp = "<rdf:Description tiff:Orientation=\"3\"/>";
  write_file_atomically(folder / "extended",
                        testing::make_webp({{"VP8X",
                                             {12, 0, 0, 0, static_cast<uint8_t>(raster.width - 1), 0, 0,
                                              static_cast<uint8_t>(raster.height - 1), 0, 0}},
                                            {"VP8L", {plain.begin() + 20, plain.end()}},
                                            {"EXIF", testing::make_exif(6, true)},
                                            {"XMP ", {xmp.begin(), xmp.end()}}}));
}

// Rasters of every type, in the formats that hold it; a format without its library has no seeds.
void write_rasters(const fs::path& root) {
  for (const SampleType type :
       {SampleType::u8, SampleType::i8, SampleType::u16, SampleType::i16, SampleType::u32, SampleType::i32,
        SampleType::f16, SampleType::f32, SampleType::f64}) {
    for (const PictureFormat format : {PictureFormat::npy, PictureFormat::npz, PictureFormat::nifti,
                                       PictureFormat::nifti_gz, PictureFormat::pnm, PictureFormat::pfm,
                                       PictureFormat::tiff, PictureFormat::webp, PictureFormat::dicom}) {
      if (!holds(format, type)) continue;
      Raster raster{.format = format,
                    .width = 5,
                    .height = 3,
                    .pages = holds_pages(format) ? 2 : 1,
                    .type = type,
                    .white = usual_white(type)};
      allocate(raster);
      const std::string kind = std::string(name_of(format)) == "nii"      ? "nifti"
                               : std::string(name_of(format)) == "nii.gz" ? "nifti_gz"
                                                                          : name_of(format);
      fs::create_directories(root / kind);
      try {
        write_raster(root / kind, name_of(type), raster);
        if (format == PictureFormat::webp) write_extended_webp(root / kind, raster);
        if (format == PictureFormat::npy || format == PictureFormat::npz) {
          raster.channels = 3;
          allocate(raster);
          write_raster(root / kind, fmt::format("{}_colour", name_of(type)), raster);
        }
        if (format != PictureFormat::tiff) continue;
        for (const uint16_t compression : std::initializer_list<uint16_t>{1, 5, 8, 32773}) {
          raster.origin =
              TiffOrigin{.big_endian = true, .compression = compression, .tile_width = 16, .tile_height = 16};
          write_raster(root / kind, fmt::format("{}_{}", name_of(type), compression), raster);
        }
      } catch (const ConfigError&) {
      }
    }
  }
  copy_text(root / "pnm", "plain", "P2\n# c\n3 1\n9\n0 5 9\n");
  copy_text(root / "pnm", "colour", "P3 1 1 65535 1 2 65535\n");
  copy_text(root / "pnm", "binary", "P6\n1 1\n255\nabc");
  copy_text(root / "pfm", "colour", "PF\n1 1\n1.5\nabcdabcdabcd");
}

// What our own files do not have: other encodings, a packed picture, frames, colours, sequences.
void write_dicoms(const fs::path& folder) {
  fs::create_directories(folder);
  const testing::FileBytes pixels = testing::numbers<uint16_t>({0, 1, 2, 100, 4094, 4095});
  int number = 0;
  const auto write = [&](const testing::FileBytes& file) {
    write_file_atomically(folder / fmt::format("by_hand_{}", number++), file);
  };
  for (const bool is_explicit : {false, true}) {
    for (const bool big_endian : {false, true}) {
      if (is_explicit || !big_endian)
        write(testing::make_dicom(
            {.sign = 1, .slope = "2", .is_explicit = is_explicit, .big_endian = big_endian}, pixels));
    }
    write(testing::make_dicom({.photometric = "MONOCHROME1", .is_explicit = is_explicit}, pixels, ""));
  }
  write(testing::make_dicom({.width = 1, .frames = "3"}, pixels));
  write(testing::make_dicom({.width = 2,
                             .height = 2,
                             .samples = 3,
                             .allocated = 8,
                             .stored = 8,
                             .high = 7,
                             .photometric = "YBR_FULL"},
                            pixels));
  testing::DicomSet sequence;
  sequence.lying(0x00081115, "SQ", 0xffffffff, {})
      .mark(0xfffee000, 0xffffffff)
      .text(0x00081150, "UI", "1.2.3");
  sequence.mark(0xfffee00d, 0).mark(0xfffee0dd, 0);
  testing::FileBytes with = sequence.str(),
                     rest = testing::dicom_attributes({}).bytes(0x7fe00010, "OW", pixels).str();
  with.insert(with.end(), rest.begin(), rest.end());
  write(testing::dicom_file(with));
  // RLE of one segment: its header of 64 bytes, then 6 bytes as they stand.
  testing::FileBytes rle = testing::numbers<uint32_t>({1, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  for (const int byte : {5, 1, 2, 3, 4, 5, 6, 128}) rle.push_back(static_cast<uint8_t>(byte));
  testing::DicomSet packed = testing::dicom_attributes({.allocated = 8, .stored = 8, .high = 7});
  packed.lying(0x7fe00010, "OB", 0xffffffff, {})
      .mark(0xfffee000, 0)
      .mark(0xfffee000, static_cast<uint32_t>(rle.size()));
  testing::FileBytes file = packed.str(), end = testing::DicomSet().mark(0xfffee0dd, 0).str();
  file.insert(file.end(), rle.begin(), rle.end());
  file.insert(file.end(), end.begin(), end.end());
  write(testing::dicom_file(file, "1.2.840.10008.1.2.5"));
}

void write_idx(const fs::path& folder) {
  const std::vector<uint8_t> plain = encode_idx({{2, 3, 2}, std::vector<uint8_t>(12, 7)});
  write_file_atomically(folder / "plain", plain);
  write_file_atomically(folder / "labels", encode_idx({{3}, {0, 1, 9}}));
  const fs::path packed = folder / "packed.gz";
  gzFile file = gzopen(packed.c_str(), "wb");
  gzwrite(file, plain.data(), static_cast<unsigned>(plain.size()));
  gzclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fuzz_seeds DIR\n");
    return 2;
  }
  const fs::path root = argv[1];
  for (const char* name : {"image", "metadata", "safetensors", "table", "idx", "config"})
    fs::create_directories(root / name);
  write_pngs(root / "image");
  write_jpegs(root / "image");
  write_metadata(root / "metadata");
  write_tables(root / "table");
  write_rasters(root);
  write_dicoms(root / "dicom");
  write_idx(root / "idx");
  write_safetensors(root / "safetensors/typed",
                    {{"weight", Tensor::full({2, 3}, 1.5)},
                     {"step", Tensor::full({}, 7, DType::i64)},
                     {"bytes", Tensor::full({3}, 9, DType::u8)},
                     {"none", Tensor::zeros({0, 4}, DType::f64)}},
                    {{"format", "primal-checkpoint"}, {"config", "{\"seed\":1}"}});
  write_safetensors(root / "safetensors/empty", {});
  const std::string header = R"({"__metadata__":null,"a":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}})";
  copy_text(root / "safetensors", "narrow",
            std::string{static_cast<char>(header.size()), 0, 0, 0, 0, 0, 0, 0} + header + "12345678");
  copy_text(root / "config", "keys.toml",
            "seed = 3\n[data]\nfolder = \"x\"\nsize = 64\n[noise]\nkind = 'absolute'\nlow = 0.1\n"
            "[model]\nlearn_steps = false\nup_bound = 1e-1\n[training]\nsteps = 0x10\n");
  copy_text(root / "config", "dotted.toml", "model.filters = 16 # few\ntraining.learning_rate = inf\n");
  copy_text(
      root / "config", "checkpoint.json",
      R"({"seed":1,"data.size":64,"noise.kind":"relative","model.scale":0.1,"model.learn_steps":true})");
  return 0;
}
