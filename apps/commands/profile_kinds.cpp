#include "apps/commands/profile_kinds.h"

#include <nlohmann/json.hpp>

#include "apps/pictures/text_file.h"
#include "apps/profile/device_roofs.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"

namespace primal {

Roofs roofs_now(const ProfileOptions& options, Device device) {
  if (!options.common.quiet)
    say("measuring the roofs of {}\n", device.is_cpu() ? "this machine" : device.str());
  return device.is_cpu() ? measure_roofs() : measure_device_roofs(device);
}

std::vector<std::string> doubts(const LoadWatch& watch, const Roofs& roofs) {
  std::vector<std::string> found;
  if (const std::string remark = watch.so_far().remark(); !remark.empty()) found.push_back(remark);
  if (const std::string doubt = doubt_about(roofs); !doubt.empty()) found.push_back(doubt);
  return found;
}

void print_doubts(const std::vector<std::string>& found) {
  for (const std::string& doubt : found) put("warning: {}\n", doubt);
  if (!found.empty())
    put("         these times and shares are not to be trusted: measure again on a quiet machine\n");
}

void print_counts(const std::vector<CountedKernels>& counts, bool json) {
  int64_t n_races = 0;
  nlohmann::json report = nlohmann::json::array();
  if (!json) put_text(counters_header());
  for (const CountedKernels& counted : counts) {
    n_races += counted.n_races;
    if (json) {
      report.push_back(to_json(counted));
    } else {
      put_text(counters_table(counted));
    }
  }
  if (json) print_json({{"device", "simt"}, {"counts", report}});
  if (n_races > 0)
    throw CheckFailed("[profile] {} races: the results depend on the order of threads", n_races);
}

void write_drawn(const ProfileOptions& options, const Figure& figure, const ProfileReport& report) {
  if (options.figure.is_wanted()) options.figure.write(figure);
  if (options.report.empty()) return;
  write_page(options.report, profile_page(report));
  if (!options.common.quiet) say("report in {}: open it in a browser\n", options.report);
}

}  // namespace primal
