#include "apps/evaluation/autoencoder_figures.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "apps/training/batches.h"
#include "data/embedding/pca.h"
#include "data/embedding/tsne.h"

namespace primal {
namespace {

constexpr int64_t kColumns = 6, kLatentRows = 4, kAtOnce = 256, kBins = 32;

std::string title_of(const ShownPictures& pictures, int64_t i, const char* version) {
  if (pictures.classes.empty()) return fmt::format("{} {}", version, i + 1);
  return fmt::format("{}, class {}", version, pictures.classes.at(static_cast<size_t>(i)));
}

Figure picture_rows(const ShownPictures& pictures, int64_t n) {
  Figure figure{.rows = {{}, {}, {}}, .picture_mm = 22.0};
  for (int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<size_t>(i);
    figure.rows[0].push_back({title_of(pictures, i, "clean"), Picture::grey(pictures.clean[k])});
    figure.rows[1].push_back({"noisy", Picture::grey(pictures.noisy[k])});
    figure.rows[2].push_back({"denoised", Picture::grey(pictures.denoised[k])});
  }
  return figure;
}

Figure pixel_values(const ShownPictures& pictures) {
  const auto panel = [](const char* name, const Tensor& picture) {
    return Panel{name, Chart{.x = {.label = "grey value, 0 black, 1 white"},
                             .y = {.label = "number of pixels", .logarithmic = true},
                             .layers = {histogram(picture.to_doubles(), kBins)}}};
  };
  return {.rows = {{panel("clean", pictures.clean.front()), panel("noisy", pictures.noisy.front()),
                    panel("denoised", pictures.denoised.front())}},
          .chart_width_mm = 52.0,
          .chart_height_mm = 40.0};
}

Figure class_counts(const ShownPictures& pictures) {
  const int n = *std::ranges::max_element(pictures.classes) + 1;
  std::vector<double> counts(static_cast<size_t>(n), 0.0);
  for (const uint8_t label : pictures.classes) ++counts[label];
  Chart chart{.x = {.label = "class"}, .y = {.label = "number of pictures", .low = 0.0}};
  for (int k = 0; k < n; ++k) chart.x.categories.push_back(std::to_string(k));
  chart.layers.push_back(category_bars(counts));
  return {.rows = {{Panel{fmt::format("{} pictures", pictures.classes.size()), chart}}}};
}

// [n, latent]
Tensor latent_vectors(const Autoencoder& model, const std::vector<Tensor>& pictures) {
  std::vector<double> values;
  int64_t width = 0;
  for (size_t begin = 0; begin < pictures.size(); begin += kAtOnce) {
    const size_t end = std::min(begin + kAtOnce, pictures.size());
    const Tensor latent =
        model.latent(stacked(std::vector<Tensor>(pictures.begin() + static_cast<std::ptrdiff_t>(begin),
                                                 pictures.begin() + static_cast<std::ptrdiff_t>(end))));
    const std::vector<double> part = latent.to_doubles();
    values.insert(values.end(), part.begin(), part.end());
    width = latent.size(1);
  }
  return Tensor::from(Shape{std::ssize(pictures), width}, values);
}

// [n, pixels]
Tensor pixel_vectors(const std::vector<Tensor>& pictures) {
  std::vector<double> values;
  for (const Tensor& picture : pictures) {
    const std::vector<double> part = picture.to_doubles();
    values.insert(values.end(), part.begin(), part.end());
  }
  return Tensor::from(Shape{std::ssize(pictures), pictures.front().numel()}, values);
}

Figure latent_pictures(const ShownPictures& pictures, const Tensor& latent, int64_t n) {
  Figure figure;
  figure.picture_mm = 12.0;
  const std::vector<double> values = latent.slice(0, n).to_doubles();
  const auto [low, high] = std::ranges::minmax(values);
  for (int64_t i = 0; i < n; ++i) {
    const Tensor rows = latent.slice(i, i + 1).reshape(Shape{kLatentRows, latent.size(1) / kLatentRows});
    Picture vector = Picture::map(rows, "");
    vector.low = low;
    vector.high = high;
    vector.bar = false;
    figure.rows.push_back(
        {{i == 0 ? "noisy" : "", Picture::grey(pictures.noisy[static_cast<size_t>(i)])},
         {i == 0 ? fmt::format("latent vector, dark {:.1f} to bright {:.1f}", low, high) : "", vector}});
  }
  return figure;
}

// Points [n, 2], a colour for each class.
Chart scatter(const Tensor& points, const std::vector<uint8_t>& classes, const std::string& x_label,
              const std::string& y_label) {
  const std::vector<double> xy = points.to_doubles();
  const int64_t n = points.size(0);
  Chart chart{.x = {.label = x_label}, .y = {.label = y_label}};
  const std::set<uint8_t> present(classes.begin(), classes.begin() + (classes.empty() ? 0 : n));
  const auto add = [&](const std::string& name, const auto& belongs) {
    Points layer{.name = name};
    for (int64_t i = 0; i < n; ++i) {
      if (!belongs(i)) continue;
      layer.x.push_back(xy[static_cast<size_t>(2 * i)]);
      layer.y.push_back(xy[static_cast<size_t>(2 * i + 1)]);
    }
    chart.layers.push_back(layer);
  };
  if (present.empty()) add("", [](int64_t) { return true; });
  for (const uint8_t k : present)
    add(std::to_string(k), [&](int64_t i) { return classes[static_cast<size_t>(i)] == k; });
  return chart;
}

Panel pca_panel(const char* title, const Tensor& vectors, const std::vector<uint8_t>& classes) {
  const Pca found = pca(vectors, 2);
  const std::vector<double> ratio = found.ratio.to_doubles();
  const auto label = [&](size_t k) {
    return fmt::format("component {} ({:.1f} % of variance)", k + 1, 100.0 * ratio[k]);
  };
  return {title, scatter(found.projected, classes, label(0), label(1))};
}

bool has_latent(const Autoencoder& model) { return model.settings().layout == "mnist"; }

}  // namespace

int64_t n_shown_pictures(const Autoencoder& model) { return has_latent(model) ? kMaxTsnePoints : kColumns; }

std::vector<NamedFigure> autoencoder_figures(const Autoencoder& model, const ShownPictures& pictures,
                                             const AutoencoderFigureSettings& settings) {
  const int64_t n = std::ssize(pictures.clean), n_shown = std::min(n, kColumns);
  std::vector<NamedFigure> figures{{"pictures", picture_rows(pictures, n_shown)},
                                   {"pixel_values", pixel_values(pictures)}};
  if (!pictures.classes.empty()) figures.push_back({"classes", class_counts(pictures)});
  if (!has_latent(model)) return figures;
  const Tensor latent = latent_vectors(model, pictures.noisy);
  if (latent.size(1) % kLatentRows == 0)
    figures.push_back({"latent_vectors", latent_pictures(pictures, latent, n_shown)});
  if (n > 2)
    figures.push_back(
        {"pca",
         {.rows = {{pca_panel("noisy pictures", pixel_vectors(pictures.noisy), pictures.classes),
                    pca_panel("their latent vectors", latent, pictures.classes)}},
          .chart_height_mm = 72.0}});
  const int64_t n_tsne = std::min(settings.n_tsne, n);
  if (static_cast<double>(n_tsne - 1) >= 3.0 * settings.perplexity) {
    const Tsne found = tsne(latent.slice(0, n_tsne),
                            {.perplexity = settings.perplexity, .seed = settings.seed}, settings.progress);
    figures.push_back(
        {"tsne",
         {.rows = {{Panel{
              fmt::format("t-SNE of {} latent vectors, perplexity {}", n_tsne, settings.perplexity),
              scatter(found.points, pictures.classes, "first coordinate", "second coordinate")}}},
          .chart_width_mm = 100.0,
          .chart_height_mm = 100.0}});
  }
  return figures;
}

}  // namespace primal
