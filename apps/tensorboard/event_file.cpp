#include "apps/tensorboard/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unistd.h>

#include "apps/tensorboard/crc32c.h"
#include "data/figure/figure.h"
#include "tensor/error.h"
#include "tensorboard/messages.pb.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
namespace tb = tensorboard;

constexpr const char* kPrefix = "events.out.tfevents.";
constexpr int kBuckets = 30;

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

tb::Event event_at(int64_t step) {
  tb::Event event;
  event.set_wall_time(now());
  event.set_step(step);
  return event;
}

std::string little_endian(uint64_t value, size_t n_bytes) {
  std::string bytes(n_bytes, '\0');
  for (char& byte : bytes) {
    byte = std::bit_cast<char>(static_cast<unsigned char>(value & 0xffU));
    value >>= 8;
  }
  return bytes;
}

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.path().filename().string().starts_with(kPrefix)) files.push_back(file.path());
  }
  return files;
}

// TensorBoard reads the files of a folder in the order of their names.
long long next_second(const fs::path& folder) {
  auto second = static_cast<long long>(now());
  for (const fs::path& file : event_files(folder)) {
    const std::string name = file.filename().string();
    second = std::max(second,
                      std::strtoll(name.c_str() + std::char_traits<char>::length(kPrefix), nullptr, 10) + 1);
  }
  return second;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

google::protobuf::Value value_of(const nlohmann::json& setting) {
  google::protobuf::Value value;
  if (setting.is_boolean()) {
    value.set_bool_value(setting.get<bool>());
  } else if (setting.is_number()) {
    value.set_number_value(setting.get<double>());
  } else {
    value.set_string_value(setting.is_string() ? setting.get<std::string>() : setting.dump());
  }
  return value;
}

tb::HParams::HParamInfo::Type type_of(const nlohmann::json& setting) {
  if (setting.is_boolean()) return tb::HParams::HParamInfo::BOOLEAN;
  return setting.is_number() ? tb::HParams::HParamInfo::NUMBER : tb::HParams::HParamInfo::TEXT;
}

}  // namespace

EventFile::EventFile(const fs::path& folder, int64_t first_step) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("[log] cannot create the folder {}: {}", folder.string(), error.message());
  path_ = folder / fmt::format("{}{:010}.{}.{}", kPrefix, next_second(folder), host_name(), getpid());
  stream_.open(path_, std::ios::binary | std::ios::app);
  if (!stream_) throw IoError("[log] cannot create {}", path_.string());
  tb::Event version = event_at(0);
  version.set_file_version("brain.Event:2");
  write(version);
  tb::Event start = event_at(first_step);
  start.mutable_session_log()->set_status(tb::SessionLog::START);
  write(start);
}

void EventFile::write(const tb::Event& event) {
  const std::string message = event.SerializeAsString(), length = little_endian(message.size(), 8);
  stream_ << length << little_endian(masked(crc32c(length)), 4) << message
          << little_endian(masked(crc32c(message)), 4) << std::flush;
  if (!stream_) throw IoError("[log] cannot write {}", path_.string());
}

void EventFile::scalar(int64_t step, const std::string& tag, double value) {
  if (!std::isfinite(value)) return;
  tb::Event event = event_at(step);
  tb::Summary::Value* scalar = event.mutable_summary()->add_value();
  scalar->set_tag(tag);
  scalar->set_simple_value(static_cast<float>(value));
  write(event);
}

void EventFile::picture(int64_t step, const std::string& tag, const Image& image) {
  const std::vector<uint8_t> png = encode_png(image);
  tb::Event event = event_at(step);
  tb::Summary::Value* value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  tb::Summary::Image* picture = value->mutable_image();
  picture->set_height(static_cast<int32_t>(image.height));
  picture->set_width(static_cast<int32_t>(image.width));
  picture->set_colorspace(image.channels);
  picture->set_encoded_image_string(png.data(), png.size());
  write(event);
}

void EventFile::histogram(int64_t step, const std::string& tag, const Tensor& values) {
  std::vector<double> finite = values.to_doubles();
  std::erase_if(finite, [](double v) { return !std::isfinite(v); });
  if (finite.empty()) return;
  tb::Event event = event_at(step);
  tb::Summary::Value* value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  tb::Histogram* histogram = value->mutable_histo();
  const auto [low, high] = std::ranges::minmax(finite);
  histogram->set_min(low);
  histogram->set_max(high);
  histogram->set_num(static_cast<double>(finite.size()));
  histogram->set_sum(std::accumulate(finite.begin(), finite.end(), 0.0));
  histogram->set_sum_squares(std::inner_product(finite.begin(), finite.end(), finite.begin(), 0.0));
  // An interval begins at the limit before it: an empty one ends where the first begins.
  const Bars bars = primal::histogram(finite, kBuckets);
  histogram->add_bucket_limit(bars.left.front());
  histogram->add_bucket(0.0);
  for (size_t i = 0; i < bars.height.size(); ++i) {
    histogram->add_bucket_limit(bars.right[i]);
    histogram->add_bucket(bars.height[i]);
  }
  write(event);
}

void EventFile::text(int64_t step, const std::string& tag, const std::string& markdown) {
  tb::Event event = event_at(step);
  tb::Summary::Value* value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  value->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  value->mutable_metadata()->set_data_class(tb::SummaryMetadata::TENSOR);
  tb::TensorValue* tensor = value->mutable_tensor();
  tensor->set_dtype(tb::TensorValue::STRING);
  tensor->mutable_tensor_shape()->add_dim()->set_size(1);
  tensor->add_string_val(markdown);
  write(event);
}

void EventFile::write_hparams(const std::string& tag, const tb::HParams& content) {
  tb::Event event = event_at(0);
  tb::Summary::Value* value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  tb::SummaryMetadata::PluginData* plugin = value->mutable_metadata()->mutable_plugin_data();
  plugin->set_plugin_name("hparams");
  plugin->set_content(content.SerializeAsString());
  write(event);
}

void EventFile::settings(const nlohmann::json& settings, const std::vector<std::string>& metric_tags) {
  tb::HParams experiment, start;
  for (const auto& [name, setting] : settings.items()) {
    tb::HParams::HParamInfo* info = experiment.mutable_experiment()->add_hparam_infos();
    info->set_name(name);
    info->set_type(type_of(setting));
    (*start.mutable_session_start_info()->mutable_hparams())[name] = value_of(setting);
  }
  for (const std::string& tag : metric_tags)
    experiment.mutable_experiment()->add_metric_infos()->mutable_name()->set_tag(tag);
  start.mutable_session_start_info()->set_start_time_secs(now());
  write_hparams("_hparams_/experiment", experiment);
  write_hparams("_hparams_/session_start_info", start);
}

void EventFile::end(bool well) {
  tb::HParams end;
  end.mutable_session_end_info()->set_status(well ? tb::HParams::SessionEnd::SUCCESS
                                                  : tb::HParams::SessionEnd::FAILURE);
  end.mutable_session_end_info()->set_end_time_secs(now());
  write_hparams("_hparams_/session_end_info", end);
}

void remove_event_files(const fs::path& folder) {
  for (const fs::path& file : event_files(folder)) {
    std::error_code error;
    fs::remove(file, error);
  }
}

}  // namespace primal
