#include "apps/report/task_sections.h"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/report/json_fields.h"
#include "apps/report/page_parts.h"
#include "apps/shell/counted.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

std::string number_text(const nlohmann::json& object, const char* key, int digits) {
  const auto value = number_in(object, key);
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string caption_of(const std::string& name) {
  constexpr std::array<std::pair<const char*, const char*>, 11> kCaptions{{
      {"confusion",
       "Confusion matrix: rows are the true classes, columns what the model took them for; counts, and "
       "their share of the row."},
      {"examples",
       "Pictures that were scored: first those that were taken for another class, then others; the "
       "number is the probability that the model gives its choice."},
      {"pictures", "Clean, noisy and denoised pictures; values below 0 are black and above 1 white."},
      {"pixel_values",
       "Histograms of the grey values of the first picture; the number of pixels is on a logarithmic scale."},
      {"latent_vectors", "The first pictures and their latent vectors, each as four rows of values."},
      {"pca", "Pictures and latent vectors in their first two principal components."},
      {"tsne",
       "Latent vectors in the plane by t-SNE: neighbours stay neighbours, while larger distances mean "
       "nothing."},
      {"sequence_first",
       "The first clip: one frame of each in the upper row, and one row of pixels over time, which runs "
       "downwards, in the lower row; the maps have a logarithmic scale."},
      {"sequence_least", "The same for the clip with the smallest gain in PSNR over the best pair."},
      {"sequence_most", "The same for the clip with the largest gain in PSNR over the best pair."},
      {"classes", "How many pictures each class has."},
  }};
  for (const auto& [key, caption] : kCaptions)
    if (name == key) return caption;
  return name;
}

void add_classifier_scores(Page& page, const nlohmann::json& json) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const nlohmann::json& s) {
    rows.push_back(
        {name, number_text(s, "precision", 4), number_text(s, "recall", 4), number_text(s, "f1", 4)});
  };
  const nlohmann::json classes = object_in(json, "classes");
  for (const auto& [name, scores] : classes.items()) add(name, scores);
  add("weighted mean", object_in(json, "weighted"));
  add("macro mean", object_in(json, "macro"));
  page.table({"class", "precision", "recall", "F1"}, rows);
  page.paragraph(
      "Precision is the share of what was taken for a class that belongs to it, recall the share of a class "
      "that was found, and F1 their harmonic mean. The weighted mean counts each class by its number of "
      "pictures, the macro mean counts all alike.");
}

void add_autoencoder_scores(Page& page, const nlohmann::json& json) {
  const nlohmann::json noisy = object_in(json, "noisy"), denoised = object_in(json, "denoised");
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* name, const char* key, int digits) {
    if (number_in(noisy, key) || number_in(denoised, key))
      rows.push_back({name, number_text(noisy, key, digits), number_text(denoised, key, digits)});
  };
  add("PSNR / dB, mean", "psnr_db", 2);
  add("SSIM, mean", "ssim", 4);
  add("MSE, mean", "mse", 5);
  add("LPIPS, mean", "lpips", 4);
  add("R2, all pixels", "r2", 4);
  add("MAE, all pixels", "mae", 5);
  add("RMSE, all pixels", "rmse", 5);
  add("soft accuracy, all pixels", "soft_accuracy", 4);
  page.table({fmt::format("{} pictures", integer_in(json, "pictures")), "noisy", "denoised"}, rows);
  page.paragraph(
      "Scores are of the values as they are, with data range 1. Greater PSNR, SSIM, R2 and soft accuracy "
      "are better, and so are smaller MSE, MAE, RMSE and LPIPS.");
}

void add_sequence_scores(Page& page, const nlohmann::json& json) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, key] :
       {std::pair{"noisy", "noisy"}, std::pair{"best pair by PSNR", "best_pair_by_psnr"},
        std::pair{"best pair by SSIM", "best_pair_by_ssim"}, std::pair{"model", "model"}}) {
    const nlohmann::json scores = object_in(json, key);
    rows.push_back({name, number_text(scores, "psnr_db", 3), number_text(scores, "ssim", 4),
                    number_text(scores, "lambda_xy", 4), number_text(scores, "lambda_t", 4)});
  }
  page.table({fmt::format("mean of {}", counted(integer_in(json, "pictures"), "clip")), "PSNR / dB", "SSIM",
              "lambda xy", "lambda t"},
             rows);
  page.paragraph(
      "Scores are means over the frames of a clip, then over the clips. The best pair of weights, one for "
      "the differences in space and one for those in time, is chosen for each clip with knowledge of its "
      "clean frames.");
}

// Counts as add_task_scores's figure, where the figure itself is not at hand.
bool add_confusion(Page& page, const nlohmann::json& json) {
  try {
    const Confusion shown{json.at("labels").get<std::vector<std::string>>(),
                          json.at("confusion").get<std::vector<std::vector<int64_t>>>()};
    page.figure({.rows = {{Panel{fmt::format("{} pictures", integer_in(json, "pictures")), shown}}}},
                caption_of("confusion"));
    return true;
  } catch (const nlohmann::json::exception&) {
  } catch (const Error&) {
  }
  return false;
}

}  // namespace

