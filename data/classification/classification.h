// How well classes are told apart: the confusion matrix of a set, and the scores that follow from it.
//
//   c[t][p]        how many of class t were taken for class p;  n = sum of all
//   accuracy       sum over t of c[t][t] / n
//   precision_p    c[p][p] / sum over t of c[t][p]       of what was taken for p, the share that is
//   recall_t       c[t][t] / sum over p of c[t][p]       of what is t, the share that was found
//   f1             2 precision recall / (precision + recall)
//   macro          the mean over the classes that occur, as truth or as prediction
//   weighted       the mean over the classes, each by how often it is the truth; weighted recall is the
//                  accuracy
// 0 / 0 counts as 0, as in scikit-learn with zero_division=0; n = 0 gives NaN.
// Errors:  ShapeError for a class outside 0 .. K - 1 and for fewer than 2 classes.
// Source:  scikit-learn, sklearn.metrics.precision_recall_fscore_support.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace primal {

struct ClassScores {
  double precision = 0.0, recall = 0.0, f1 = 0.0;
};

class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t n_classes);

  void add(int64_t truth, int64_t predicted, int64_t count = 1);

  int64_t n_classes() const { return n_classes_; }
  int64_t at(int64_t truth, int64_t predicted) const;
  int64_t n() const;
  int64_t n_of(int64_t truth) const;  // how often a class is the truth: its support
  int64_t n_taken_for(int64_t predicted) const;

  double accuracy() const;
  ClassScores scores_of(int64_t label) const;
  ClassScores macro() const;
  ClassScores weighted() const;

  bool operator==(const ConfusionMatrix&) const = default;

 private:
  size_t index(int64_t truth, int64_t predicted) const;

  int64_t n_classes_;
  std::vector<int64_t> counts_;  // [truth, predicted]
};

}  // namespace primal
