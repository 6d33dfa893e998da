#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

#include "data/image/dicom/dataset.h"
#include "data/image/dicom/dicom.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& name)
      : bytes_(bytes), name_(name), header_(read_dicom_header(bytes, name)) {
    prepare_dcmtk(name);
    parse_dataset(dataset_, bytes, header_, name);
    delete dataset_.remove(
        DCM_IconImageSequence);  // a small picture of what was there before, perhaps packed
  }

  Raster read() {
    unpack();
    Raster raster{.format = PictureFormat::dicom,
                  .width = static_cast<int64_t>(header_.width),
                  .height = static_cast<int64_t>(header_.height),
                  .pages = static_cast<int64_t>(header_.frames),
                  .channels = header_.channels,
                  .type = header_.type(),
                  .remarks = header_.remarks};
    read_scale(raster);
    if (!raster.is_rescaled() && !header_.is_signed && header_.bits_allocated <= 16)
      raster.white = std::exp2(header_.bits_stored) - 1.0;
    raster.density = density();
    turns_around_ = header_.photometric == "MONOCHROME1" && raster.white > 0.0;
    allocate(raster);
    const std::vector<uint8_t> pixels = take_pixels();
    dispatch_sample(raster.type, [&]<class T>() {
      if constexpr (std::is_integral_v<T>) read_samples<T>(pixels, raster);
    });
    if (photometric_ == "YBR_FULL") make_rgb(raster);
    raster.origin = origin(raster);
    return raster;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw DataError("[dicom] {} {}", name_, what); }

  void unpack() {
    if (header_.packing != DicomPacking::none) {
      const OFCondition status = dataset_.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
      const bool is_jpeg = header_.packing != DicomPacking::rle;
      // What dcmtk says if a decoder wants more bytes than there are.
      if (is_jpeg && (status == EC_IllegalCall || status == EC_InvalidStream))
        fail(fmt::format("cannot be unpacked from transfer syntax {}: its JPEG data is truncated or broken",
                         header_.transfer_syntax));
      if (status.bad() || !dataset_.canWriteXfer(EXS_LittleEndianExplicit))
        fail(fmt::format("cannot be unpacked from transfer syntax {}: {}", header_.transfer_syntax,
                         status.bad() ? status.text() : "no decoder for it"));
      dataset_.removeAllButCurrentRepresentations();
    }
    // Decoders change what they must.
    photometric_ = text_of(dataset_, DCM_PhotometricInterpretation);
    if (photometric_.empty()) photometric_ = header_.photometric;
    dataset_.findAndGetUint16(DCM_PlanarConfiguration, planar_);
    Uint16 allocated = static_cast<Uint16>(header_.bits_allocated);
    dataset_.findAndGetUint16(DCM_BitsAllocated, allocated);
    if (allocated != header_.bits_allocated || photometric_ == "YBR_FULL_422")
      fail(fmt::format("unpacks to {} bits of {}, expected {} bits", allocated,
                       photometric_ == "YBR_FULL_422" ? "YBR_FULL_422" : "its colours",
                       header_.bits_allocated));
  }

  // The pixels in little endian, taken out of the data set.
  std::vector<uint8_t> take_pixels() {
    const std::unique_ptr<DcmElement> element(dataset_.remove(DCM_PixelData));
    Uint16* words = nullptr;
    Uint8* octets = nullptr;
    const uint64_t expected = header_.pixel_bytes();
    if (element == nullptr || element->getLengthField() < expected)
      fail(fmt::format("unpacks to {} bytes of pixels, expected {}",
                       element == nullptr ? 0 : element->getLengthField(), expected));
    std::vector<uint8_t> pixels(expected);
    if (element->getUint16Array(words).good() && words != nullptr) {
      std::memcpy(pixels.data(), words, expected);
      if (kNativeIsBig) swap_bytes(pixels, 2);
    } else if (element->getUint8Array(octets).good() && octets != nullptr) {
      std::memcpy(pixels.data(), octets, expected);
    } else {
      fail("has pixels in another VR than OB and OW");
    }
    return pixels;
  }

  template <class T>
  void read_samples(const std::vector<uint8_t>& pixels, Raster& raster) const {
    using Word = std::make_unsigned_t<T>;
    const int shift = header_.high_bit + 1 - header_.bits_stored;
    const auto mask = static_cast<Word>(std::numeric_limits<Word>::max() >>
                                        (std::numeric_limits<Word>::digits - header_.bits_stored));
    const auto sign = static_cast<Word>(header_.is_signed ? Word{1} << (header_.bits_stored - 1) : 0);
    const Word turned = turns_around_ ? mask : Word{0};
    const auto channels = static_cast<size_t>(raster.channels);
    const size_t in_page = raster.page_samples(), pixels_of_page = in_page / channels;
    const bool in_planes = planar_ == 1 && channels > 1;
    for (int64_t p = 0; p < raster.pages; ++p) {
      const std::span<T> page = raster.page<T>(p);
      const uint8_t* const from = pixels.data() + static_cast<size_t>(p) * in_page * sizeof(T);
      for (size_t i = 0; i < in_page; ++i) {
        const size_t at = in_planes ? i % channels * pixels_of_page + i / channels : i;
        Word word = 0;
        for (size_t b = 0; b < sizeof(T); ++b)
          word = static_cast<Word>(word | static_cast<Word>(Word{from[at * sizeof(T) + b]} << (8 * b)));
        word = static_cast<Word>((word >> shift) & mask);
        // The sign bit's value is subtracted where it is set, which fills the bits above it.
        page[i] = static_cast<T>(static_cast<Word>((word ^ sign) - sign) ^ turned);
      }
    }
  }

  // PS3.3, C.7.6.3.1.2: the equations of JPEG, with the full range of 8 bits.
  static void make_rgb(Raster& raster) {
    const auto level = [](double value) {
      return static_cast<uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
    };
    for (size_t i = 0; i + 2 < raster.samples.size(); i += 3) {
      const double y = raster.samples[i], blue = raster.samples[i + 1] - 128.0,
                   red = raster.samples[i + 2] - 128.0;
      raster.samples[i] = level(y + 1.402 * red);
      raster.samples[i + 1] = level(y - 0.344136 * blue - 0.714136 * red);
      raster.samples[i + 2] = level(y + 1.772 * blue);
    }
  }

  double number(const std::string& text, DicomTag tag) const {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    while (*end == ' ') ++end;
    if (end == text.c_str() || *end != '\0' || !std::isfinite(value))
      header_.elements->fail(tag, "is no finite number");
    return value;
  }

  // An attribute of the data set or, in an enhanced object, of the functional group `group`: the same
  // for all frames, or nothing.
  std::string value_of_all(const DcmTagKey& group, const DcmTagKey& tag, unsigned long i = 0) {
    if (const std::string text = text_of(dataset_, tag, i); !text.empty()) return text;
    if (const std::string text = value_in_group(DCM_SharedFunctionalGroupsSequence, 0, group, tag, i);
        !text.empty())
      return text;
    const std::string first = value_in_group(DCM_PerFrameFunctionalGroupsSequence, 0, group, tag, i);
    for (uint64_t frame = 1; frame < header_.frames && !first.empty(); ++frame) {
      if (value_in_group(DCM_PerFrameFunctionalGroupsSequence, static_cast<long>(frame), group, tag, i) ==
          first)
        continue;
      differs_ = true;
      return "";
    }
    return first;
  }

  std::string value_in_group(const DcmTagKey& groups, long number, const DcmTagKey& group,
                             const DcmTagKey& tag, unsigned long i) {
    DcmItem *item = nullptr, *inner = nullptr;
    if (dataset_.findAndGetSequenceItem(groups, item, number).bad() || item == nullptr) return "";
    if (item->findAndGetSequenceItem(group, inner, 0).bad() || inner == nullptr) return "";
    return text_of(*inner, tag, i);
  }

  void read_scale(Raster& raster) {
    const std::string slope = value_of_all(DCM_PixelValueTransformationSequence, DCM_RescaleSlope),
                      offset = value_of_all(DCM_PixelValueTransformationSequence, DCM_RescaleIntercept);
    if (differs_) {
      raster.remarks.push_back(
          "its frames have different rescale slopes or intercepts: the values are taken as stored");
      return;
    }
    if (dataset_.tagExists(DCM_ModalityLUTSequence))
      raster.remarks.push_back(
          "it has a table of values (ModalityLUTSequence): the values are taken as stored");
    if (!slope.empty()) raster.slope = number(slope, tag::kSlope);
    if (!offset.empty()) raster.offset = number(offset, tag::kIntercept);
    if (raster.slope == 0.0) header_.elements->fail(tag::kSlope, "is 0, expected another number");
    if (raster.channels == 3 && raster.is_rescaled()) {
      raster.remarks.push_back(
          "its rescale slope and intercept do not belong to colours and are not applied");
      raster.slope = 1.0;
      raster.offset = 0.0;
    }
  }

  // Millimetres between rows, then between columns.
  PixelDensity density() {
    for (const DcmTagKey& tag : {DCM_PixelSpacing, DCM_ImagerPixelSpacing, DCM_NominalScannedPixelSpacing}) {
      const auto per_metre = [&](unsigned long i) {
        const double mm = std::strtod(value_of_all(DCM_PixelMeasuresSequence, tag, i).c_str(), nullptr);
        const double density = mm > 0.0 ? std::round(1000.0 / mm) : 0.0;
        return density >= 1.0 && density < 4e9 ? static_cast<uint32_t>(density) : 0u;
      };
      if (const PixelDensity found = PixelDensity::stated(per_metre(1), per_metre(0)); found.is_known())
        return found;
    }
    return {};
  }

  // The data set has no pixels any more.
  DicomOrigin origin(const Raster& raster) {
    DicomOrigin origin{.attributes = attributes_of(dataset_),
                       .transfer_syntax = header_.transfer_syntax,
                       .photometric = header_.photometric,
                       .bits_stored = header_.bits_stored,
                       .width = raster.width,
                       .height = raster.height,
                       .type = raster.type,
                       .slope = raster.slope,
                       .offset = raster.offset,
                       .white_is_zero = header_.photometric == "MONOCHROME1"};
    if (header_.packing == DicomPacking::jpeg_lossy || header_.is_lossy_jpeg_ls) {
      origin.lossy_method = header_.packing == DicomPacking::jpeg_lossy ? "ISO_10918_1" : "ISO_14495_1";
      origin.lossy_ratio = static_cast<double>(header_.pixel_bytes()) /
                           static_cast<double>(header_.elements->find(tag::kPixels)->fragments);
    }
    return origin;
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  DicomHeader header_;
  DcmDataset dataset_;
  std::string photometric_;
  Uint16 planar_ = 0;
  bool differs_ = false, turns_around_ = false;
};

}  // namespace

Raster decode_dicom(std::span<const uint8_t> bytes, const std::string& name) {
  return Reader(bytes, name).read();
}

}  // namespace primal::codec
