// An event file, as TensorBoard reads it: records of messages (messages.proto), appended and flushed one by
// one.
//
//   name      FOLDER/events.out.tfevents.SECONDS.HOST.PID, SECONDS above those of the files that are there
//   record    length of the message (u64), its masked CRC-32C (u32), message, its masked CRC-32C (u32), all
//             little-endian
//
// A file begins with the first step that it tells about: what other files in the folder say of that step and
// of later ones counts no more (TensorBoard purges it), so a training that goes on from an earlier checkpoint
// leaves neither gap nor overlap. A scalar is a float32. Numbers that are not finite are left out.
// Errors:  IoError, naming the file, where it cannot be created or written.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

namespace tensorboard {
class Event;
class HParams;
}  // namespace tensorboard

class EventFile {
 public:
  EventFile(const std::filesystem::path& folder, int64_t first_step);

  void scalar(int64_t step, const std::string& tag, double value);
  void picture(int64_t step, const std::string& tag, const Image& image);
  // Writes a histogram of all values: 30 intervals of equal width from the smallest to the largest
  // (data/figure/figure.h). Values that are not finite are not counted; where no value is finite, nothing is
  // written.
  void histogram(int64_t step, const std::string& tag, const Tensor& values);
  void text(int64_t step, const std::string& tag, const std::string& markdown);
  // Settings, an object of numbers, texts and truth values, and the tags of the scalars they are to be
  // compared by; once, before the first step.
  void settings(const nlohmann::json& settings, const std::vector<std::string>& metric_tags);
  // How it ended, for the page of the settings.
  void end(bool well);

  const std::filesystem::path& path() const { return path_; }

 private:
  void write(const tensorboard::Event& event);
  void write_hparams(const std::string& tag, const tensorboard::HParams& content);

  std::filesystem::path path_;
  std::ofstream stream_;
};

// Removes the event files of a folder, for a training that starts anew in it.
void remove_event_files(const std::filesystem::path& folder);

}  // namespace primal
