// What all reports share: panels that flow beside each other, pictures of at most 512 pixels, and a bound
// on the size of the page.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/figure/figure.h"
#include "data/page/page.h"
#include "tensor/tensor.h"

namespace primal {

inline constexpr size_t kMaxReportBytes = 4'900'000;
inline constexpr int64_t kMaxShownSide = 512;  // pixels

// A page with the styles that the parts below need.
Page report_page(const std::string& title, const std::string& command);

void subheading(Page& page, const std::string& text);

// The panels of a figure one by one, in as many columns as the reader's screen has room for; a caption
// for each, else its title.
void add_panels(Page& page, const Figure& figure, const std::vector<std::string>& captions = {});

// Averages of k x k pixels, k the least that brings both sides to kMaxShownSide; the picture [..., H, W]
// itself where it is small enough. As [1, 1, h, w] of f64.
Tensor shown_size(const Tensor& picture);
// " Shown at 512 x 512 of its 1024 x 1024 pixels (averages of 2 x 2).", or nothing.
std::string shown_size_text(const Tensor& picture);

// Pictures beside each other with a handle, in a row as panels are.
void begin_row(Page& page);
void end_row(Page& page);

// Adds a part unless the page would grow past kMaxReportBytes; false where it would.
bool add_within(Page& page, const std::function<void(Page&)>& part);

// "1.2 h", "35 s", "less than a second"
std::string hours_text(double hours);

}  // namespace primal
