// primal search: the scores of scalar TV for each lambda of a grid, on one picture or as means over several.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/search_options.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/text_file.h"
#include "apps/search/lambda_curve.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

bool is_of_several(const SearchOptions& o) {
  return o.paths.size() > 1 || is_folder(o.paths.front()) || !o.output.empty() || !o.shard_text.empty() ||
         !o.merge.empty() || find_inputs(o.paths).size() > 1;
}

void search_picture(const SearchOptions& o, Device device) {
  const PictureInput input = find_inputs(o.paths).front();
  std::optional<PictureInput> clean_input;
  if (!o.clean.empty()) clean_input = find_clean_inputs(o.clean, {input}).front();
  const SearchedPicture picture = read_searched_picture(input, clean_input, 0, o);
  const LambdaSearch found = [&] {
    Meter meter(input.str(), !o.common.quiet, is_terminal(STDERR_FILENO));
    return search_lambda(
        picture.noisy.to(device), picture.clean.to(device), parse_lambda_grid(o.grid), o.iterations,
        parse_boundary(o.boundary),
        [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); });
  }();
  const LambdaCurve curve =
      lambda_curve(found.lambdas, scores_of(picture.noisy, picture.clean), found.scores);
  if (o.common.json) {
    print_json(json_of(curve));
  } else {
    put_text(table_of(curve));
  }
  if (!o.common.quiet && curve.ends_at_the_edge())
    say("the best lambda is the largest of the grid: a wider --grid may contain a better one\n");
  if (!o.csv.empty()) write_text(o.csv, csv_of(curve));
  if (o.figure.is_wanted()) o.figure.write(figure_of(curve));
}

}  // namespace

void search(SearchOptions o) {
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  if (!o.shard_text.empty()) o.shard = parse_shard(o.shard_text);
  check_search_options(o);
  parse_lambda_grid(o.grid);
  if (is_of_several(o)) return search_folder(o, device);
  search_picture(o, device);
}

}  // namespace primal
