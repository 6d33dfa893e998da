// How the other files in this folder use dcmtk: without its log messages, with its decoders, reading
// from and writing to memory.
#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <span>
#include <string>
#include <vector>

#include "data/image/dicom/header.h"

namespace primal::codec {

// Switches off dcmtk's log messages, which may quote patient data, and registers its decoders, both once per
// process. DataError that names the file if dcmtk finds no dictionary of attributes.
void prepare_dcmtk(const std::string& name);

// The data set of a file whose header has been read. DataError if dcmtk rejects it.
void parse_dataset(DcmDataset& dataset, std::span<const uint8_t> bytes, const DicomHeader& header,
                   const std::string& name);

// Converts a data set without pixels to bytes in explicit VR, little endian, and back.
std::vector<uint8_t> attributes_of(DcmDataset& dataset);
void set_attributes(DcmDataset& dataset, std::span<const uint8_t> attributes);

std::vector<uint8_t> bytes_of(DcmFileFormat& file);

// Value i of an attribute as text; empty if there is none.
std::string text_of(DcmItem& item, const DcmTagKey& tag, unsigned long i = 0);

}  // namespace primal::codec
