// What every bench with cases of its own begins with.
#include <benchmark/benchmark.h>

#include "bench/cases.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  primal::register_cases();
  benchmark::RunSpecifiedBenchmarks();
}
