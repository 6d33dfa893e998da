// dcmtk as the other files here use it: quiet, with its decoders, from memory and into memory.
#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <span>
#include <string>
#include <vector>

#include "data/image/dicom/header.h"

namespace primal::codec {

// Switches dcmtk's own messages off, which may quote a patient's data, and registers its decoders; once. DataError naming the file where
// dcmtk finds no dictionary of attributes.
void prepare_dcmtk(const std::string& name);

// The data set of a file whose header has been read. DataError where dcmtk does not agree with it.
void parse_dataset(DcmDataset& dataset, std::span<const uint8_t> bytes, const DicomHeader& header,
                   const std::string& name);

// A data set without pixels as bytes in explicit VR, little endian, and back.
std::vector<uint8_t> attributes_of(DcmDataset& dataset);
void set_attributes(DcmDataset& dataset, std::span<const uint8_t> attributes);

std::vector<uint8_t> bytes_of(DcmFileFormat& file);

// Value i of an attribute as text; empty where there is none.
std::string text_of(DcmItem& item, const DcmTagKey& tag, unsigned long i = 0);

}  // namespace primal::codec
