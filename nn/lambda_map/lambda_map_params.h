// The options of lambda_map.h, apart, so that nvcc reads no more than it needs.
#pragma once

#include <cstdint>
#include <vector>

namespace primal {

struct LambdaMapParams {
  std::vector<int64_t> channel = {0};  // of the head, one per map
  double up_bound = 0.0;
  double scale = 0.1;
};

}  // namespace primal
