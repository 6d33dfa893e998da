// What a training says while it runs, on stderr: a bar with rate and time left that is written over on a
// terminal, a plain line every 50 steps elsewhere. Steps with a validation leave their line in both.
#pragma once

#include <string>
#include <vector>

#include "apps/training/trainer.h"

namespace primal {

enum class ProgressMode { automatic, bar, plain, none };  // automatic: bar on a terminal, else plain

// "auto", "bar", "plain", "none"; ConfigError for anything else.
ProgressMode parse_progress(const std::string& name);

class Progress {
 public:
  // Pictures in a step, for the rate.
  Progress(ProgressMode mode, int64_t batch);
  void show(const TrainEvent& event) const;

 private:
  bool shown_, bar_, colour_;
  int64_t batch_;
};

// A part of the line, and its rank: of a line that is too long the fields of the highest rank go first,
// whole; 0 stays.
struct ProgressField {
  std::string text;
  int rank;
};
std::vector<ProgressField> progress_fields(const TrainEvent& event, int64_t batch);
std::string laid_out(std::vector<ProgressField> fields, size_t room);

// The line without bar, with all fields: numbers as they are in metrics.csv, rounded.
std::string progress_line(const TrainEvent& event, int64_t batch);

// "12.3 s", "4:05 min", "2:30 h"
std::string duration_text(double seconds);

}  // namespace primal
