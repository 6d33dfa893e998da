// The line that a training run writes now and then.
#include "apps/training/progress.h"

#include <gtest/gtest.h>

namespace primal {
namespace {

TEST(Progress, ALongLineLosesWholeFieldsAndKeepsTheRateAndTheTimeLeft) {
  TrainEvent e;
  e.step = 150;
  e.n_steps = 15167;
  e.loss = 1.23456e-3;
  e.mean_loss = 2.5e-3;
  e.median_step_ms = 119.0;
  e.seconds_left = 3725.0;
  const std::string whole = progress_line(e, 1);
  const std::string needed = "step 150/15167  8.4 pictures/s  1:02 h left";
  for (size_t room = needed.size(); room <= whole.size(); ++room) {
    const std::string line = laid_out(progress_fields(e, 1), room);
    EXPECT_LE(line.size(), room);
    EXPECT_NE(line.find("8.4 pictures/s"), std::string::npos) << line;
    EXPECT_TRUE(line.ends_with("1:02 h left")) << line;
  }
  EXPECT_EQ(laid_out(progress_fields(e, 1), needed.size()), needed);
  EXPECT_EQ(laid_out(progress_fields(e, 1), whole.size()), whole);
  EXPECT_NE(laid_out(progress_fields(e, 1), 66).find("mean 2.5000e-03"), std::string::npos) << "80 columns";
}

}  // namespace
}  // namespace primal
