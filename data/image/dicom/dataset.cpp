#include "data/image/dicom/dataset.h"

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <mutex>

#include "tensor/error.h"

namespace primal::codec {
namespace {

void read_from(DcmDataset& dataset, std::span<const uint8_t> bytes, E_TransferSyntax syntax,
               OFCondition& status) {
  DcmInputBufferStream stream;
  stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  stream.setEos();
  dataset.transferInit();
  status = dataset.read(stream, syntax);
  dataset.transferEnd();
}

// DcmDataset and DcmFileFormat have this in common, but no interface.
template <class Object>
std::vector<uint8_t> written(Object& object) {
  std::vector<uint8_t> all, buffer(size_t{1} << 16);
  DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
  object.transferInit();
  OFCondition status = EC_StreamNotifyClient;
  while (status == EC_StreamNotifyClient) {
    status = object.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr, EGL_withoutGL);
    void* part = nullptr;
    offile_off_t n = 0;
    stream.flushBuffer(part, n);
    const auto* const from = static_cast<const uint8_t*>(part);
    all.insert(all.end(), from, from + n);
  }
  object.transferEnd();
  if (status.bad()) throw DeviceError("[dicom] cannot encode: {}", status.text());
  return all;
}

}  // namespace

void prepare_dcmtk(const std::string& name) {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
  });
  if (!dcmDataDict.isDictionaryLoaded())
    throw DataError(
        "[dicom] {} cannot be read: dcmtk finds no dictionary of attributes; the variable DCMDICTPATH may "
        "name it, in Debian /usr/share/libdcmtk17/dicom.dic",
        name);
}

void parse_dataset(DcmDataset& dataset, std::span<const uint8_t> bytes, const DicomHeader& header,
                   const std::string& name) {
  const E_TransferSyntax syntax = DcmXfer(header.transfer_syntax.c_str()).getXfer();
  OFCondition status;
  read_from(dataset, bytes.subspan(header.start, header.end() - header.start), syntax, status);
  if (status.bad()) throw DataError("[dicom] {} is corrupt: {}", name, status.text());
}

std::vector<uint8_t> attributes_of(DcmDataset& dataset) { return written(dataset); }

void set_attributes(DcmDataset& dataset, std::span<const uint8_t> attributes) {
  OFCondition status;
  read_from(dataset, attributes, EXS_LittleEndianExplicit, status);
  if (status.bad()) throw DeviceError("[dicom] cannot encode: {}", status.text());
}

std::vector<uint8_t> bytes_of(DcmFileFormat& file) { return written(file); }

std::string text_of(DcmItem& item, const DcmTagKey& tag, unsigned long i) {
  OFString text;
  if (item.findAndGetOFString(tag, text, i).bad()) return "";
  return {text.c_str(), text.length()};
}

}  // namespace primal::codec
