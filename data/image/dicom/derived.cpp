#include "data/image/dicom/derived.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>

#include "data/image/dicom/dicom.h"
#include "data/image/dicom/uid.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr const char* kSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7";

const DicomOrigin* origin_of(const Raster& raster) { return std::get_if<DicomOrigin>(&raster.origin); }

// Sets attributes of one data set.
class Attributes {
 public:
  explicit Attributes(DcmItem& item) : item_(item) {}

  void set(const DcmTagKey& tag, const std::string& value) {
    check(tag, item_.putAndInsertOFStringArray(tag, OFString(value.c_str(), value.size())));
  }
  void set(const DcmTagKey& tag, int value) {
    check(tag, item_.putAndInsertUint16(tag, static_cast<Uint16>(value)));
  }
  void set_if_missing(const DcmTagKey& tag, const std::string& value) {
    if (!item_.tagExists(tag)) set(tag, value);
  }
  void remove(std::initializer_list<DcmTagKey> tags) {
    for (const DcmTagKey& tag : tags) delete item_.remove(tag);
  }
  DcmItem& new_item(const DcmTagKey& sequence) {
    DcmItem* item = nullptr;
    check(sequence, item_.findOrCreateSequenceItem(sequence, item, -2));
    return *item;
  }

 private:
  static void check(const DcmTagKey& tag, const OFCondition& status) {
    if (status.bad())
      throw DeviceError("[dicom] cannot encode {}: {}", tag.toString().c_str(), status.text());
  }
  DcmItem& item_;
};

// What any change of the pixels makes untrue.
void remove_stale(DcmDataset& dataset, const Raster& raster) {
  Attributes set(dataset);
  set.remove({DCM_PixelData, DCM_ExtendedOffsetTable, DCM_ExtendedOffsetTableLengths, DCM_IconImageSequence,
              DCM_SmallestImagePixelValue, DCM_LargestImagePixelValue, DCM_SmallestPixelValueInSeries,
              DCM_LargestPixelValueInSeries, DcmTagKey(0x0028, 0x0110), DcmTagKey(0x0028, 0x0111),
              DCM_HistogramSequence, DCM_DerivationCodeSequence, DCM_MACParametersSequence,
              DCM_DigitalSignaturesSequence, DCM_DataSetTrailingPadding});
  if (raster.channels == 1) set.remove({DCM_PlanarConfiguration, DCM_ICCProfile, DcmTagKey(0x0028, 0x2002)});
  for (Uint16 group = 0x6000; group <= 0x601e; group = static_cast<Uint16>(group + 2)) {
    // Overlays that lay in unused bits of the pixels are gone; others fit as long as the size does.
    if (dataset.tagExists(DcmTagKey(group, 0x3000)) && has_its_attributes(raster)) continue;
    for (unsigned long i = dataset.card(); i-- > 0;) {
      if (dataset.getElement(i)->getGTag() == group) delete dataset.remove(i);
    }
  }
  if (has_its_attributes(raster)) return;
  set.remove({DCM_PixelSpacing,
              DCM_ImagerPixelSpacing,
              DCM_NominalScannedPixelSpacing,
              DCM_PixelSpacingCalibrationType,
              DCM_PixelSpacingCalibrationDescription,
              DCM_ImagePositionPatient,
              DCM_ImageOrientationPatient,
              DCM_SliceLocation,
              DCM_WindowCenter,
              DCM_WindowWidth,
              DCM_WindowCenterWidthExplanation,
              DCM_VOILUTFunction,
              DCM_VOILUTSequence,
              DCM_ModalityLUTSequence,
              DCM_RescaleSlope,
              DCM_RescaleIntercept,
              DCM_PixelPaddingValue,
              DCM_PixelPaddingRangeLimit,
              DCM_SharedFunctionalGroupsSequence,
              DCM_PerFrameFunctionalGroupsSequence});
  if (!raster.is_rescaled()) set.remove({DCM_RescaleType});  // else the unit that the values still have
}

// A DS has 16 characters at most.
std::string decimal_string(double value) {
  for (int digits = 17; digits > 1; --digits) {
    if (std::string text = fmt::format("{:.{}g}", value, digits); text.size() <= 16) return text;
  }
  return fmt::format("{:.1g}", value);
}

std::string software_of(const PngText& text) {
  const auto found = text.find("Software");
  return found == text.end() ? "primal" : found->second;
}

// "primal 0.3.0 (1a2b3c) removed noise: boundary symmetric, iterations 256, lambda 0.1"
std::string derivation_of(const PngText& text) {
  constexpr std::string_view kOurs = "Primal ";
  std::string out = fmt::format("{} removed noise", software_of(text));
  const char* before = ": ";
  for (const auto& [key, value] : text) {
    if (!key.starts_with(kOurs)) continue;
    out += fmt::format("{}{} {}", before, key.substr(kOurs.size()), value);
    before = ", ";
  }
  constexpr size_t kMost = 1024;
  return out.substr(0, kMost);
}

