#include "apps/commands/denoise_plan.h"

#include <filesystem>

#include "apps/pictures/map_file.h"
#include "apps/pictures/result_format.h"
#include "apps/pictures/results.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// A file that is there is not wanted any more, nor a picture that has all of its files.
void leave_out_existing(std::vector<DenoisingJob>& jobs) {
  for (DenoisingJob& job : jobs) {
    for (fs::path* file : {&job.denoised, &job.map, &job.compare}) {
      std::error_code error;
      if (fs::exists(*file, error)) file->clear();
    }
  }
  std::erase_if(jobs, [](const DenoisingJob& job) {
    return job.denoised.empty() && job.map.empty() && job.compare.empty();
  });
}

void take_part(std::vector<DenoisingJob>& jobs, const Shard& shard) {
  jobs = part_of(std::move(jobs), shard, [](const DenoisingJob& job) { return job.input.str(); });
}

}  // namespace

DenoisingPlan plan_denoising(const DenoiseOptions& o, const std::vector<PictureInput>& inputs) {
  std::vector<DenoisingJob> jobs;
  for (const PictureInput& input : inputs) {
    jobs.push_back({input, static_cast<uint32_t>(jobs.size()), {}, {}, {}, {}});
  }
  if (!o.clean.empty()) {
    const std::vector<PictureInput> clean = find_clean_inputs(o.clean, inputs);
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i].clean = clean[i];
  }
  ResultPlace place(o.output, o.overwrite || o.skip_existing, inputs.size());
  if (place.is_nowhere() || place.is_stdout()) {
    take_part(jobs, o.shard);
    return {std::move(jobs), 0};
  }
  std::vector<PictureInput> named = inputs;
  make_names_unique(named);
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].input.name = named[i].name;
  // Names and numbers (of the noise) are those among all pictures, so that parts make up what one
  // process would have made.
  take_part(jobs, o.shard);
  const size_t n_in_part = jobs.size();
  const MapFormat format = parse_map_format(o.map_format);
  for (DenoisingJob& job : jobs) {
    const auto file = [&](const std::string& suffix) {
      return place.file(job.input.name, job.input.str(), suffix);
    };
    job.denoised = file(result_ending(o.format, place, job.input));
    if (o.map) job.map = file(map_suffix(format, o.figures));
    if (o.compare) job.compare = file("_compare" + o.figures.ending());
    if (o.figures.data && o.map && format == MapFormat::figure) file("_lambda.csv");
    if (o.figures.data && o.compare) file("_compare.csv");
  }
  place.prepare();
  if (o.skip_existing) leave_out_existing(jobs);
  const size_t n_skipped = n_in_part - jobs.size();
  return {std::move(jobs), n_skipped};
}

}  // namespace primal
