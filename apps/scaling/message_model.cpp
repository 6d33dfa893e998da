#include "apps/scaling/message_model.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "tensor/error.h"

namespace primal {
namespace {

enum Coefficient : Eigen::Index { kAlpha, kExtra, kOverhead, kBeta, kGamma, kCoefficients };

constexpr double kNoSplit = std::numeric_limits<double>::infinity();

std::array<double, kCoefficients> factors(const MessageTime& row, double split) {
  std::array<double, kCoefficients> f{};
  for (const MessagePhase& phase : row.phases) {
    const auto k = static_cast<double>(phase.partners);
    f[kAlpha] += 1.0;
    f[kExtra] += phase.bytes > split ? 1.0 : 0.0;
    f[kOverhead] += k - 1.0;
    f[kBeta] += k * phase.bytes;
  }
  f[kGamma] = row.added_bytes;
  return f;
}

// The rows divided by their measured times, so that the right-hand side is 1 and deviations are relative.
Eigen::MatrixXd matrix(const std::vector<MessageTime>& rows, double split) {
  Eigen::MatrixXd a(std::ssize(rows), Eigen::Index{kCoefficients});
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto f = factors(rows[i], split);
    for (Eigen::Index c = 0; c < kCoefficients; ++c)
      a(static_cast<Eigen::Index>(i), c) = f[static_cast<size_t>(c)] / (1e-6 * rows[i].us.median);
  }
  return a;
}

struct Solution {
  Eigen::VectorXd x;
  double squares = std::numeric_limits<double>::infinity();
};

// Solves the fit for every subset of the coefficients, and takes the best solution without a negative
// coefficient. This is exact, and cheap for five coefficients.
Solution non_negative(const Eigen::MatrixXd& a) {
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(a.rows());
  Solution best;
  for (unsigned subset = 1; subset < 1U << kCoefficients; ++subset) {
    std::vector<Eigen::Index> kept;
    for (Eigen::Index c = 0; c < kCoefficients; ++c) {
      if ((subset >> c & 1U) != 0 && !a.col(c).isZero()) kept.push_back(c);
    }
    if (kept.empty() || std::ssize(kept) > a.rows()) continue;
    Eigen::MatrixXd part(a.rows(), std::ssize(kept));
    Eigen::VectorXd scale(std::ssize(kept));
    for (Eigen::Index i = 0; i < part.cols(); ++i) {
      const Eigen::Index c = kept[static_cast<size_t>(i)];
      scale(i) = a.col(c).norm();  // seconds and seconds per byte differ by many orders of magnitude
      part.col(i) = a.col(c) / scale(i);
    }
    const Eigen::VectorXd y = part.colPivHouseholderQr().solve(ones);
    const double squares = (part * y - ones).squaredNorm();
    if (y.minCoeff() < 0.0 || squares >= best.squares) continue;
    best = {Eigen::VectorXd::Zero(Eigen::Index{kCoefficients}), squares};
    for (Eigen::Index i = 0; i < part.cols(); ++i) best.x(kept[static_cast<size_t>(i)]) = y(i) / scale(i);
  }
  return best;
}

MessageModel model_of(const Solution& solution, double split) {
  return {.alpha_s = solution.x(kAlpha),
          .extra_s = solution.x(kExtra),
          .overhead_s = solution.x(kOverhead),
          .beta_s = solution.x(kBeta),
          .gamma_s = solution.x(kGamma),
          .split_bytes = split == kNoSplit ? 0.0 : split};
}

// The sizes of messages without the largest one. MPI may change its way of sending between any two sizes.
std::set<double> splits(const std::vector<MessageTime>& rows) {
  std::set<double> sizes;
  for (const MessageTime& row : rows) {
    for (const MessagePhase& phase : row.phases) sizes.insert(phase.bytes);
  }
  if (!sizes.empty()) sizes.erase(std::prev(sizes.end()));
  return sizes;
}

double start_of_message(const std::vector<MessageTime>& rows) {
  std::vector<double> us;
  for (const MessageTime& row : rows) {
    if (row.start_us > 0.0 && row.phases.front().bytes <= 1024.0)
      us.push_back(row.start_us / static_cast<double>(row.phases.front().partners));
  }
  return 1e-6 * summarise(us).median;
}

}  // namespace

double MessageModel::exchange_s(int64_t partners, double bytes) const {
  if (partners == 0) return 0.0;
  const auto k = static_cast<double>(partners);
  return latency_s(bytes) + (k - 1.0) * overhead_s + k * bytes * beta_s;
}

double predicted_us(const MessageModel& model, const MessageTime& row) {
  double seconds = row.added_bytes * model.gamma_s;
  for (const MessagePhase& phase : row.phases) seconds += model.exchange_s(phase.partners, phase.bytes);
  return 1e6 * seconds;
}

MessageFit fit_messages(const std::vector<MessageTime>& rows) {
  if (rows.size() < 4)
    throw ConfigError("[profile] {} measured message times, at least four are needed for a fit", rows.size());
  for (const MessageTime& row : rows) {
    if (!(row.us.median > 0.0) || row.phases.empty())
      throw ConfigError("[profile] {} of {} bytes took {} us; expected a time above zero", row.name,
                        row.bytes, row.us.median);
  }
  const Solution plain = non_negative(matrix(rows, kNoSplit));
  Solution best = plain;
  double split = kNoSplit;
  for (const double at : splits(rows)) {
    const Solution solution = non_negative(matrix(rows, at));
    // A second latency is used only if it removes at least a quarter of the sum of squares that one latency
    // leaves.
    if (solution.squares < std::min(best.squares, 0.75 * plain.squares)) best = solution, split = at;
  }
  MessageFit fit{.model = model_of(best, split)};
  fit.overhead_is_fitted = std::ranges::any_of(rows, [](const MessageTime& row) {
    return std::ranges::any_of(row.phases, [](const MessagePhase& p) { return p.partners > 1; });
  });
  if (!fit.overhead_is_fitted) fit.model.overhead_s = start_of_message(rows);
  fit.rms = std::sqrt(best.squares / static_cast<double>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    const double deviation = std::abs(predicted_us(fit.model, rows[i]) / rows[i].us.median - 1.0);
    if (deviation > fit.worst) fit.worst = deviation, fit.worst_row = i;
  }
  return fit;
}

}  // namespace primal
