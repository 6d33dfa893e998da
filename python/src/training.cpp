// Training from Python: the same settings, tasks and loop as `primal train` (apps/training).
#include <csignal>
#include <exception>
#include <filesystem>
#include <memory>
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "apps/training/checkpoint.h"
#include "apps/training/denoising_loss.h"
#include "apps/training/make_task.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_lock.h"
#include "apps/training/trainer.h"
#include "python/src/bindings.h"
#include "python/src/calls.h"
#include "tensor/error.h"

namespace nb = nanobind;
namespace fs = std::filesystem;

namespace primal::python {
namespace {

struct Request {
  std::optional<std::string> file;       // a configuration
  std::vector<std::string> assignments;  // "training.steps=600", which win over the file
  bool resume = false, overwrite = false;
};

bool is_there(const fs::path& path) {
  std::error_code error;
  const bool found = fs::exists(path, error);
  if (error) throw IoError("[train] cannot read {}: {}", path.string(), error.message());
  return found;
}

Settings settings_of(const Request& request) {
  Settings settings;
  if (request.file) apply_file(settings, *request.file);
  apply_environment(settings, environ);
  std::vector<FlagValue> values;
  for (const std::string& assignment : request.assignments) values.push_back({assignment, "train()"});
  apply_flags(settings, values);
  expand_places(settings);
  if (settings.config.output.empty()) throw ConfigError("[config] output is empty: name a folder");
  const fs::path last = fs::path(settings.config.output) / kLastCheckpoint;
  if (request.resume) {
    if (!is_there(last)) throw IoError("[train] nothing to resume: {} does not exist", last.string());
    std::vector<std::string> changes;
    settings = resumed(settings, checkpoint_info(last).config, last.string(), changes);
  } else {
    check_owners(settings);
    if (is_there(last)) {
      const RunLock somebody_at_work(settings.config.output);
      if (!request.overwrite)
        throw ConfigError("[train] {} already contains a training; give resume, overwrite or another output",
                          settings.config.output);
    }
  }
  TrainConfig::Noise& noise = settings.config.noise;
  if (noise.high == 0.0 && !settings.origins.contains("noise.low")) noise.low = 0.0;
  if (noise.low > noise.high)
    throw ConfigError("[config] noise.low {} is above noise.high {}", noise.low, noise.high);
  if (settings.config.task.kind == "denoise") check_denoising_loss(settings.config);
  complete_config(settings.config);
  return settings;
}

// What on_step is given.
nb::dict as_dict(const TrainEvent& event) {
  nb::dict d;
  d["step"] = event.step;
  d["n_steps"] = event.n_steps;
  d["epoch"] = event.epoch;
  d["loss"] = event.loss;
  d["mean_loss"] = event.mean_loss;
  d["learning_rate"] = event.learning_rate;
  d["step_ms"] = event.step_ms;
  d["seconds_left"] = event.seconds_left;
  nb::dict validation;
  for (size_t i = 0; i < event.validation.size() && i < event.metric_names.size(); ++i)
    validation[event.metric_names[i].c_str()] = event.validation[i].mean;
  d["validation"] = validation;
  return d;
}

// Python's functions, called from the thread that trains.
class Listener {
 public:
  Listener(nb::object on_step, nb::object on_remark)
      : on_step_(std::move(on_step)), on_remark_(std::move(on_remark)) {}
  ~Listener() {
    if (!Py_IsInitialized()) return;
    const nb::gil_scoped_acquire locked;
    on_step_.reset();
    on_remark_.reset();
    error_.reset();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // False where the training is to stop.
  bool step(const TrainEvent& event) {
    if (on_step_.is_none()) return true;
    const nb::gil_scoped_acquire locked;
    try {
      return !nb::object(on_step_(as_dict(event))).is(nb::handle(Py_False));
    } catch (nb::python_error& raised) {
      error_ = std::make_unique<nb::python_error>(std::move(raised));
      return false;
    }
  }
  void remark(const std::string& text) {
    if (on_remark_.is_none() || error_) return;
    const nb::gil_scoped_acquire locked;
    try {
      on_remark_(nb::steal<nb::str>(
          PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace")));
    } catch (nb::python_error& raised) {
      error_ = std::make_unique<nb::python_error>(std::move(raised));
    }
  }
  // What one of them has raised; with the lock.
  void rethrow() {
    if (!error_) return;
    nb::python_error raised(std::move(*error_));
    error_.reset();
    throw raised;
  }

 private:
  nb::object on_step_, on_remark_;
  std::unique_ptr<nb::python_error> error_;
};

nb::dict train(const std::optional<std::string>& file, const std::vector<std::string>& assignments,
               bool resume, bool overwrite, nb::object on_step, nb::object on_remark) {
  const Request request{file, assignments, resume, overwrite};
  const auto listener = std::make_shared<Listener>(std::move(on_step), std::move(on_remark));
  struct Outcome {
    TrainResult result;
    std::string folder;
    volatile std::sig_atomic_t signal = 0;
  };
  const auto outcome = std::make_shared<Outcome>();
  const auto work = [request, listener, outcome](const Stop& stop) {
    const Settings settings = settings_of(request);
    outcome->folder = settings.config.output;
    const std::unique_ptr<Task> task = make_task(settings.config);
    if (!request.resume && !settings.config.training.init.empty())
      load_initial_weights(settings.config.training.init, task->model(), settings.config);
    for (const std::string& remark : task->remarks()) listener->remark(remark);
    if (stop.asked()) outcome->signal = SIGINT;
    outcome->result = primal::train(
        *task, settings, request.resume, outcome->signal,
        [&](const TrainEvent& event) {
          if (!listener->step(event) || stop.asked()) outcome->signal = SIGINT;
        },
        [&](const std::string& text) { listener->remark(text); });
  };
  call({.run = work, .brief = false, .finishes = true});
  listener->rethrow();
  const TrainResult& result = outcome->result;
  nb::dict d;
  d["folder"] = outcome->folder;
  d["step"] = result.step;
  d["mean_loss"] = result.mean_loss;
  d["seconds"] = result.seconds;
  d["stopped"] = result.stopped_by != 0;
  d["out_of_patience"] = result.out_of_patience;
  d["best_step"] = result.best_step;
  d["best"] = result.best_step > 0 ? nb::cast(result.best) : nb::none();
  return d;
}

}  // namespace

void bind_training(nb::module_& m) {
  using namespace nb::literals;
  m.def("train", train, "file"_a.none(), "assignments"_a, "resume"_a, "overwrite"_a, "on_step"_a.none(),
        "on_remark"_a.none());
}

}  // namespace primal::python
