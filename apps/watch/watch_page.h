// The page of `primal watch`: PDHG at work on one picture, with a slider over the iterations, in one file
// (data/page/page.h). watch.html is its text, watch.css its style, and the scripts draw what trace_pdhg()
// kept, from JSON inside the page:
//
//   width, height, iterations   of the picture; T
//   dual_steps                  levels of q from 0 to Lambda (trace.h)
//   frames                      [{k, x, q, energy, gap, psnr, active}, ...]: x and q are PNG in data URIs,
//                               psnr null without clean. From the second frame on, q is the difference of its
//                               levels from those of the frame before, modulo 256: most of q stands still
//                               most of the time, so the page is half as large.
//   clean                       PNG in a data URI, or null
//   lambda                      low, high, picture: level 0 is Lambda = 0, level l in 1 .. 255 is
//                               low (high / low)^((l - 1) / 254); picture is null where Lambda is one number
//   colours                     256 colours of data/figure/colour.h, "#rrggbb"
//
// Errors:  those of data/page.
#pragma once

#include <string>
#include <vector>

#include "apps/watch/trace.h"
#include "data/page/page.h"

namespace primal {

struct WatchPageInput {
  std::string title, command;
  std::vector<std::string> facts;  // a paragraph each, above the pictures
  Tensor lambda;                   // [] or [1,n_maps,1,H,W]: the first map is shown
  Tensor clean;                    // not defined: there is none
  int64_t iterations = 0;          // T
  std::vector<TraceFrame> frames;
};

// JSON that may stand in a script element: "<" is written \u003c, so that no text in it ends the element.
std::string script_json(const std::string& json);

Page watch_page(const WatchPageInput& input);

}  // namespace primal
