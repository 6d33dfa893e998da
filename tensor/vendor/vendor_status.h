// Which vendor libraries this build can use, and what became of each here.
#pragma once

#include <string>
#include <vector>

namespace primal {

// Empty for a build that knows none. Asks for each library, so it is loaded.
struct VendorStatus {
  std::string name;  // "cuDNN"
  std::string
      implementation;  // the name for --impl, "cudnn"; empty for a library that no implementation of an op uses
  std::string path, problem;  // the file that was loaded; why it cannot be used, or empty
};
std::vector<VendorStatus> vendor_libraries();

}  // namespace primal
