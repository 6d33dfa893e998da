// Weights of LPIPS from a file: what is read, and how files that are none are refused.
#include "model/perceptual.h"

#include <gtest/gtest.h>
#include <limits>

#include "data/safetensors/safetensors.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

class Perceptual : public ::testing::Test {
 protected:
  TensorMap random_state() const {
    Initialiser init(3);
    return Lpips({}, init).state();
  }
  // The error that is reported for a file with these tensors; empty where it loads.
  std::string refusal(const TensorMap& state) const {
    write_safetensors(file_, state);
    try {
      load_lpips(file_);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "weights.safetensors";
};

TEST_F(Perceptual, ReadsWhatWasWritten) {
  const TensorMap state = random_state();
  ASSERT_EQ(refusal(state), "");
  const TensorMap read = load_lpips(file_)->state();
  for (const auto& [name, tensor] : state) EXPECT_EQ(read.at(name).to_doubles(), tensor.to_doubles()) << name;
}

TEST_F(Perceptual, NamesEveryTensorThatIsMissing) {
  TensorMap state = random_state();
  state.erase("features.3.bias");
  state.erase("lin2.weight");
  const std::string said = refusal(state);
  for (const char* part : {"weights.safetensors", "features.3.bias", "lin2.weight", "lpips_weights.py"})
    EXPECT_NE(said.find(part), std::string::npos) << said;
}

TEST_F(Perceptual, RefusesHeadsBelowZeroAndWhatIsNotFinite) {
  TensorMap state = random_state();
  state["lin0.weight"] = Tensor::full({64}, -0.5);
  EXPECT_NE(refusal(state).find("lin0.weight has values below zero"), std::string::npos);
  state["lin0.weight"] = Tensor::full({64}, std::numeric_limits<double>::infinity());
  EXPECT_NE(refusal(state).find("lin0.weight is not finite"), std::string::npos);
  EXPECT_NE(refusal({}).find("features.0.weight is missing"), std::string::npos);
  EXPECT_THROW(load_lpips(folder_ / "none.safetensors"), IoError);
}

}  // namespace
}  // namespace primal
