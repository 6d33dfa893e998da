#include "apps/pictures/denoising_remarks.h"

namespace primal {
namespace {

// A gap of this share of the objective counts as far from converged: 256 iterations with a useful lambda end
// below it.
constexpr double kFarFromConverged = 0.05;

}  // namespace

void remark_on_noise(const PictureDenoisingOptions& options, const Denoiser& denoiser,
                     const std::string& name, const DenoisingRow& row, Remarks& remarks) {
  if (!options.is_scored() || options.to_standard_output) {
    remarks.add("{}: {}{}{}\n", name,
                noise_text(row.noise, row.read.levels.high - row.read.levels.low, row.read.samples),
                row.lambda ? fmt::format("; lambda {:.4g}", *row.lambda) : std::string(),
                !row.is_refined ? ""
                : options.sigma ? "; map refined for the noise given by --sigma"
                                : "; map refined for this noise");
  }
  const std::string outside =
      options.lambda || denoiser.is_autoencoder() || !denoiser.config().data.manifest.empty()
          ? std::string()
          : noise_range_remark(row.noise, denoiser.config().noise);
  if (!outside.empty()) remarks.add(Remark::Kind::outside, "note: {}: {}\n", name, outside);
  if (const std::string doubt = doubt_of(row.noise); !doubt.empty()) {
    remarks.add("note: {}: {}{}\n", name, doubt,
                options.sigma        ? ""
                : denoiser.refines() ? ", so the map is not refined; --sigma S gives its deviation"
                : options.has_rule() ? "; --sigma S gives its deviation"
                                     : "");
  }
  if (options.sigma && *options.sigma == 0.0 && denoiser.refines()) {
    remarks.add(
        "note: {}: --sigma 0 says that there is no noise, so the map is not refined for it and smooths as it "
        "is; without --sigma the noise is estimated\n",
        name);
  }
  if (!row.lambda) return;
  constexpr double kRounding = 1.0 / (255.0 * 3.4641016151377544);  // of 8-bit grey levels
  const bool is_known = options.sigma || (row.noise.estimate && row.noise.estimate->is_reliable);
  if (*row.sigma == 0.0 && options.sigma) {
    remarks.add(
        "note: {}: --sigma 0 says that there is no noise, so lambda is 0 and leaves it as it is; without "
        "--sigma the noise is estimated\n",
        name);
  } else if (*row.sigma == 0.0 && !is_known) {
    remarks.add("note: {}: without an estimate of the noise, lambda is 0 and leaves it as it is\n", name);
  } else if (*row.sigma == 0.0) {
    remarks.add("note: {}: no noise is found in it, so lambda 0 leaves it as it is\n", name);
  } else if (*row.sigma < kRounding) {
    remarks.add("note: {}: its noise is less than the rounding to 8 bit, so lambda is next to nothing\n",
                name);
  } else if (row.at_the_edge) {
    remarks.add("note: {}: the best lambda may lie beyond {:.3g}, the end of what is tried for this noise\n",
                name, *row.lambda);
  }
}

void remark_on_convergence(const PictureDenoisingOptions& options, const std::string& name,
                           const Denoised& result, Remarks& remarks) {
  const bool asked = options.gap > 0.0;
  if (asked) {
    remarks.add("{}: {} iterations, relative gap {:.2e}{}\n", name, result.iterations, result.relative_gap,
                result.relative_gap > options.gap
                    ? fmt::format(": {:g} was not reached, more --iterations would help", options.gap)
                    : "");
  }
  // A model's own T is what it was trained with, converged or not.
  const bool chosen = options.lambda || options.iterations > 0;
  if (!asked && chosen && result.relative_gap > kFarFromConverged) {
    remarks.add(Remark::Kind::far,
                "note: {}: far from convergence after {} iterations, the primal-dual gap is {:.2g} of the "
                "objective; --gap 1e-3 iterates until it is small\n",
                name, result.iterations, result.relative_gap);
  }
}

}  // namespace primal
