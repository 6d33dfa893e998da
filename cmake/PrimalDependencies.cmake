# Every dependency is a system package (Debian names in scripts/install_packages.sh); nothing is downloaded.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)

# Highway comes with a pkg-config file only.
find_package(PkgConfig REQUIRED)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET GLOBAL libhwy)

if(PRIMAL_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(PRIMAL_BENCH)
  find_package(benchmark REQUIRED)
endif()
