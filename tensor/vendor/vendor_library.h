// Libraries of vendors, loaded when they are first wanted: cuBLASLt, cuDNN, NCCL and oneDNN. Nothing links to
// them, so a program also runs where they are absent, and reports that when one is asked for.
//
// A library whose file has no folder is looked for in this order: the folder that its root variable names
// (CUDNN_ROOT, CUBLAS_ROOT; also lib and lib64 in it), wherever the system finds libraries, the CUDA
// toolkit's folder, and the packages of Python environments (VIRTUAL_ENV, CONDA_PREFIX, PYTHONPATH, that of
// the first python3 in PATH, the user's and the system's), where PyTorch keeps them.
//
// The header of a library lists the functions it needs once, and that list becomes a table of pointers:
//
//   #define PRIMAL_CUDNN_FUNCTIONS(X) X(cudnnCreate) X(cudnnDestroy) ...
//   PRIMAL_VENDOR_API(CudnnApi, PRIMAL_CUDNN_FUNCTIONS);
//   static const VendorApi<CudnnApi> cudnn(library);      cudnn.functions().cudnnCreate(&handle)
#pragma once

#include <string>
#include <vector>

#include "tensor/error.h"

namespace primal {

struct VendorLibrary {
  std::string name;                    // "cuDNN"
  std::string file;                    // "libcudnn.so.9"; a path is taken as it is, and nothing else is tried
  std::string root;                    // "CUDNN_ROOT"; empty for a path
  std::vector<std::string> of_python;  // below site-packages/nvidia: "cudnn/lib"
};

// The files that would be tried, best first; those that a folder does not have are left out.
std::vector<std::string> library_candidates(const VendorLibrary& library);

class LoadedLibrary {
 public:
  explicit LoadedLibrary(const VendorLibrary& library);

  bool loaded() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }  // what was loaded
  // Why nothing was, and what to do about it; empty where it was.
  const std::string& problem() const { return problem_; }

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

// A table of functions of a library, and what became of loading it.
template <class Api>
class VendorApi {
 public:
  explicit VendorApi(const VendorLibrary& library) : name_(library.name) {
    const LoadedLibrary loaded(library);
    path_ = loaded.path();
    problem_ = loaded.problem();
    if (!loaded.loaded()) return;
    try {
      functions_.load(loaded);
    } catch (const Error& error) {
      problem_ = error.what();
    }
  }

  bool usable() const { return problem_.empty(); }
  const std::string& path() const { return path_; }
  const std::string& problem() const { return problem_; }
  // DeviceError with the problem where it is not usable.
  const Api& functions() const {
    if (!usable()) throw DeviceError("[{}] {}", name_, problem_);
    return functions_;
  }

 private:
  std::string name_, path_, problem_;
  Api functions_;
};

#define PRIMAL_VENDOR_MEMBER(name) decltype(&::name) name = nullptr;
#define PRIMAL_VENDOR_LOAD(name) name = library.function<decltype(&::name)>(#name);
#define PRIMAL_VENDOR_API(Api, FUNCTIONS)                                     \
  struct Api {                                                                \
    FUNCTIONS(PRIMAL_VENDOR_MEMBER)                                           \
    void load(const LoadedLibrary& library) { FUNCTIONS(PRIMAL_VENDOR_LOAD) } \
  }

}  // namespace primal
