// UIDs that are computed from content.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace primal::codec {

// Takes the content piece by piece; the boundaries between pieces matter.
class ContentUid {
 public:
  void add(std::span<const uint8_t> bytes);
  void add(std::string_view text) { add({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

  // "2.25." and a UUID of version 8 as a decimal number (PS3.5, B.2; RFC 9562, 5.8), whose bits come from the
  // content. The same content has the same UID, so a repeated call writes the same file. The UIDs are not
  // cryptographically secure: somebody could construct two contents with the same UID.
  std::string str() const;

 private:
  uint64_t low_ = 0xcbf29ce484222325, high_ = 0x9ae16a3b2f90404f;
};

}  // namespace primal::codec
