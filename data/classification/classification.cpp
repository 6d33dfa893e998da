#include "data/classification/classification.h"

#include <limits>
#include <numeric>

#include "tensor/error.h"

namespace primal {
namespace {

double ratio(double a, double b) { return b == 0.0 ? 0.0 : a / b; }

}  // namespace

ConfusionMatrix::ConfusionMatrix(int64_t n_classes) : n_classes_(n_classes) {
  if (n_classes < 2) throw ShapeError("[classification] {} classes, expected at least 2", n_classes);
  counts_.resize(static_cast<size_t>(n_classes * n_classes));
}

size_t ConfusionMatrix::index(int64_t truth, int64_t predicted) const {
  for (const int64_t label : {truth, predicted}) {
    if (label < 0 || label >= n_classes_)
      throw ShapeError("[classification] class {} of {}", label, n_classes_);
  }
  return static_cast<size_t>(truth * n_classes_ + predicted);
}

void ConfusionMatrix::add(int64_t truth, int64_t predicted, int64_t count) {
  counts_[index(truth, predicted)] += count;
}

int64_t ConfusionMatrix::at(int64_t truth, int64_t predicted) const {
  return counts_[index(truth, predicted)];
}

int64_t ConfusionMatrix::n() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

int64_t ConfusionMatrix::n_of(int64_t truth) const {
  int64_t sum = 0;
  for (int64_t p = 0; p < n_classes_; ++p) sum += at(truth, p);
  return sum;
}

int64_t ConfusionMatrix::n_taken_for(int64_t predicted) const {
  int64_t sum = 0;
  for (int64_t t = 0; t < n_classes_; ++t) sum += at(t, predicted);
  return sum;
}

double ConfusionMatrix::accuracy() const {
  int64_t right = 0;
  for (int64_t t = 0; t < n_classes_; ++t) right += at(t, t);
  const int64_t all = n();
  return all == 0 ? std::numeric_limits<double>::quiet_NaN()
                  : static_cast<double>(right) / static_cast<double>(all);
}

ClassScores ConfusionMatrix::scores_of(int64_t label) const {
  const auto right = static_cast<double>(at(label, label));
  const auto taken = static_cast<double>(n_taken_for(label)), is = static_cast<double>(n_of(label));
  // 2 p r / (p + r) with p = right / taken and r = right / is, in one division.
  return {ratio(right, taken), ratio(right, is), ratio(2.0 * right, taken + is)};
}

ClassScores ConfusionMatrix::macro() const {
  ClassScores sum;
  int64_t n_present = 0;
  for (int64_t label = 0; label < n_classes_; ++label) {
    if (n_of(label) + n_taken_for(label) == 0) continue;
    const ClassScores s = scores_of(label);
    sum.precision += s.precision, sum.recall += s.recall, sum.f1 += s.f1;
    ++n_present;
  }
  const auto count =
      n_present == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(n_present);
  return {sum.precision / count, sum.recall / count, sum.f1 / count};
}

ClassScores ConfusionMatrix::weighted() const {
  ClassScores sum;
  for (int64_t label = 0; label < n_classes_; ++label) {
    const ClassScores s = scores_of(label);
    const auto weight = static_cast<double>(n_of(label));
    sum.precision += weight * s.precision, sum.recall += weight * s.recall, sum.f1 += weight * s.f1;
  }
  const auto count = n() == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(n());
  return {sum.precision / count, sum.recall / count, sum.f1 / count};
}

}  // namespace primal
