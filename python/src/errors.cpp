// Each error of Primal becomes the class of the same name in primal/errors.py.
#include <exception>
#include <string>

#include "apps/shell/visible_text.h"
#include "python/src/bindings.h"
#include "tensor/error.h"

namespace nb = nanobind;

namespace primal::python {
namespace {

const char* name_of(const Error& error) {
  if (dynamic_cast<const ShapeError*>(&error)) return "ShapeError";
  if (dynamic_cast<const ConfigError*>(&error)) return "ConfigError";
  if (dynamic_cast<const DataError*>(&error)) return "DataError";
  if (dynamic_cast<const IoError*>(&error)) return "IoError";
  if (dynamic_cast<const DeviceError*>(&error)) return "DeviceError";
  if (dynamic_cast<const NumericError*>(&error)) return "NumericError";
  if (dynamic_cast<const CheckFailed*>(&error)) return "CheckFailed";
  return "Error";
}

void raise(const Error& error) {
  // What a message has from a file is shown, not sent to the terminal.
  const std::string text = visible_message(error.what());
  try {
    const nb::object type = nb::module_::import_("primal.errors").attr(name_of(error));
    PyErr_SetString(type.ptr(), text.c_str());
  } catch (nb::python_error& e) {
    e.restore();
  }
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      raise(error);
    }
  });
}

}  // namespace primal::python
