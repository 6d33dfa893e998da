// What `primal check` says of failed proofs.
#include <gtest/gtest.h>

#include "apps/proofs/failures.h"

namespace primal {
namespace {

OpCheckRow row(const char* implementation, const char* proof, bool ok) {
  return {.op = "pdhg",
          .implementation = implementation,
          .op_case = "odd",
          .proof = proof,
          .error = 0.5,
          .allowed = 1e-6,
          .ok = ok,
          .message = ok ? "" : "off by a factor"};
}

TEST(Failures, AreNothingWhereAllIsWell) {
  EXPECT_EQ(failures_text({row("reference", "gradient", true), row("fused", "reference output.y", true)},
                          false, {}),
            "");
}

TEST(Failures, OfAFastImplementationAreListedAndNoMore) {
  EXPECT_EQ(failures_text({row("reference", "gradient", true), row("fused", "reference output.y", false)},
                          false, {}),
            "    fused, case odd, reference output.y: off by a factor\n");
}

TEST(Failures, OfTheReferenceTakeTheWorthFromComparisons) {
  const std::string text = failures_text(
      {row("reference", "gradient", false), row("fused", "reference output.y", false)}, true, {});
  EXPECT_EQ(text.find("    reference, case odd, gradient: off by a factor\n"
                      "    fused, case odd, reference output.y: off by a factor\n"
                      "    The reference of pdhg fails, so comparisons with it prove nothing"),
            0u)
      << text;
}

TEST(Failures, OnADeviceSayWhatProvesTheReference) {
  const std::string text = failures_text({row("fused", "reference output.y", false)}, false, Device::simt());
  EXPECT_NE(text.find("`primal check pdhg` proves that one"), std::string::npos) << text;
}

}  // namespace
}  // namespace primal
