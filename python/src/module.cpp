// primal._core: what the Python package takes from the C++ libraries.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "python/src/bindings.h"
#include "python/src/calls.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"

namespace nb = nanobind;

NB_MODULE(_core, m) {
  using namespace primal::python;
  m.attr("version") = PRIMAL_VERSION;
  nb::set_leak_warnings(false);  // objects that a daemon thread holds at the end are no leak
  watch_forks();
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(end_calls));
  bind_errors(m);
  bind_models(m);
  bind_solver(m);
  bind_pictures(m);
  bind_training(m);
  m.def("num_threads", primal::num_threads);
  m.def("set_num_threads", primal::set_num_threads);
  m.def("peak_bytes", [] { return primal::host_pool().stats().peak_bytes; });
  m.def("live_bytes", [] { return primal::host_pool().stats().live_bytes; });
  m.def("reset_peak", [] { primal::host_pool().reset_peak(); });
}
