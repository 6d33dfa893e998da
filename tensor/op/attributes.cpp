#include "tensor/op/attributes.h"

#include <cmath>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tensor/error.h"

namespace primal {
namespace {

Attribute attribute_of(const std::string& name, const nlohmann::json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) throw DataError("[attrs] {} expects a value or a list, found {}", name, json.dump());
  Attribute list;
  for (const nlohmann::json& element : json) list.elements().push_back(attribute_of(name, element));
  return list;
}

}  // namespace

void Attribute::read(bool& to, std::string_view name) const {
  if (const bool* value = std::get_if<bool>(&value_)) {
    to = *value;
  } else {
    refuse(name, "true or false");
  }
}

void Attribute::read(int64_t& to, std::string_view name) const {
  if (const int64_t* value = std::get_if<int64_t>(&value_)) {
    to = *value;
  } else {
    refuse(name, "an integer");
  }
}

void Attribute::read(double& to, std::string_view name) const {
  if (const double* value = std::get_if<double>(&value_)) {
    to = *value;
  } else if (const int64_t* integer = std::get_if<int64_t>(&value_)) {
    to = static_cast<double>(*integer);
  } else {
    refuse(name, "a number");
  }
}

void Attribute::read(std::string& to, std::string_view name) const {
  if (const std::string* value = std::get_if<std::string>(&value_)) {
    to = *value;
  } else {
    refuse(name, "a text");
  }
}

const Attribute::List& Attribute::list(std::string_view name) const {
  if (!is_list()) refuse(name, "a list");
  return std::get<List>(value_);
}

const Attribute::List& Attribute::elements() const {
  static const List none;
  return is_list() ? std::get<List>(value_) : none;
}

Attribute::List& Attribute::elements() {
  if (!is_list()) value_ = List{};
  return std::get<List>(value_);
}

void Attribute::refuse(std::string_view name, std::string_view expected) const {
  throw DataError("[attrs] {} expects {}, found {}", name, expected, str());
}

std::string Attribute::str() const {
  if (const bool* value = std::get_if<bool>(&value_)) return *value ? "true" : "false";
  if (const int64_t* value = std::get_if<int64_t>(&value_)) return fmt::format("{}", *value);
  if (const double* value = std::get_if<double>(&value_)) return nlohmann::json(*value).dump();
  if (const std::string* value = std::get_if<std::string>(&value_)) return nlohmann::json(*value).dump();
  std::vector<std::string> texts;
  for (const Attribute& element : elements()) texts.push_back(element.str());
  return fmt::format("[{}]", fmt::join(texts, ","));
}

Attributes Attributes::parse(const std::string& text) {
  const nlohmann::json json = [&] {
    try {
      return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
      throw DataError("[attrs] they are not JSON: {}", error.what());
    }
  }();
  if (!json.is_object()) throw DataError("[attrs] they are not a JSON object: {}", json.dump());
  Attributes attributes;
  for (const auto& [name, value] : json.items()) attributes[name] = attribute_of(name, value);
  return attributes;
}

const Attribute& Attributes::at(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw DataError("[attrs] {} is missing", name);
  return found->second;
}

void Attributes::update(const Attributes& others) {
  for (const auto& [name, value] : others) values_[name] = value;
}

}  // namespace primal