// What is the same for all slices of a series that are denoised alike; a lambda that is chosen for each
// picture is not, and neither are the iterations that a gap takes.
std::string settings_of(const PngText& text) {
  std::string all = software_of(text);
  const auto add = [&](const char* key) {
    if (const auto found = text.find(key); found != text.end())
      all += fmt::format("; {} {}", key, found->second);
  };
  for (const char* key : {"Primal boundary", "Primal colour", "Primal model CRC-32", "Primal noise added",
                          "Primal level range", "Primal gap", "Primal size"})
    add(key);
  if (!text.contains("Primal gap")) add("Primal iterations");
  if (!text.contains("Primal lambda rule")) add("Primal lambda");
  return all;
}

std::string uid(std::string_view kind, std::string_view of, std::string_view settings,
                std::span<const uint8_t> samples) {
  ContentUid content;
  content.add(kind);
  content.add(of);
  content.add(settings);
  content.add(samples);
  return content.str();
}

// Empty for a text that is no UID: dcmtk would look it up as a name.
std::string valid_uid(DcmItem& item, const DcmTagKey& tag) {
  constexpr size_t kMost = 64;
  std::string uid = text_of(item, tag);
  const bool is_valid = uid.size() <= kMost && uid.find_first_not_of("0123456789.") == std::string::npos;
  return is_valid ? uid : "";
}

void set_code(DcmItem& parent, const DcmTagKey& sequence, const char* value, const char* meaning) {
  Attributes code(Attributes(parent).new_item(sequence));
  code.set(DCM_CodeValue, value);
  code.set(DCM_CodingSchemeDesignator, "DCM");
  code.set(DCM_CodeMeaning, meaning);
}

void set_identity(DcmDataset& dataset, const Raster& raster, const PngText& text) {
  Attributes set(dataset);
  const std::string instance = valid_uid(dataset, DCM_SOPInstanceUID),
                    series = text_of(dataset, DCM_SeriesInstanceUID),
                    original_class = valid_uid(dataset, DCM_SOPClassUID);
  const char* const capture = secondary_capture_class(raster);
  const std::string sop_class = capture != nullptr       ? capture
                                : original_class.empty() ? kSecondaryCapture
                                                         : original_class;
  set.remove({DCM_SourceImageSequence});
  if (!instance.empty() && !original_class.empty()) {
    DcmItem& source = set.new_item(DCM_SourceImageSequence);
    Attributes reference(source);
    reference.set(DCM_ReferencedSOPClassUID, original_class);
    reference.set(DCM_ReferencedSOPInstanceUID, instance);
    set_code(source, DCM_PurposeOfReferenceCodeSequence, "121322",
             "Source image for image processing operation");
  }
  set.set(DCM_SOPClassUID, sop_class);
  const std::string derivation = derivation_of(text);
  set.set(DCM_SOPInstanceUID, uid("instance", instance, derivation, raster.samples));
  set.set(DCM_SeriesInstanceUID, series.empty() ? uid("series", "", derivation, raster.samples)
                                                : uid("series", series, settings_of(text), {}));
  if (valid_uid(dataset, DCM_StudyInstanceUID).empty())
    set.set(DCM_StudyInstanceUID, uid("study", "", "", raster.samples));
  std::string type = "DERIVED\\SECONDARY";
  constexpr size_t kMostType = 1024;
  for (unsigned long i = 2; type.size() < kMostType && !text_of(dataset, DCM_ImageType, i).empty(); ++i)
    type += fmt::format("\\{}", text_of(dataset, DCM_ImageType, i));
  set.set(DCM_ImageType, type);
  set.set(DCM_DerivationDescription, derivation);
  if (capture == nullptr) return;
  set.set(DCM_ConversionType, "WSD");  // made on a workstation
  set.set(DCM_SecondaryCaptureDeviceManufacturer, "Primal");
  set.set(DCM_SecondaryCaptureDeviceSoftwareVersions, software_of(text).substr(0, 64));
}