std::string task_paragraph(const nlohmann::json& json) {
  const int64_t n = integer_in(json, "pictures");
  if (text_in(json, "task") == "classify")
    return fmt::format(
        "A classifier was scored on {} pictures. It gives {} % of them their true class (accuracy {}); "
        "the mean F1 over the classes is {}.",
        n, number_in(json, "accuracy") ? fmt::format("{:.1f}", 100.0 * *number_in(json, "accuracy")) : "-",
        number_text(json, "accuracy", 4), number_text(object_in(json, "macro"), "f1", 4));
  if (text_in(json, "task") == "sequence") {
    const nlohmann::json gain = object_in(object_in(json, "gain"), "psnr_db");
    return fmt::format(
        "A model for sequences was scored on {} of {}. Its maps reach {} dB, which is {} dB more than the "
        "best pair of scalar weights of each clip, and better for {} of them.",
        counted(n, "clip"), counted(integer_in(json, "frames"), "frame"),
        number_text(object_in(json, "model"), "psnr_db", 2), number_text(gain, "mean", 3),
        integer_in(gain, "n_improved"));
  }
  const nlohmann::json noisy = object_in(json, "noisy"), denoised = object_in(json, "denoised");
  return fmt::format(
      "An autoencoder was scored on {} pictures. The mean PSNR rises from {} dB for the noisy pictures to "
      "{} dB for what it makes of them, and the mean SSIM changes from {} to {}.",
      n, number_text(noisy, "psnr_db", 2), number_text(denoised, "psnr_db", 2), number_text(noisy, "ssim", 4),
      number_text(denoised, "ssim", 4));
}

void add_task_scores(Page& page, const nlohmann::json& json) {
  page.heading("Scores");
  if (text_in(json, "task") == "sequence") return add_sequence_scores(page, json);
  if (text_in(json, "task") != "classify") return add_autoencoder_scores(page, json);
  add_classifier_scores(page, json);
  if (!add_confusion(page, json)) page.warning("summary.json has no confusion matrix that can be drawn.");
}

void add_task_figures(Page& page, const std::vector<NamedFigure>& figures) {
  if (figures.empty()) return;
  page.heading("Figures");
  for (const NamedFigure& named : figures) {
    const std::string& name = named.name;
    if (name == "confusion") continue;  // with the scores
    const std::string caption = caption_of(name);
    if (!add_within(page, [&](Page& p) { p.figure(named.figure, caption); }))
      page.paragraph(
          fmt::format("The figure {} would make this page larger than 5 MB and is left out.", name));
  }
}

void add_task_samples(Page& page, const std::vector<TaskSample>& samples) {
  if (samples.empty()) return;
  page.heading("Pictures");
  page.paragraph("Move the handle over a picture, or use the arrow keys.");
  for (const TaskSample& s : samples) {
    const bool fits = add_within(page, [&](Page& p) {
      subheading(p, fmt::format("{}: {} ({:+.2f} dB)", s.why, s.name, s.after.psnr - s.before.psnr));
      begin_row(p);
      p.compare(
          {"noisy", shown_size(s.noisy)}, {"denoised", shown_size(s.denoised)},
          fmt::format("Noisy ({:.2f} dB, SSIM {:.4f}) on the left, denoised ({:.2f} dB, SSIM {:.4f}) on the "
                      "right.{}",
                      s.before.psnr, s.before.ssim, s.after.psnr, s.after.ssim, shown_size_text(s.noisy)));
      p.compare({"denoised", shown_size(s.denoised)}, {"clean", shown_size(s.clean)},
                "Denoised on the left, the clean picture on the right.");
      end_row(p);
    });
    if (!fits)
      return page.paragraph("Further pictures would make this page larger than 5 MB and are left out.");
  }
}

void add_figure_files(Page& page, const fs::path& folder, const std::vector<fs::path>& files) {
  if (files.empty()) return;
  page.heading("Figures of the folder");
  size_t n_left_out = 0;
  for (const fs::path& file : files) {
    const std::string name = file.lexically_relative(folder).string();
    try {
      const bool is_svg = file.extension() == ".svg";
      const std::vector<uint8_t> bytes = read_file(file, kMaxReportBytes);
      const bool is_whole =
          is_svg
              ? std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find("</svg>") !=
                    std::string_view::npos
              : bytes.size() > 12 &&
                    std::string_view(reinterpret_cast<const char*>(bytes.data() + bytes.size() - 8), 4) ==
                        "IEND";
      if (!is_whole) throw DataError("[report] {} is not a whole {} file", name, is_svg ? "SVG" : "PNG");
      const bool fits = add_within(page, [&](Page& p) {
        p.html(
            fmt::format("<figure><img class=\"paper\" alt=\"{0}\" src=\"{1}\"><figcaption>{0}: "
                        "{2}</figcaption></figure>\n",
                        escape_html(name), data_uri(is_svg ? "image/svg+xml" : "image/png", bytes),
                        escape_html(caption_of(file.stem().string()))));
      });
      if (!fits) ++n_left_out;
    } catch (const Error& error) {
      page.warning(fmt::format("A figure cannot be shown: {}", error.what()));
    }
  }
  if (n_left_out > 0)
    page.paragraph(fmt::format("{} more would make this page larger than 5 MB and {} left out.", n_left_out,
                               n_left_out == 1 ? "is" : "are"));
}

}  // namespace primal
