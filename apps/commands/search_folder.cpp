// Several pictures: a curve over the lambdas for each, their means, and the parts that other processes
// computed.
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands/search_options.h"
#include "apps/pictures/failures.h"
#include "apps/search/folder_search.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/shell/visible_text.h"
#include "apps/training/task.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The name of a picture in the rows of a table: its path below the folder, with its extension.
std::string row_name(const PictureInput& input) {
  return visible(input.name + (input.is_stdin() ? "" : input.file.extension().string()));
}

struct Job {
  std::string name;
  PictureInput input;
  std::optional<PictureInput> clean;
  size_t number = 0;  // its place among all pictures
};

std::vector<Job> jobs_of(const std::vector<PictureInput>& inputs, const SearchOptions& o) {
  std::vector<PictureInput> clean;
  if (!o.clean.empty()) clean = find_clean_inputs(o.clean, inputs);
  std::vector<Job> jobs;
  std::set<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = row_name(inputs[i]);
    if (!names.insert(name).second)
      throw ConfigError("[search] two of the pictures are called {}: search their folders one by one", name);
    jobs.push_back({name, inputs[i], clean.empty() ? std::nullopt : std::optional(clean[i]), i});
  }
  return part_of(std::move(jobs), o.shard, [](const Job& job) { return job.input.str(); });
}

nlohmann::json settings_json(const SearchOptions& o, const LambdaGrid& grid,
                             const std::vector<PictureInput>& inputs) {
  std::vector<std::string> names;
  for (const PictureInput& input : inputs) names.push_back(row_name(input));
  nlohmann::json json{
      {"pictures", o.paths},
      {"clean", o.clean},
      {"with_clean", !o.clean.empty()},
      {"n_pictures", inputs.size()},
      {"names", identity_of(names)},  // the noise of a picture depends on its place among them
      {"noise", nullptr},
      {"grid", {{"low", grid.low}, {"high", grid.high}, {"n", grid.n}}},
      {"iterations", o.iterations},
      {"boundary", o.boundary},
      {"range", o.range},
      {"size", o.size}};
  if (o.noise) {
    json["noise"] = *o.noise;
    json["noise_kind"] = o.noise_kind;
    json["seed"] = o.seed;
  }
  return json;
}

class FolderProgress {
 public:
  FolderProgress(size_t n, bool is_quiet) : n_(n), is_quiet_(is_quiet) {}

  void show(size_t n_done, const PictureSearch& found) {
    ++n_searched_;
    if (is_quiet_) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const LambdaCurve& curve = found.curve;
    say("{:>4}/{} {}: noisy {:.2f}, best {:.2f} dB at {:.3g}, {:.0f} s left\n", n_done, n_, found.picture,
        curve.noisy.psnr, curve.scores[curve.by_psnr].psnr, curve.lambdas[curve.by_psnr],
        seconds / n_searched_ * static_cast<double>(n_ - n_done));
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  size_t n_;
  bool is_quiet_;
  double n_searched_ = 0.0;  // pictures searched here, without those from parts
};

struct Searched {
  std::vector<PictureSearch> pictures;
  int stopped_by = 0;  // a signal
};

Searched search_all(const std::vector<Job>& jobs, const std::map<std::string, PictureSearch>& known,
                    const SearchOptions& o, Device device, SearchFiles& files, Failures& failures) {
  const StopSignals signals;
  FolderProgress progress(jobs.size(), o.common.quiet);
  Searched result;
  for (size_t i = 0; i < jobs.size() && result.stopped_by == 0; ++i) {
    const std::string& name = jobs[i].name;
    if (const auto found = known.find(name); found != known.end()) {
      result.pictures.push_back(found->second);
      files.append(found->second);
      continue;
    }
    SearchedPicture picture;
    try {
      picture = read_searched_picture(jobs[i].input, jobs[i].clean, jobs[i].number, o);
    } catch (const Error& error) {
      failures.add(name, error);
      result.stopped_by = signals.caught();
      continue;
    }
    result.pictures.push_back({name, searched_curve(name, picture, o, device)});
    files.append(result.pictures.back());
    progress.show(i + 1, result.pictures.back());
    result.stopped_by = signals.caught();
  }
  return result;
}

nlohmann::json pictures_json(const std::vector<PictureSearch>& pictures) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, curve] : pictures) {
    nlohmann::json entry = json_of(curve);
    entry["picture"] = name;
    entry.erase("grid");
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

void search_folder(const SearchOptions& o, const std::vector<PictureInput>& inputs,
                   const InputRemarks& remarks, Device device) {
  const LambdaGrid grid = parse_lambda_grid(o.grid);
  const std::vector<Job> jobs = jobs_of(inputs, o);
  const nlohmann::json settings = settings_json(o, grid, inputs);
  const std::map<std::string, PictureSearch> known =
      read_search_parts({o.merge.begin(), o.merge.end()}, settings, lambdas_of(grid));
  SearchFiles files(o.output, o.overwrite, settings);

  Failures failures(inputs.size() + remarks.missing.size());
  for (const auto& [path, problem] : remarks.missing) failures.add(path, problem);
  if (!o.common.quiet) {
    if (!remarks.left_out.empty()) say("note: {}\n", remarks.left_out_text());
    if (!o.shard.is_all()) say("part {}: {} of {} pictures\n", o.shard.str(), jobs.size(), inputs.size());
    const auto n_known =
        std::ranges::count_if(jobs, [&](const Job& job) { return known.contains(job.name); });
    if (!o.merge.empty())
      say("{} of {} pictures are searched in the parts that are merged\n", n_known, jobs.size());
  }
  const Searched result = search_all(jobs, known, o, device, files, failures);
  if (result.pictures.empty()) {
    failures.finish("search");
    if (result.stopped_by != 0) throw Stopped(result.stopped_by, false);
    if (o.common.json) print_json({{"n_pictures", 0}, {"settings", settings}});  // more parts than pictures
    return;
  }
  const FolderSearch summary = summarise(result.pictures);
  nlohmann::json json = json_of(summary);
  json["settings"] = settings;
  json["errors"] = failures.json();
  json["complete"] = result.pictures.size() == inputs.size();
  files.write_summary(json);
  if (o.common.json) {
    json["pictures"] = pictures_json(result.pictures);
    print_json(json);
  } else {
    put_text(table_of(summary));
  }
  flush_output();
  if (!o.common.quiet && summary.n_infinite > 0)
    say("note: {} of {} pictures have an infinite PSNR for some lambda and are left out of the means of "
        "PSNR\n",
        summary.n_infinite, summary.n_pictures);
  write_curve(summary.means, o);
  if (result.stopped_by != 0) throw Stopped(result.stopped_by, files.any());
  failures.finish("search");
}

}  // namespace primal
