#include "apps/pictures/denoising_row.h"

#include <nlohmann/json.hpp>

#include "apps/pictures/colour.h"

namespace primal {

nlohmann::json scores_json(const Scores& noisy, const Scores& denoised) {
  return {{"psnr_noisy", noisy.psnr},
          {"psnr", denoised.psnr},
          {"ssim_noisy", noisy.ssim},
          {"ssim", denoised.ssim}};
}

nlohmann::json to_json(const DenoisingRow& row) {
  nlohmann::json json{{"picture", row.picture}};
  if (row.n_pages > 1) json["page"] = row.page;
  json["read"] = {{"format", row.read.format},     {"samples", row.read.samples}, {"bits", row.read.bits},
                  {"channels", row.read.channels}, {"pages", row.n_pages},        {"width", row.read.width},
                  {"height", row.read.height},     {"slope", row.read.slope},     {"offset", row.read.offset},
                  {"zero", row.read.levels.low},   {"one", row.read.levels.high}};
  json["read"]["alpha"] = row.read.alpha.empty() ? nlohmann::json(nullptr) : nlohmann::json(row.read.alpha);
  json["read"]["profile"] = nullptr;
  if (!row.read.profile_space.empty())
    json["read"]["profile"] = {{"space", row.read.profile_space}, {"bytes", row.read.profile_bytes}};
  if (row.read.dicom) {
    json["read"]["dicom"] = {{"bits_stored", row.read.dicom->bits_stored},
                             {"photometric", row.read.dicom->photometric},
                             {"transfer_syntax", row.read.dicom->transfer_syntax}};
  }
  if (!row.colour.empty()) json["colour"] = row.colour;
  if (row.n_tiles > 0) json["tiles"] = row.n_tiles;
  if (row.solver) {
    json["iterations"] = row.solver->iterations;
    json["relative_gap"] = row.solver->relative_gap;
    json["boundary"] = row.solver->boundary;
  }
  json["noise"] = to_json(row.noise);
  if (row.lambda) {
    json["lambda"] = *row.lambda;
    json["lambda_rule"] = name_of(row.rule);
    json["sigma"] = *row.sigma;
  }
  if (row.solver) json["refined"] = row.is_refined;
  for (const DenoisingRow::Channel& channel : row.channels) {
    nlohmann::json one{{"channel", channel.name}, {"noise", to_json(channel.noise)}};
    if (channel.lambda) one.update({{"lambda", *channel.lambda}, {"sigma", *channel.sigma}});
    if (row.solver) one["refined"] = channel.is_refined;
    json["channels"].push_back(one);
  }
  if (row.best) json["best_scalar"] = {{"psnr", row.best->psnr}, {"ssim", row.best->ssim}};
  if (row.is_scored) json.update(scores_json(row.noisy, row.denoised));
  if (!row.denoised_file.empty()) json["denoised"] = row.denoised_file.string();
  if (!row.map.empty()) json["map"] = row.map.string();
  if (!row.compare.empty()) json["compare"] = row.compare.string();
  return json;
}

}  // namespace primal
