// The parts of primal._core, each in a file of its own. Only primal/*.py uses their names and arguments: it
// is the public interface, which checks types and shapes and has the documentation.
#pragma once

#include <nanobind/nanobind.h>

namespace primal::python {

void bind_errors(nanobind::module_& m);
void bind_models(nanobind::module_& m);
void bind_solver(nanobind::module_& m);
void bind_pictures(nanobind::module_& m);
void bind_training(nanobind::module_& m);

}  // namespace primal::python
