// The parts of primal._core, each in a file of its own. Their names and arguments are for primal/*.py alone, which checks types and
// shapes, documents, and is what people import.
#pragma once

#include <nanobind/nanobind.h>

namespace primal::python {

void bind_errors(nanobind::module_& m);
void bind_models(nanobind::module_& m);
void bind_solver(nanobind::module_& m);
void bind_pictures(nanobind::module_& m);
void bind_training(nanobind::module_& m);

}  // namespace primal::python