void set_pixel_attributes(DcmDataset& dataset, const Raster& raster) {
  Attributes set(dataset);
  const DicomPixels pixels = pixels_of(raster);
  set.set(DCM_Rows, static_cast<int>(raster.height));
  set.set(DCM_Columns, static_cast<int>(raster.width));
  set.set(DCM_SamplesPerPixel, raster.channels);
  if (raster.channels == 3) set.set(DCM_PlanarConfiguration, 0);
  set.set(DCM_PhotometricInterpretation, raster.channels == 3   ? "RGB"
                                         : pixels.white_is_zero ? "MONOCHROME1"
                                                                : "MONOCHROME2");
  set.set(DCM_BitsAllocated, static_cast<int>(8 * bytes_of(raster.type)));
  set.set(DCM_BitsStored, pixels.bits_stored);
  set.set(DCM_HighBit, pixels.bits_stored - 1);
  const bool is_signed =
      raster.type == SampleType::i8 || raster.type == SampleType::i16 || raster.type == SampleType::i32;
  set.set(DCM_PixelRepresentation, is_signed ? 1 : 0);
  if (!has_its_attributes(raster) && raster.is_rescaled()) {
    set.set(DCM_RescaleSlope, decimal_string(raster.slope));
    set.set(DCM_RescaleIntercept, decimal_string(raster.offset));
    set.set_if_missing(DCM_RescaleType, "US");  // no unit is known
  }
  const DicomOrigin* const origin = origin_of(raster);
  if (origin == nullptr || origin->lossy_method.empty() ||
      text_of(dataset, DCM_LossyImageCompression) == "01")
    return;
  set.set(DCM_LossyImageCompression, "01");
  set.set(DCM_LossyImageCompressionMethod, origin->lossy_method);
  set.set(DCM_LossyImageCompressionRatio, decimal_string(origin->lossy_ratio));
}

// PS3.3, C.7.6.6 and C.8.6.3.
void set_frames(DcmDataset& dataset, const Raster& raster) {
  Attributes set(dataset);
  if (raster.pages == 1) {
    set.remove({DCM_NumberOfFrames, DCM_FrameIncrementPointer});
    return;
  }
  set.set(DCM_NumberOfFrames, fmt::format("{}", raster.pages));
  if (secondary_capture_class(raster) == nullptr) return;
  set.set_if_missing(DCM_BurnedInAnnotation, "YES");  // nothing says that there is none
  if (raster.channels == 1) {
    set.set(DCM_PresentationLUTShape, "IDENTITY");
    set.set(DCM_RescaleIntercept, "0");
    set.set(DCM_RescaleSlope, "1");
    set.set(DCM_RescaleType, "US");
  }
  constexpr int64_t kMostNumbers = 10000;  // that the value of one attribute has room for
  if (dataset.tagExists(DCM_FrameIncrementPointer) || raster.pages > kMostNumbers) return;
  std::string numbers = "1";
  for (int64_t p = 2; p <= raster.pages; ++p) numbers += fmt::format("\\{}", p);
  set.set(DCM_PageNumberVector, numbers);
  if (dataset.putAndInsertTagKey(DCM_FrameIncrementPointer, DCM_PageNumberVector).bad())
    throw DeviceError("[dicom] cannot encode the order of {} frames", raster.pages);
}

}  // namespace

const char* secondary_capture_class(const Raster& raster) {
  if (raster.pages == 1) return kSecondaryCapture;
  if (raster.channels == 3) return raster.type == SampleType::u8 ? "1.2.840.10008.5.1.4.1.1.7.4" : nullptr;
  const DicomPixels pixels = pixels_of(raster);
  if (raster.white <= 0.0 || pixels.white_is_zero) return nullptr;
  if (raster.type == SampleType::u8) return pixels.bits_stored == 8 ? "1.2.840.10008.5.1.4.1.1.7.2" : nullptr;
  return pixels.bits_stored > 8 ? "1.2.840.10008.5.1.4.1.1.7.3" : nullptr;
}

bool has_its_attributes(const Raster& raster) {
  const DicomOrigin* const o = origin_of(raster);
  return o != nullptr && o->width == raster.width && o->height == raster.height && o->type == raster.type &&
         o->slope == raster.slope && o->offset == raster.offset;
}

DicomPixels pixels_of(const Raster& raster) {
  const DicomOrigin* const origin = origin_of(raster);
  DicomPixels pixels{.bits_stored = static_cast<int>(8 * bytes_of(raster.type)),
                     .white_is_zero = origin != nullptr && origin->white_is_zero && raster.channels == 1};
  if (has_its_attributes(raster)) {
    pixels.bits_stored = origin->bits_stored;
  } else if (raster.white > 0.0) {
    pixels.bits_stored = static_cast<int>(std::bit_width(static_cast<uint32_t>(raster.white)));
  }
  return pixels;
}

void derive_attributes(DcmDataset& dataset, const Raster& raster, const PngText& text) {
  remove_stale(dataset, raster);
  set_identity(dataset, raster, text);
  set_pixel_attributes(dataset, raster);
  set_frames(dataset, raster);
  Attributes set(dataset);
  if (origin_of(raster) == nullptr) {
    set.set(DCM_Modality, "OT");
    set.set(DCM_SpecificCharacterSet, "ISO_IR 100");
  }
  for (const DcmTagKey& tag :
       {DCM_PatientName, DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyDate, DCM_StudyTime,
        DCM_ReferringPhysicianName, DCM_StudyID, DCM_AccessionNumber, DCM_SeriesNumber, DCM_InstanceNumber,
        DCM_PatientOrientation}) {
    set.set_if_missing(tag, "");
  }
}

}  // namespace primal::codec
