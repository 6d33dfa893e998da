// Vendor libraries, loaded when they are first wanted: cuBLASLt and cuDNN. Nothing links to them, so a program runs where they
// are not, and says so when one is asked for.
//
// Looked for, in this order: the folder that CUDNN_ROOT or CUBLAS_ROOT names (it, its lib and its lib64); wherever the system
// finds libraries; the CUDA toolkit's folder; the packages of Python environments (VIRTUAL_ENV, CONDA_PREFIX, PYTHONPATH, the
// user's and the system's), where PyTorch keeps them.
#pragma once

#include <string>
#include <vector>

namespace primal::cuda {

struct VendorLibrary {
  std::string name;                    // "cuDNN"
  std::string file;                    // "libcudnn.so.9"
  std::string root;                    // "CUDNN_ROOT"
  std::vector<std::string> of_python;  // below site-packages/nvidia: "cudnn/lib"
};

// The files that would be tried, best first; those that a folder does not have are left out.
std::vector<std::string> library_candidates(const VendorLibrary& library);

// What became of each library that this build can use; none in a build without CUDA. Asks for them, so they are loaded.
struct VendorStatus {
  std::string name;            // "cuDNN"
  std::string implementation;  // "cudnn", as --impl has it
  std::string path, problem;   // what was loaded; why it cannot be used, empty where it can
};
std::vector<VendorStatus> vendor_libraries();

class LoadedLibrary {
 public:
  explicit LoadedLibrary(const VendorLibrary& library);

  bool loaded() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }  // what was loaded
  const std::string& problem() const {
    return problem_;
  }  // why nothing was, and what to do; empty where it was

  // DeviceError where the library has no such function: another version than the header's.
  template <class Function>
  Function function(const char* name) const {
    return reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  VendorLibrary library_;
  void* handle_ = nullptr;  // never closed: kernels of the library may be under way until the process ends
  std::string path_, problem_;
};

}  // namespace primal::cuda
