// What lies around the pixels of a PNG or JPEG: orientation from every place, chunks that are damaged,
// missing or lie about their length, processes that are not read, and files of other kinds.
#include <algorithm>
#include <gtest/gtest.h>
#include <png.h>
#include <string>
#include <zlib.h>

#include "data/file/kind.h"
#include "data/image/image.h"
#include "data/image/orientation.h"
#include "support/memory.h"
#include "support/picture_files.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::has;
using testing::make_exif;
using testing::make_jpeg;
using testing::make_png;
using testing::message_of;
using testing::peak_growth;

using Bytes = std::vector<uint8_t>;

constexpr int kWidth = 5, kHeight = 3;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

Bytes u32(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
          static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

Bytes chunk(const std::string& type, const Bytes& data) {
  Bytes body = bytes_of(type);
  append(body, data);
  Bytes out = u32(static_cast<uint32_t>(data.size()));
  append(out, body);
  append(out, u32(static_cast<uint32_t>(crc32_z(0, body.data(), body.size()))));
  return out;
}

Bytes deflated(const Bytes& data) {
  uLongf n = compressBound(data.size());
  Bytes out(n);
  compress2(out.data(), &n, data.data(), data.size(), 9);
  out.resize(n);
  return out;
}

Bytes text_chunk(const std::string& keyword, const Bytes& text, bool packed = false) {
  Bytes data = bytes_of(keyword);
  data.push_back(0);
  if (packed) data.push_back(0);
  append(data, packed ? deflated(text) : text);
  return chunk(packed ? "zTXt" : "tEXt", data);
}

Bytes international_chunk(const std::string& keyword, const std::string& text, bool packed) {
  Bytes data = bytes_of(keyword);
  append(data, {0, static_cast<uint8_t>(packed ? 1 : 0), 0, 'e', 'n', 0, 0});
  append(data, packed ? deflated(bytes_of(text)) : bytes_of(text));
  return chunk("iTXt", data);
}

Bytes plain_png() {
  std::vector<Bytes> rows(kHeight, Bytes(kWidth));
  for (size_t y = 0; y < kHeight; ++y) {
    for (size_t x = 0; x < kWidth; ++x) rows[y][x] = static_cast<uint8_t>(20 * y + 3 * x);
  }
  return make_png({}, kWidth, kHeight, rows);
}

size_t place_of(const Bytes& png, const std::string& type) {
  return static_cast<size_t>(std::search(png.begin(), png.end(), type.begin(), type.end()) - png.begin()) - 4;
}

Bytes with_chunk(const Bytes& extra, bool before_data = true) {
  Bytes png = plain_png();
  png.insert(png.begin() + static_cast<ptrdiff_t>(place_of(png, before_data ? "IDAT" : "IEND")),
             extra.begin(), extra.end());
  return png;
}

Bytes plain_jpeg() { return make_jpeg({}, 24, 8, Bytes(24 * 8, 90)); }

Bytes with_marker(uint8_t marker, const Bytes& data) {
  Bytes jpeg = plain_jpeg(), extra{0xff, marker, static_cast<uint8_t>((data.size() + 2) >> 8),
                                   static_cast<uint8_t>(data.size() + 2)};
  append(extra, data);
  jpeg.insert(jpeg.begin() + 2, extra.begin(), extra.end());
  return jpeg;
}

Bytes with_prefix(const std::string& prefix, const Bytes& rest) {
  Bytes out = bytes_of(prefix);
  append(out, rest);
  return out;
}

const std::string kExifStart("Exif\0\0", 6), kXmpStart("http://ns.adobe.com/xap/1.0/\0", 29);

// One entry: the orientation, as LONG.
Bytes long_exif(uint32_t orientation, bool big_endian) {
  const auto put = [&](Bytes& to, uint32_t value, size_t n) {
    for (size_t i = 0; i < n; ++i)
      to.push_back(static_cast<uint8_t>(value >> 8 * (big_endian ? n - 1 - i : i)));
  };
  Bytes out = bytes_of(big_endian ? "MM" : "II");
  put(out, 42, 2), put(out, 8, 4), put(out, 1, 2);
  put(out, 0x0112, 2), put(out, 4, 2), put(out, 1, 4), put(out, orientation, 4), put(out, 0, 4);
  return out;
}

// As ImageMagick writes it: hexadecimal, 36 bytes a line.
Bytes raw_profile_of(const Bytes& data, const std::string& name) {
  std::string text = "\n" + name + "\n" + std::string(4, ' ') + std::to_string(data.size());
  for (size_t i = 0; i < data.size(); ++i) {
    if (i % 36 == 0) text += '\n';
    text += fmt::format("{:02x}", data[i]);
  }
  return bytes_of(text + "\n");
}

std::string xmp_attribute(int orientation) {
  return fmt::format("<x:xmpmeta><rdf:Description tiff:Orientation=\"{}\"/></x:xmpmeta>", orientation);
}
std::string xmp_element(int orientation) {
  return fmt::format("<rdf:Description><tiff:Orientation>{}</tiff:Orientation></rdf:Description>",
                     orientation);
}

bool is_turned(const Bytes& file) {
  const Image image = decode_image(file, "test");
  return image.width < image.height;
}

TEST(Orientation, IsFoundInEveryPlaceOfAPng) {
  const std::vector<std::pair<std::string, Bytes>> places{
      {"short", chunk("eXIf", make_exif(6, true))},
      {"short, little endian", chunk("eXIf", make_exif(6, false))},
      {"long", chunk("eXIf", long_exif(6, true))},
      {"long, little endian", chunk("eXIf", long_exif(6, false))},
      {"prefix", chunk("eXIf", with_prefix(kExifStart, make_exif(6, true)))},
      {"prefix twice", chunk("eXIf", with_prefix(kExifStart + kExifStart, long_exif(6, false)))},
      {"text of the name exif", text_chunk("exif", with_prefix(kExifStart, make_exif(6, true)))},
      {"raw profile", text_chunk("Raw profile type exif",
                                 raw_profile_of(with_prefix(kExifStart, make_exif(6, true)), "exif"))},
      {"raw profile, packed",
       text_chunk("Raw profile type exif", raw_profile_of(make_exif(6, false), "exif"), true)},
      {"raw profile APP1",
       text_chunk("Raw profile type APP1",
                  raw_profile_of(with_prefix(kExifStart, make_exif(6, true)), "APP1"), true)},
      {"raw profile APP1 with XMP",
       text_chunk("Raw profile type APP1", raw_profile_of(bytes_of(kXmpStart + xmp_element(6)), "APP1"),
                  true)},
      {"XMP attribute", international_chunk("XML:com.adobe.xmp", xmp_attribute(6), false)},
      {"XMP element", international_chunk("XML:com.adobe.xmp", xmp_element(6), false)},
      {"XMP, packed", international_chunk("XML:com.adobe.xmp", xmp_attribute(6), true)},
      {"XMP in Latin-1 text", text_chunk("XML:com.adobe.xmp", bytes_of(xmp_attribute(6)))}};
  for (const auto& [name, extra] : places) {
    EXPECT_TRUE(is_turned(with_chunk(extra))) << name;
    EXPECT_TRUE(is_turned(with_chunk(extra, false))) << name << ", behind the picture";
  }
  EXPECT_FALSE(is_turned(plain_png()));
  EXPECT_FALSE(is_turned(with_chunk(chunk("eXIf", long_exif(9, true)))));
  EXPECT_FALSE(is_turned(with_chunk(chunk("eXIf", long_exif(0x10006, false)))));
  EXPECT_FALSE(is_turned(with_chunk(text_chunk("Comment", bytes_of(xmp_attribute(6))))));
}

TEST(Orientation, IsFoundInEveryPlaceOfAJpeg) {
  for (const bool big_endian : {false, true}) {
    EXPECT_TRUE(is_turned(with_marker(0xe1, with_prefix(kExifStart, long_exif(6, big_endian)))))
        << big_endian;
    EXPECT_TRUE(is_turned(with_marker(0xe1, with_prefix(kExifStart, make_exif(8, big_endian)))))
        << big_endian;
  }
  EXPECT_TRUE(is_turned(with_marker(0xe1, bytes_of(kXmpStart + xmp_attribute(6)))));
  EXPECT_TRUE(is_turned(with_marker(0xe1, bytes_of(kXmpStart + xmp_element(5)))));
  EXPECT_FALSE(is_turned(with_marker(0xe2, with_prefix(kExifStart, long_exif(6, true)))));
  EXPECT_FALSE(is_turned(plain_jpeg()));
}

TEST(Orientation, ExifCountsBeforeXmpAndTheBlockBeforeTheRawProfile) {
  const auto together = [](const std::vector<Bytes>& extras) {
    Bytes all;
    for (const Bytes& extra : extras) append(all, extra);
    return with_chunk(all);
  };
  const Bytes xmp6 = international_chunk("XML:com.adobe.xmp", xmp_attribute(6), false);
  const Bytes xmp1 = international_chunk("XML:com.adobe.xmp", xmp_attribute(1), false);
  const Bytes profile6 = text_chunk("Raw profile type exif", raw_profile_of(make_exif(6, true), "exif"));
  Bytes without = long_exif(6, true);
  without[10] = 0x01, without[11] = 0x00;  // the tag of the width in place of the orientation
  EXPECT_FALSE(is_turned(together({chunk("eXIf", make_exif(1, true)), xmp6})));
  EXPECT_TRUE(is_turned(together({xmp1, chunk("eXIf", make_exif(6, true))})));
  EXPECT_TRUE(is_turned(together({chunk("eXIf", without), xmp6})));
  EXPECT_FALSE(is_turned(together({chunk("eXIf", without), profile6})));
  EXPECT_FALSE(is_turned(together({chunk("eXIf", make_exif(1, true)), profile6})));
  EXPECT_TRUE(is_turned(together({profile6, xmp1})));
  EXPECT_TRUE(is_turned(together({chunk("eXIf", make_exif(1, true)), chunk("eXIf", make_exif(6, true))})));
}

TEST(Orientation, XmpMayHaveSpacesAndEitherQuote) {
  EXPECT_EQ(codec::xmp_orientation("<a tiff:Orientation = '6'/>"), 6);
  EXPECT_EQ(codec::xmp_orientation("<tiff:Orientation>\n 8 </tiff:Orientation>"), 8);
  EXPECT_EQ(codec::xmp_orientation("<a tiff:Orientation=6 tiff:Orientation=\"3\"/>"), 3);
  EXPECT_EQ(codec::xmp_orientation("tiff:Orientation"), std::nullopt);
  EXPECT_EQ(codec::xmp_orientation("<a tiff:OrientationX=\"6\"/>"), std::nullopt);
  EXPECT_EQ(codec::xmp_orientation("<a tiff:Orientation=\"9\"/>"), 1);
}

// The picture, and one remark that has `part`.
void expect_read_with_remark(const Bytes& file, const std::string& part) {
  Image image = decode_image(file, "test");
  ASSERT_EQ(image.remarks.size(), 1u) << part;
  EXPECT_TRUE(has(image.remarks[0], part)) << image.remarks[0];
  image.remarks.clear();
  EXPECT_EQ(image, decode_image(plain_png(), "test")) << part;
}

TEST(PngStructure, APictureThatIsWholeIsReadWithARemark) {
  const Bytes whole = plain_png();
  EXPECT_TRUE(decode_image(whole, "test").remarks.empty());
  for (size_t lost = 1; lost <= 12; ++lost)
    expect_read_with_remark(Bytes(whole.data(), whole.data() + whole.size() - lost), "IEND");
  Bytes damaged = whole;
  damaged.back() ^= 1;
  expect_read_with_remark(damaged, "IEND chunk is damaged");
  Bytes longer = whole;
  append(longer, bytes_of("something else"));
  expect_read_with_remark(longer, "14 bytes follow its end");
  Bytes text = text_chunk("Comment", bytes_of("hello"));
  text.back() ^= 1;
  expect_read_with_remark(with_chunk(text), "the tEXt chunk at byte 33 has a wrong CRC");
  append(text, text);
  expect_read_with_remark(with_chunk(text), "1 more");
  // Behind the picture data a chunk may be cut too.
  const Bytes behind = with_chunk(text_chunk("Comment", Bytes(100, 'x')), false);
  expect_read_with_remark(Bytes(behind.data(), behind.data() + place_of(behind, "tEXt") + 50), "IEND");
}

TEST(PngStructure, APictureThatIsNotWholeIsAnErrorWithoutAnEnd) {
  const Bytes whole = plain_png();
  const size_t data = place_of(whole, "IDAT"), end = place_of(whole, "IEND");
  for (size_t n = 0; n < end; ++n)
    EXPECT_THROW(decode_image(std::span(whole).first(n), "test"), DataError) << n << " of " << whole.size();
  Bytes wrong(whole.data(), whole.data() + end);
  wrong.back() ^= 1;  // the CRC of the picture data
  EXPECT_THROW(decode_image(wrong, "test"), DataError);
  // A right CRC of data whose own checksum is wrong.
  const Bytes inside(whole.data() + data + 8, whole.data() + end - 4);
  Bytes other = inside;
  other.back() ^= 1;
  Bytes made(whole.data(), whole.data() + data);
  append(made, chunk("IDAT", other));
  EXPECT_THROW(decode_image(made, "test"), DataError);
  append(made, chunk("IEND", {}));
  EXPECT_THROW(decode_image(made, "test"), DataError);
}

TEST(PngStructure, AChunkLongerThanTheFileIsRefusedUnread) {
  for (const char* type :
       {"iTXt", "zTXt", "tEXt", "iCCP", "eXIf", "PLTE", "tRNS", "IHDR", "spAL", "vpAg", "CrIt"}) {
    Bytes file = with_chunk(chunk(type, {1, 2, 3}));
    const size_t at = place_of(file, type);
    for (const uint32_t length : {0x7fffffffu, 0x10000000u, static_cast<uint32_t>(file.size())}) {
      const Bytes lie = u32(length);
      std::ranges::copy(lie, file.data() + at);
      const std::string message = message_of<DataError>([&] { decode_image(file, "lie.png"); });
      EXPECT_TRUE(has(message, "lie.png")) << type << message;
      const std::optional<int64_t> growth = peak_growth([&] { decode_image(file, "lie.png"); });
      if (growth) {
        EXPECT_LT(*growth, 2 << 20) << type << " of " << length;
      }
    }
  }
}

// A hundred megabytes of zeros in each chunk that is stored deflated.
TEST(PngStructure, BombsAroundThePictureAreNotInflated) {
  const Bytes bomb = deflated(Bytes(100'000'000));
  const auto with_start = [&](const std::string& start) {
    Bytes data = bytes_of(start);
    append(data, bomb);
    return data;
  };
  const std::string profile("Raw profile type exif\0\0", 23), xmp("XML:com.adobe.xmp\0\1\0\0\0", 22);
  for (const Bytes& extra : {chunk("zTXt", with_start(profile)), chunk("iTXt", with_start(xmp)),
                             chunk("iCCP", with_start(std::string("icc\0\0", 5)))}) {
    Bytes all;
    for (int i = 0; i < 5; ++i) append(all, extra);
    const Bytes file = with_chunk(all);
    EXPECT_EQ(decode_image(file, "test").width, kWidth);
    const std::optional<int64_t> growth = peak_growth([&] { decode_image(file, "test"); });
    if (!growth) GTEST_SKIP() << "the peak of memory cannot be told here";
    EXPECT_LT(*growth, 16 * std::ssize(file)) << std::string(extra.begin() + 4, extra.begin() + 8);
  }
}

TEST(JpegStructure, ProcessesThatAreNotReadAreNamed) {
  const auto with_frame = [](uint8_t marker, uint8_t bits, uint8_t components) {
    Bytes jpeg = plain_jpeg();
    for (size_t i = 0; i + 9 < jpeg.size(); ++i) {
      if (jpeg[i] != 0xff || jpeg[i + 1] != 0xc0) continue;
      jpeg[i + 1] = marker, jpeg[i + 4] = bits, jpeg[i + 9] = components;
      break;
    }
    return message_of<DataError>([&] { decode_image(jpeg, "a.jpg"); });
  };
  const std::vector<std::tuple<int, int, int, std::string>> cases{
      {0xc0, 12, 1, "12 bits"},     {0xc1, 12, 3, "12 bits"},     {0xc2, 12, 1, "12 bits"},
      {0xc3, 8, 1, "lossless"},     {0xc3, 16, 1, "lossless"},    {0xc5, 8, 1, "hierarchical"},
      {0xc6, 8, 1, "hierarchical"}, {0xc7, 8, 1, "lossless"},     {0xcb, 8, 1, "lossless"},
      {0xcd, 8, 1, "hierarchical"}, {0xcf, 8, 1, "lossless"},     {0xf7, 8, 1, "JPEG-LS"},
      {0xde, 8, 1, "hierarchical"}, {0xc0, 8, 2, "2 components"}, {0xc9, 12, 1, "12 bits"}};
  for (const auto& [marker, bits, components, part] : cases) {
    const std::string message = with_frame(static_cast<uint8_t>(marker), static_cast<uint8_t>(bits),
                                           static_cast<uint8_t>(components));
    EXPECT_TRUE(has(message, "a.jpg")) << message;
    EXPECT_TRUE(has(message, part)) << std::hex << marker << ": " << message;
    EXPECT_TRUE(has(message, "not supported")) << message;
    EXPECT_FALSE(has(message, "corrupt")) << message;
  }
}

TEST(PictureKind, OfAnotherFileIsNamedWithWhatToDo) {
  const auto padded = [](const std::string& start, size_t offset = 0) {
    Bytes bytes(offset, 0);
    append(bytes, bytes_of(start));
    bytes.resize(std::max<size_t>(bytes.size(), 600), 1);
    return bytes;
  };
  using namespace std::string_literals;
  const std::vector<std::tuple<std::string, Bytes, std::string, std::string>> kinds{
      {"a.bmp", padded("BM\1\2\3\0\0\0\0\0\x36\0\0\0\x28\0\0\0"s), "BMP", "convert"},
      {"a.gif", padded("GIF89a"), "GIF", "convert"},
      {"a.png", padded("GIF89a"), "GIF", "convert a.png -depth 16 a_converted.png"},
      {"a.exr", padded("v/1\1"), "OpenEXR", "convert"},
      {"a.pbm", padded("P4\n3 3\n"), "PBM", "convert"},
      {"a.cr2", padded("II*\0\x10\0\0\0CR\2\0"s), "raw photo (Canon)", "darktable-cli"},
      {"a.cr3", padded("\0\0\0\x18"s + "ftypcrx "), "raw photo (Canon)", "darktable-cli"},
      {"a.pdf", padded("%PDF-1.7"), "PDF", "pdfimages"},
      {"a.heic", padded("\0\0\0\x18"s + "ftypheic"), "HEIC", "heif-convert"},
      {"a.avif", padded("\0\0\0\x18"s + "ftypavif"), "AVIF", "heif-convert"},
      {"a.jp2", padded("\0\0\0\x0cjP  \r\n\x87\n"s), "JPEG 2000", "opj_decompress"},
      {"a.j2k", padded("\xff\x4f\xff\x51"), "JPEG 2000", "opj_decompress"},
      {"a.jxl", padded("\xff\x0a"), "JPEG XL", "djxl"},
      {"a.ico", padded("\0\0\1\0"s), "ICO", "convert"},
      {"a.tga", padded("\0\0\2"s), "TGA", "convert"},
      {"a.svg", bytes_of("<?xml version=\"1.0\"?>\n<svg width=\"3\"/>"), "SVG", "rsvg-convert"},
      {"a.nii", padded("\x1c\2\0\0n+2\0\r\n\x1a\n"s), "a NIfTI-2 volume",
       "nibabel.load('a.nii')), 'a_converted.nii')"},
      {"a.nii", padded("\0\0\2\x1cn+2\0\r\n\x1a\n"s), "a NIfTI-2 volume", "NIfTI-1"},
      {"a.hdr", padded("\x1c\2\0\0ni2\0\r\n\x1a\n"s), "the header of a NIfTI-2 volume",
       "nibabel.load('a.hdr')), 'a.nii')"},
      {"a.raf", padded("FUJIFILM"), "raw photo", "darktable-cli"},
      {"a.zip", padded("PK\3\4"), "ZIP", "starts with"},
      {"a.txt", bytes_of("hello"), "text", "68 65 6c 6c 6f"},
      {"a.bin", padded("\1\2\3\4"), "no picture of a known kind", "01 02 03 04"}};
  for (const auto& [name, bytes, kind, advice] : kinds) {
    const std::string message =
        message_of<DataError>([&file = bytes, &called = name] { decode_image(file, called); });
    EXPECT_TRUE(has(message, name)) << message;
    EXPECT_TRUE(has(message, kind)) << message;
    EXPECT_TRUE(has(message, advice)) << message;
  }
}

// As a NIfTI-1 volume is, and other files that gzip packs are not.
TEST(PictureKind, OfANifti2VolumeIsSeenThroughGzip) {
  using namespace std::string_literals;
  const auto message = [](const std::string& start) {
    Bytes plain = bytes_of(start);
    plain.resize(540, 7);
    Bytes packed(1024);
    z_stream stream{};
    constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
    EXPECT_EQ(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY),
              Z_OK);
    stream.next_in = plain.data(), stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = packed.data(), stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return message_of<DataError>([&] { decode_image(packed, "scans/a.nii.gz"); });
  };
  const std::string volume = message("\x1c\2\0\0n+2\0\r\n\x1a\n"s);
  EXPECT_TRUE(has(volume, "scans/a.nii.gz is a NIfTI-2 volume")) << volume;
  EXPECT_TRUE(has(volume, "nibabel.load('a.nii.gz')), 'a.nii')")) << volume;
  const std::string other = message("\x1c\2\0\0n+3\0\r\n\x1a\n"s);
  EXPECT_TRUE(has(other, "compressed with gzip") && has(other, "gunzip -k a.nii.gz")) << other;
  Bytes cut{0x1f, 0x8b, 8};
  EXPECT_TRUE(has(message_of<DataError>([&] { decode_image(cut, "a.nii.gz"); }), "compressed with gzip"));
}

// A header of a checkpoint may have a length that begins as another kind of file does.
TEST(PictureKind, OfASafetensorsFileDoesNotDependOnTheLengthOfItsHeader) {
  for (const uint64_t length :
       {uint64_t{0x0aff}, uint64_t{0x8b1f}, uint64_t{0x0280}, uint64_t{0x10000}, uint64_t{0x4d42}}) {
    Bytes start;
    for (int i = 0; i < 8; ++i) start.push_back(static_cast<uint8_t>(length >> 8 * i));
    append(start, bytes_of("{\"a\":{\"dtype\":\"F32\""));
    const std::optional<FileKind> kind = kind_of(start, "a");
    ASSERT_TRUE(kind);
    EXPECT_EQ(kind->name, "a safetensors file") << length;
  }
}

}  // namespace
}  // namespace primal
