// The identifiers in cairo's SVG, numbered by their first appearance. cairo counts its surfaces over the
// whole process, so that the same drawing made twice would differ in id="surface12" and in what refers to it.
// Its colours are rgb(...), so a # always refers.
#pragma once

#include <string>
#include <string_view>

namespace primal {

std::string renumbered_svg(std::string_view svg);

// Every identifier and reference with a prefix, so that several drawings fit on one page.
std::string prefixed_svg(std::string_view svg, std::string_view prefix);

}  // namespace primal
