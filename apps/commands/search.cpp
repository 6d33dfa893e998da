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

void search_picture(const SearchOptions& o, const PictureInput& input, Device device) {
  std::optional<PictureInput> clean_input;
  if (!o.clean.empty()) clean_input = find_clean_inputs(o.clean, {input}).front();
  const LambdaCurve curve =
      searched_curve(input.str(), read_searched_picture(input, clean_input, 0, o), o, device);
  if (o.common.json) {
    print_json(json_of(curve));
  } else {
    put_text(table_of(curve));
  }
  write_curve(curve, o);
}

}  // namespace

LambdaCurve searched_curve(const std::string& name, const SearchedPicture& picture, const SearchOptions& o,
                           Device device) {
  Meter meter(name, !o.common.quiet, is_terminal(STDERR_FILENO));
  const LambdaSearch found =
      search_lambda(picture.noisy.to(device), picture.clean.to(device), parse_lambda_grid(o.grid),
                    o.iterations, parse_boundary(o.boundary),
                    [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); });
  return lambda_curve(found.lambdas, scores_of(picture.noisy, picture.clean), found.scores);
}

void write_curve(const LambdaCurve& curve, const SearchOptions& o) {
  if (!o.common.quiet && curve.ends_at_the_edge())
    say("the best lambda is the largest of the grid: a wider --grid may contain a better one\n");
  if (!o.csv.empty()) write_text(o.csv, csv_of(curve));
  if (o.figure.is_wanted()) o.figure.write(figure_of(curve));
}

void search(SearchOptions o) {
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  if (!o.shard_text.empty()) o.shard = parse_shard(o.shard_text);
  check_search_options(o);
  parse_lambda_grid(o.grid);
  InputRemarks remarks;
  const std::vector<PictureInput> inputs = find_inputs(o.paths, o.limit, &remarks);
  const bool is_one = o.paths.size() == 1 && inputs.size() == 1 && !is_folder(o.paths.front());
  if (is_one && o.output.empty() && o.shard_text.empty() && o.merge.empty())
    return search_picture(o, inputs.front(), device);
  search_folder(o, inputs, remarks, device);
}

}  // namespace primal
