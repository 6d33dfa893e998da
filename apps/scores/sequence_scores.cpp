#include "apps/scores/sequence_scores.h"

#include <limits>

#include "data/sequence/frames.h"

namespace primal {

std::vector<Scores> scores_of_frames(const Tensor& x, const Tensor& clean) {
  if (x.shape() != clean.shape())
    throw ShapeError("[scores] sequence {} and clean sequence {} differ in shape", x.str(), clean.str());
  std::vector<Scores> scores;
  for (int64_t t = 0; t < x.size(4); ++t) scores.push_back(scores_of(frame_at(x, t), frame_at(clean, t)));
  return scores;
}

Scores mean_over_frames(const Tensor& x, const Tensor& clean) {
  ScoreColumns columns;
  for (const Scores& s : scores_of_frames(x, clean)) columns.add(s);
  Scores mean = columns.mean();
  if (columns.psnr().n_infinite == x.size(4)) mean.psnr = std::numeric_limits<double>::infinity();
  return mean;
}

}  // namespace primal
