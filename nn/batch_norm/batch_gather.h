// BatchGather: batch normalisation of a batch that is divided among several processes or threads.
//
//   While one lives on this thread, batch_norm in training takes its mean and deviation from the whole batch:
//     x    [n,..]  this part   ->   gather(x) [N,..]   all parts, in the same order for everyone
//   Everyone computes on the same [N,..] what one process would, so the statistics, the running ones and this
//   part's rows of y and grad_x have the bits of one process. grad_weight and grad_bias belong to the whole
//   batch too: one part adds them (`is_first`), so that their sum over all parts is right.
//
//   It takes the memory of the whole batch for each such layer, and sends x and grad_y whole: meant for small
//   models.
#pragma once

#include <functional>
#include <utility>

#include "tensor/tensor.h"

namespace primal {

class BatchGather {
 public:
  struct Gathered {
    Tensor all;         // [N,..]
    int64_t begin = 0;  // of this part's rows in it
  };
  using Gather = std::function<Gathered(const Tensor& own)>;

  BatchGather(Gather gather, bool is_first);
  ~BatchGather();
  BatchGather(const BatchGather&) = delete;
  BatchGather& operator=(const BatchGather&) = delete;

  static const BatchGather* current();  // of this thread; nullptr for none
  Gathered gathered(const Tensor& own) const { return gather_(own); }
  bool is_first() const { return is_first_; }

 private:
  Gather gather_;
  bool is_first_;
  const BatchGather* before_;
};

}  // namespace primal
