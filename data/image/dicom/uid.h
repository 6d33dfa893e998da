// UIDs that belong to a content.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace primal::codec {

// Takes in a content piece by piece: where one piece ends and the next begins counts.
class ContentUid {
 public:
  void add(std::span<const uint8_t> bytes);
  void add(std::string_view text) { add({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

  // "2.25." and a UUID of version 8 as a decimal number (PS3.5, B.2; RFC 9562, 5.8), whose bits come from the content: the same content
  // has the same UID, so that a call that is repeated writes the same file. Nothing is promised against those who look for two contents
  // with the same UID.
  std::string str() const;

 private:
  uint64_t low_ = 0xcbf29ce484222325, high_ = 0x9ae16a3b2f90404f;
};

}  // namespace primal::codec
