#include "apps/pictures/noisy_copies.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "apps/pictures/inputs.h"
#include "apps/shell/streams.h"
#include "data/dataset/dataset.h"
#include "data/manifest/manifest.h"
#include "data/preprocess/preprocess.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// The label that the path says, or the folder that holds the picture.
std::string label_of(const fs::path& name) {
  const std::string label = label_of_path(name);
  return label.empty() ? name.parent_path().filename().string() : label;
}

std::vector<NoisyCopy> find_jobs(const NoisyCopies& o) {
  std::vector<NoisyCopy> jobs;
  for (int64_t i = 0; i < o.n_phantoms; ++i) {
    const bool is_whole = casting_defect(o.seed, static_cast<uint32_t>(i)) == CastingDefect::none;
    const std::string name = fmt::format("{}/casting_{:06}", is_whole ? "ok_front" : "def_front", i);
    jobs.push_back({fs::path(o.output) / "clean" / (name + ".png"), name, label_of(name), {}, {}});
  }
  if (o.from.empty()) return jobs;
  std::vector<PictureInput> inputs;
  for (const fs::path& path : find_pictures(o.from))
    inputs.push_back({path, path.lexically_relative(o.from).replace_extension().generic_string()});
  make_names_unique(inputs);
  for (const PictureInput& input : inputs)
    jobs.push_back({input.file, input.name, label_of(input.name), {}, {}});
  return jobs;
}

// As many of each type as of any other, to within one: in all, and in each folder, where the order is drawn.
// What a folder leaves over, the next one makes up for.
void choose_types(std::vector<NoisyCopy>& jobs, const std::vector<NoiseType>& types, uint64_t seed) {
  std::map<fs::path, std::vector<size_t>> folders;
  for (size_t i = 0; i < jobs.size(); ++i) folders[fs::path(jobs[i].name).parent_path()].push_back(i);
  size_t next = 0;
  uint32_t number = 0;
  for (const auto& [folder, members] : folders) {
    const auto n = static_cast<int64_t>(members.size());
    for (const int64_t k : RandomStream(seed, RandomPurpose::noise_level, 0, number).permutation(n))
      jobs[members[static_cast<size_t>(k)]].type = types[next++ % types.size()];
    ++number;
  }
}

std::string parameters_text(const TypedNoise& noise) {
  switch (noise.type) {
    case NoiseType::gaussian:
      return fmt::format("deviation={}", noise.gaussian.deviation);
    case NoiseType::salt_pepper:
      return fmt::format("amount={} salt={}", noise.salt_pepper.amount, noise.salt_pepper.salt);
    default: {
      std::string text;
      for (const Sinusoid& s : noise.periodic.sinusoids) {
        text += fmt::format("{}frequency={} angle={} amplitude={}", text.empty() ? "" : ", ", s.frequency,
                            s.angle, s.amplitude);
      }
      return text;
    }
  }
}

// As it stands in the manifest: seen from its folder, with an absolute path where there is no other way.
std::string path_from(const fs::path& folder, const fs::path& file) {
  const fs::path here = fs::absolute(folder).lexically_normal(),
                 there = fs::absolute(file).lexically_normal();
  const fs::path relative = there.lexically_relative(here);
  return (relative.empty() ? there : relative).generic_string();
}

}  // namespace

std::vector<NoisyCopy> find_copies(const NoisyCopies& o, const std::vector<NoiseType>& types) {
  std::vector<NoisyCopy> jobs = find_jobs(o);
  choose_types(jobs, types, o.seed);
  return jobs;
}

Image clean_picture(const NoisyCopies& o, const NoisyCopy& job, size_t index) {
  if (o.from.empty()) {
    Image image = to_image(make_casting(o.seed, static_cast<uint32_t>(index), o.phantom_size));
    write_png(job.clean, image);
    return image;
  }
  const Image image = to_grey(read_image(job.clean));
  for (const std::string& remark : image.remarks) {
    if (!o.quiet) say("{}: {}\n", job.clean.string(), remark);
  }
  return image;
}

void write_noisy_copy(const NoisyCopies& o, const NoisyCopy& job, size_t index, const Image& clean,
                      Device device) {
  TypedNoise noise = o.noise;
  noise.type = job.type;
  const NoiseKey key{.seed = o.seed, .epoch = 0, .sample = static_cast<uint32_t>(index)};
  Image noisy = to_image(add_noise(to_tensor(clean).to(device), noise, key).to(Device{}), clean.bit_depth);
  noisy.density = clean.density;
  write_png(job.noisy, noisy,
            {{"Comment", fmt::format("noise: {} {} seed={} sample={}", name_of(job.type),
                                     parameters_text(noise), o.seed, index)}});
}

Table manifest_of(const NoisyCopies& o, const std::vector<NoisyCopy>& jobs) {
  const bool has_labels = std::ranges::none_of(jobs, [](const NoisyCopy& j) { return j.label.empty(); });
  Table table;
  table.columns = {"noisy", "noise", "clean"};
  if (has_labels) table.columns.emplace_back("label");
  table.columns.emplace_back("parameters");
  for (const NoisyCopy& job : jobs) {
    TypedNoise noise = o.noise;
    noise.type = job.type;
    std::vector<std::string> row = {path_from(o.output, job.noisy), std::string(name_of(job.type)),
                                    path_from(o.output, job.clean)};
    if (has_labels) row.push_back(job.label);
    row.push_back(parameters_text(noise));
    table.add_row(std::move(row));
  }
  return table;
}

}  // namespace primal
