#include "data/figure/font.h"

#include <fontconfig/fontconfig.h>
#include <memory>
#include <unistd.h>

#include "tensor/error.h"

namespace primal {

void require_font() {
  const std::unique_ptr<FcPattern, void (*)(FcPattern*)> wanted(FcPatternCreate(), FcPatternDestroy);
  FcPatternAddString(wanted.get(), FC_FAMILY, reinterpret_cast<const FcChar8*>(kFontFamily));
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultNoMatch;
  const std::unique_ptr<FcPattern, void (*)(FcPattern*)> found(FcFontMatch(nullptr, wanted.get(), &result),
                                                               FcPatternDestroy);
  FcChar8* file = nullptr;
  if (found && FcPatternGetString(found.get(), FC_FILE, 0, &file) == FcResultMatch &&
      ::access(reinterpret_cast<const char*>(file), R_OK) == 0)
    return;
  throw IoError(
      "[figure] fontconfig finds no font, so a figure would have no text; install one (Debian: "
      "fonts-dejavu-core), or see to FONTCONFIG_FILE and FONTCONFIG_PATH where they are set");
}

}  // namespace primal
